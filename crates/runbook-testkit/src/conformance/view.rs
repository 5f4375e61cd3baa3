//! A picture to send, for tests of whatever shows one.
#![allow(clippy::expect_used, reason = "constant names are valid, and a run that works has a state")]

use runbook_core::{ServiceFacts, ServiceId, StatusContext, StatusView, plan::Access};

use super::in_stage;

/// The picture of a run in its middle: one critical service that nobody has measured yet.
pub async fn status_view() -> StatusView {
    in_stage(Access::ReadOnly, async |cx| {
        let run = cx.run_state().await.expect("a run that works has a state");
        let environment = cx.environment_state().await.expect("a run that works has an environment");
        let service = ServiceFacts {
            id: ServiceId::new("service").expect("a constant id is valid"),
            name: "A Service".to_owned(),
            critical: true,
            port: Some(8000),
        };
        let context = StatusContext {
            project: "conformance".to_owned(),
            environment: run.request.environment.clone(),
            default_environment: true,
            services: vec![service],
            valid_for_s: 3600,
            labels: vec!["runbook".to_owned()],
            workflow: "runbook.yml".to_owned(),
            deploys: false,
        };
        StatusView::of(&run, &environment, &context, cx.now())
    })
    .await
}
