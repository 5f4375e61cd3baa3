//! Makes a [`MonitoringPicture`] of a report at a level of detail.

use std::collections::HashMap;

use runbook_core::{Health, OperationalStatus, Series, ServiceId, ServiceRow};

use super::{
    card::{CardInput, card, health_class},
    detail::MonitoringDetail,
    model::{MonitoringPicture, TallyPicture},
    run::newest_run,
};
use crate::{
    facts,
    monitoring::MonitoringReport,
    picture::{
        build::{counted, healths, or_unknown},
        model::StatusPicture,
    },
    text::{count, shorten},
    words,
};

impl MonitoringPicture {
    /// The picture of a report. Pure; the same report and detail give the same picture.
    pub(crate) fn of(report: &MonitoringReport, detail: &MonitoringDetail) -> Self {
        let status = &report.status;
        let short = |text: &str| shorten(text, detail.base.text);
        let series: HashMap<&ServiceId, &Series> =
            report.series.iter().map(|series| (&series.service, series)).collect();
        let mut rows: Vec<_> = status.services.iter().collect();
        rows.sort_by_key(|row| urgency(row));
        let columns: usize = series.values().map(|series| series.buckets.len()).sum();
        let hover = columns <= detail.hovers;
        let part = |at: usize, row: &&ServiceRow, charts: bool| {
            let before = report.report.as_ref().and_then(|run| facts::release_before(run, row));
            card(CardInput {
                id: format!("s{}", at + 1),
                row,
                rows: &status.services,
                series: series.get(&row.id).copied(),
                now: status.updated_at,
                before,
                charts,
                hover,
                detail: &detail.base,
            })
        };
        let (cards, others) = rows.split_at(rows.len().min(detail.cards));
        let others_shown = others.iter().take(detail.rows).enumerate();
        Self {
            project: or_unknown(short(&status.project)),
            environment: status.environment.to_string(),
            status: StatusPicture {
                sign: status.operational_status.emoji().to_owned(),
                word: status.operational_status.as_str().to_owned(),
            },
            class: status_class(status.operational_status).to_owned(),
            reasons: counted(&status.status_reasons, detail.base.list, "more reason", "more reasons", |text| {
                short(text)
            }),
            written_at: words::moment(status.updated_at),
            valid_until: words::moment(status.valid_until),
            stale: status.valid_until < status.updated_at,
            stopped: status.stopped.as_deref().map(|reason| or_unknown(short(reason))),
            from: words::minute(report.from),
            to: words::minute(report.to),
            period: period(report),
            healths: healths(&status.services),
            tally: tally(&status.services),
            cards: cards.iter().enumerate().map(|(at, row)| part(at, row, detail.charts)).collect(),
            rows: others_shown.map(|(at, row)| part(cards.len() + at, row, false)).collect(),
            more: others
                .len()
                .checked_sub(detail.rows)
                .filter(|number| *number > 0)
                .map(|number| format!("… and {}", count(number, "more service", "more services"))),
            run: report.report.as_ref().map(|run| newest_run(run, &status.services, &detail.base)),
        }
    }
}

fn period(report: &MonitoringReport) -> String {
    let span = report.to.duration_since(report.from);
    match u64::try_from(span.as_millis()) {
        Ok(ms) if ms > 0 => words::span(ms),
        _ => words::UNKNOWN.to_owned(),
    }
}

/// Worst first; what is so because of another comes behind it, and what was planned last.
fn urgency(row: &ServiceRow) -> (u8, bool, bool, bool) {
    let health = match row.health {
        Health::Unhealthy => 0,
        Health::Unknown => 1,
        Health::Degraded => 2,
        Health::Healthy => 3,
    };
    (health, row.maintenance.is_some(), row.caused_by.is_some(), !row.critical)
}

fn tally(rows: &[ServiceRow]) -> Vec<TallyPicture> {
    [Health::Unhealthy, Health::Unknown, Health::Degraded, Health::Healthy]
        .into_iter()
        .map(|health| TallyPicture {
            class: health_class(health).to_owned(),
            sign: words::health_sign(health).to_owned(),
            health: health.to_string(),
            number: rows.iter().filter(|row| row.health == health).count(),
        })
        .filter(|tally| tally.number > 0)
        .collect()
}

fn status_class(status: OperationalStatus) -> &'static str {
    match status {
        OperationalStatus::Operational => "good",
        OperationalStatus::Degraded => "warn",
        OperationalStatus::Critical => "bad",
    }
}
