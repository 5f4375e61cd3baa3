//! Both notifiers at one address, and a view to tell of.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use runbook_core::{
    Action, OperationalStatus, Secret, StatusDocument, StatusView, Verdict,
    event::Operation,
    ports::{Notifier, NotifyError},
};
use runbook_notify::{DiscordNotifier, SlackNotifier};
use runbook_render::Renderer;
use runbook_testkit::{HttpTarget, conformance::permitted};

/// The part of the path that nobody may see.
pub const SECRET: &str = "hunter2-hunter2-hunter2";

/// A webhook's address at this target.
pub fn address(target: &HttpTarget) -> String {
    target.url(&format!("/services/T0/{SECRET}"))
}

/// A Slack and a Discord notifier for this address.
pub fn both(address: &str, timeout: Duration) -> [Box<dyn Notifier>; 2] {
    let renderer = Arc::new(Renderer::new().unwrap());
    let url = Secret::new(address);
    [
        Box::new(SlackNotifier::new(&url, timeout, Arc::clone(&renderer)).unwrap()),
        Box::new(DiscordNotifier::new(&url, timeout, renderer).unwrap()),
    ]
}

/// Tells a chat, with leave from a real run.
pub async fn notify(notifier: &dyn Notifier) -> Result<(), NotifyError> {
    let operation = Operation::Notify { to: notifier.name().to_owned() };
    permitted(operation, async |permit| notifier.notify(&permit, &view()).await).await
}

/// The error of a chat that could not be told; nothing of it shows the secret.
pub async fn refused(notifier: &dyn Notifier) -> NotifyError {
    let error = notify(notifier).await.unwrap_err();
    let shown = format!("{error} {error:?} {notifier:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    error
}

pub fn view() -> StatusView {
    let at: Timestamp = "2026-11-23T10:15:00Z".parse().unwrap();
    let document = StatusDocument {
        schema: StatusDocument::SCHEMA.to_owned(),
        project: "Forge".to_owned(),
        environment: "production".parse().unwrap(),
        operational_status: OperationalStatus::Critical,
        status_reasons: vec!["api is unhealthy".to_owned()],
        updated_at: at,
        valid_until: at,
        services: Vec::new(),
        run: None,
        verdict: Some(Verdict::RolledBack),
        stopped: None,
    };
    StatusView {
        project: document.project.clone(),
        environment: document.environment.clone(),
        default_environment: true,
        operational_status: document.operational_status,
        reasons: document.status_reasons.clone(),
        updated_at: at,
        valid_until: at,
        run: "0190a1b2-0000-7000-8000-000000000001".parse().unwrap(),
        run_url: None,
        ci_run: None,
        trigger: "push".to_owned(),
        actor: "mona".to_owned(),
        branch: None,
        action: Action::Deploy,
        verdict: document.verdict,
        verdict_reason: None,
        rollback: None,
        stopped: None,
        stages: Vec::new(),
        services: Vec::new(),
        commands: Vec::new(),
        labels: Vec::new(),
        valid_for_s: 21_600,
        document,
    }
}
