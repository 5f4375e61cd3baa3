//! The operational status as it may be stated now.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{ServiceRow, StatusContext, service_rows};
use crate::{
    state::{EnvironmentState, RunState},
    words::{Health, OperationalStatus, ServiceId, StatusReason, Verdict, operational_status},
};

/// The operational status of these lines.
pub fn status_of_rows(rows: &[ServiceRow], stopped: bool) -> (OperationalStatus, Vec<String>) {
    let names: BTreeMap<&ServiceId, &str> = rows.iter().map(|row| (&row.id, row.name.as_str())).collect();
    let reasons = rows.iter().map(|row| StatusReason {
        name: &row.name,
        critical: row.critical,
        health: row.health,
        because_of: row.caused_by.as_ref().and_then(|cause| names.get(cause).copied()),
        maintenance: row.maintenance.is_some(),
    });
    operational_status(reasons, stopped)
}

/// The operational status as a run may state it: the table, and never OPERATIONAL after a run that needs an operator.
pub fn current_status(
    run: &RunState,
    environment: &EnvironmentState,
    context: &StatusContext,
    now: Timestamp,
) -> (OperationalStatus, Vec<String>) {
    of_rows(run, environment, &service_rows(environment, context, now))
}

/// The operational status as chats are told it: planned maintenance is nobody's alarm, so a service that is in it counts
/// as if it were well, and so does one that is in a bad state because of it.
pub(crate) fn alerting_status(
    run: &RunState,
    environment: &EnvironmentState,
    context: &StatusContext,
    now: Timestamp,
) -> OperationalStatus {
    let mut rows = service_rows(environment, context, now);
    let planned: BTreeSet<ServiceId> =
        rows.iter().filter(|row| row.maintenance.is_some()).map(|row| row.id.clone()).collect();
    let is_planned = |row: &ServiceRow| {
        planned.contains(&row.id) || row.caused_by.as_ref().is_some_and(|cause| planned.contains(cause))
    };
    for row in rows.iter_mut().filter(|row| is_planned(row)) {
        row.health = Health::Healthy;
    }
    of_rows(run, environment, &rows).0
}

fn of_rows(run: &RunState, environment: &EnvironmentState, rows: &[ServiceRow]) -> (OperationalStatus, Vec<String>) {
    let (mut status, mut reasons) = status_of_rows(rows, environment.latch.is_some());
    if let Some((other, reason)) = environment.unsettled.as_ref().filter(|(other, _)| *other != run.run) {
        status = status.max(OperationalStatus::Degraded);
        reasons.insert(0, format!("run {other} needs an operator: {reason}"));
    }
    match &run.verdict {
        Some((Verdict::NeedsOperator, reason)) => {
            status = status.max(OperationalStatus::Degraded);
            reasons.insert(0, format!("the {} needs an operator: {reason}", run.request.action));
        }
        Some((Verdict::RolledBack, reason)) => reasons.push(reason.clone()),
        _ => {}
    }
    (status, reasons)
}
