//! The services, by one look of the engine: what `runbook check` does. Of those that are reached from elsewhere only, the
//! newest reading that was published there.

use runbook_core::{
    Finding, Health, ServiceId, ServiceRow,
    engine::{Engine, with_causes},
};

pub(super) async fn look(engine: &Engine) -> Vec<Finding> {
    let ports = engine.ports();
    let known = ports.status.services.iter().map(|service| &service.id);
    let here: Vec<ServiceId> = known.filter(|id| !ports.runs_on.contains_key(id)).cloned().collect();
    let mut findings: Vec<Finding> = engine.check_exactly(&here).await.services.iter().map(of_row).collect();
    if !ports.runs_on.is_empty() {
        findings.extend(elsewhere(engine).await);
    }
    findings
}

async fn elsewhere(engine: &Engine) -> Vec<Finding> {
    let ports = engine.ports();
    let environment = engine.environment().await.map_err(|error| with_causes(&error));
    let now = ports.clock.now();
    let of = |(id, labels): (&ServiceId, &Vec<String>)| {
        let published = environment.as_ref().map(|known| known.service(id).and_then(|state| state.published.as_ref()));
        let found = match published {
            Ok(Some(reading)) if now.duration_since(reading.at).unsigned_abs() <= ports.monitor.published_for.0 => {
                let by = reading.published_by.as_deref().unwrap_or("somebody");
                let what = format!("{id} was {} at {:.0}, as {by} published", reading.health, reading.at);
                return Finding::ok(format!("service.{id}"), what);
            }
            Ok(Some(reading)) => format!("the newest reading from there is of {:.0}", reading.at),
            Ok(None) => "nobody has published a reading from there".to_owned(),
            Err(why) => why.clone(),
        };
        Finding::unknown(
            format!("service.{id}"),
            format!("{id} is measured on {} and not from here: {found}", labels.join(", ")),
            "nobody knows how it is, so it counts as unknown",
            format!("there, on a schedule: runbook check {id} --publish"),
        )
    };
    ports.runs_on.iter().map(of).collect()
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
