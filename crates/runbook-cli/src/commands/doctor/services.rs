//! The services, by one look of the engine: what `runbook check` does.

use runbook_core::{Finding, Health, ServiceRow, engine::Engine};

pub(super) async fn look(engine: &Engine) -> Vec<Finding> {
    engine.check(&[]).await.services.iter().map(of_row).collect()
}

fn of_row(row: &ServiceRow) -> Finding {
    let id = format!("service.{}", row.id);
    let what = format!("{} is {}: {}", row.name, row.health.as_str(), row.evidence);
    let why = if row.critical {
        "it is critical: as long as it is unhealthy the status is CRITICAL"
    } else {
        "as long as it is not healthy the status is DEGRADED"
    };
    let again = format!("runbook check {}", row.id);
    match row.health {
        Health::Healthy => Finding::ok(id, what),
        Health::Degraded => Finding::warning(id, what, why, again),
        Health::Unhealthy => {
            Finding::problem(id, what, why, format!("start it, or mend its `url` and probes, then: {again}"))
        }
        Health::Unknown => Finding::unknown(
            id,
            what,
            "nobody knows how it is, so a deploy of it needs an operator",
            format!("look whether this machine reaches it, then: {again}"),
        ),
    }
}
