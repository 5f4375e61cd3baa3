//! Makes a [`Picture`] of a view at a level of detail.

use std::collections::BTreeMap;

use runbook_core::{
    Health, Permission, RollbackRow, RuleVerdict, ServiceRow, StageRow, StatusView, SuggestedCommand, Verdict,
};

use super::{
    Detail,
    model::{
        CommandPicture, Picture, RollbackPicture, RunPicture, ServicePicture, StagePicture, StatusPicture,
        VerdictPicture,
    },
    service::service,
};
use crate::{
    escape, facts,
    text::{count, length, shorten},
    words,
};

/// The longest address that is shown as a link, in characters.
pub(super) const LONGEST_URL: usize = 1000;

impl Picture {
    /// The picture of a view. Pure; the same view and detail give the same picture.
    pub(crate) fn of(view: &StatusView, detail: &Detail) -> Self {
        let short = |text: &str| shorten(text, detail.text);
        let (services, more_services) = services(view, detail);
        let hidden =
            |number: usize, one: &str, many: &str| (number > 0).then(|| format!("… and {}", count(number, one, many)));
        Self {
            project: short(&view.project),
            environment: view.environment.to_string(),
            status: StatusPicture {
                sign: view.operational_status.emoji().to_owned(),
                word: view.operational_status.as_str().to_owned(),
            },
            reasons: reasons(view, detail),
            updated_at: words::moment(view.updated_at),
            valid_until: words::moment(view.valid_until),
            valid_for: words::span(u64::from(view.valid_for_s) * 1000),
            run: RunPicture {
                id: view.run.to_string(),
                name: match &view.ci_run {
                    Some(id) => format!("run {}", short(id)),
                    None => format!("run {}", view.run),
                },
                url: view.run_url.as_deref().and_then(escape::web_url).filter(|url| length(url) <= LONGEST_URL),
            },
            trigger: or_unknown(short(&view.trigger)),
            actor: or_unknown(short(&view.actor)),
            branch: view.branch.as_deref().map(short).filter(|branch| !branch.is_empty()),
            action: view.action.to_string(),
            verdict: VerdictPicture {
                sign: words::verdict_sign(view.verdict).to_owned(),
                phrase: words::verdict_phrase(view.verdict).to_owned(),
                reason: view.verdict_reason.as_deref().map(short).filter(|reason| !reason.is_empty()),
            },
            needs_operator: view.verdict == Some(Verdict::NeedsOperator),
            stopped: view.stopped.as_deref().map(|reason| or_unknown(short(reason))),
            stages: view.stages.iter().take(detail.list).map(|row| stage(row, detail)).collect(),
            more_stages: hidden(view.stages.len().saturating_sub(detail.list), "more stage", "more stages"),
            rollback: view.rollback.as_ref().map(|row| rollback(row, detail)),
            services,
            more_services,
            healths: healths(&view.services),
            commands: view.commands.iter().take(detail.list).map(|entry| command(entry, detail)).collect(),
            more_commands: hidden(view.commands.len().saturating_sub(detail.list), "more command", "more commands"),
            labels: view.labels.iter().take(detail.list).map(|label| short(label)).collect(),
        }
    }
}

pub(super) fn or_unknown(text: String) -> String {
    if text.is_empty() { words::UNKNOWN.to_owned() } else { text }
}

/// At most [`Detail::list`] reasons and a line that counts the rest. The verdict's own reason is told with the verdict.
fn reasons(view: &StatusView, detail: &Detail) -> Vec<String> {
    let reasons: Vec<_> = view.reasons.iter().filter(|reason| Some(*reason) != view.verdict_reason.as_ref()).collect();
    counted(&reasons, detail.list, "more reason", "more reasons", |reason| shorten(reason, detail.text))
}

/// At most `most` lines, and one that counts the rest.
pub(super) fn counted<T>(items: &[T], most: usize, one: &str, many: &str, line: impl Fn(&T) -> String) -> Vec<String> {
    let mut lines: Vec<_> = items.iter().take(most).map(line).collect();
    if items.len() > lines.len() {
        lines.push(format!("… and {}", count(items.len() - lines.len(), one, many)));
    }
    lines
}

pub(super) fn stage(row: &StageRow, detail: &Detail) -> StagePicture {
    let id = row.id.as_str();
    StagePicture {
        sign: words::stage_sign(id).to_owned(),
        name: words::stage_name(id).to_owned(),
        outcome_sign: words::outcome_sign(&row.outcome).to_owned(),
        outcome: shorten(&row.outcome, detail.text),
        duration: words::stage_time(&row.outcome, row.elapsed_ms),
        details: details(row).map_or_else(|| "–".to_owned(), |text| shorten(&text, detail.text)),
    }
}

/// Why a stage came out so: its reason, else what its gate rules say.
fn details(row: &StageRow) -> Option<String> {
    if let Some(reason) = row.reason.as_ref().filter(|reason| !reason.trim().is_empty()) {
        return Some(reason.clone());
    }
    let against: Vec<_> = row
        .rules
        .iter()
        .filter(|rule| rule.verdict != RuleVerdict::Pass)
        .map(|rule| format!("{}: {}", rule.id, rule.evidence))
        .collect();
    match (row.rules.len(), against.is_empty()) {
        (0, _) => None,
        (number, true) => Some(format!("{} passed", count(number, "rule", "rules"))),
        (_, false) => Some(against.join("; ")),
    }
}

/// The way back that was taken.
pub(super) fn rollback(row: &RollbackRow, detail: &Detail) -> RollbackPicture {
    let mut ways: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (service, way) in &row.services {
        let from = way.from.as_ref().map_or(words::UNKNOWN, |release| release.as_str());
        ways.entry(format!("{from} → {}", way.to)).or_default().push(service.as_str());
    }
    let ways = ways.into_iter().map(|(way, services)| format!("{way} ({})", services.join(", ")));
    RollbackPicture {
        sign: if row.verified { "✅" } else { "⚠️" }.to_owned(),
        verified: if row.verified { "verified" } else { "not verified" }.to_owned(),
        decided: if row.automatic { "automatic" } else { "asked for" }.to_owned(),
        ways: ways.take(detail.list).map(|way| shorten(&way, detail.text)).collect(),
        branch: row.branch.as_deref().map(|branch| shorten(branch, detail.text)),
        pull_request: row.pull_request.as_deref().and_then(escape::web_url).filter(|url| length(url) <= LONGEST_URL),
        taken_back: facts::taken_back(row, detail.commits)
            .iter()
            .take(detail.list)
            .map(|line| shorten(line, detail.text))
            .collect(),
        suspects: facts::suspects(&row.suspects, detail.commits),
    }
}

/// The rows that are shown, and a line for each kind of row that is not. In the configured order; where some are left
/// out, those that are not healthy come first.
fn services(view: &StatusView, detail: &Detail) -> (Vec<ServicePicture>, Vec<String>) {
    let (mut healthy, mut unwell) = (0_usize, 0_usize);
    let mut shown = Vec::new();
    let mut rows: Vec<_> = view.services.iter().collect();
    let all_healthy = rows.iter().filter(|row| row.health == Health::Healthy).count();
    if all_healthy > detail.healthy || rows.len() - all_healthy > detail.unwell {
        rows.sort_by_key(|row| row.health == Health::Healthy);
    }
    for row in rows {
        let (seen, most) =
            if row.health == Health::Healthy { (&mut healthy, detail.healthy) } else { (&mut unwell, detail.unwell) };
        *seen += 1;
        if *seen <= most {
            shown.push(service(row, &view.services, view.updated_at, detail));
        }
    }
    let more = [
        (
            unwell.saturating_sub(detail.unwell),
            "more service that is not healthy",
            "more services that are not healthy",
        ),
        (healthy.saturating_sub(detail.healthy), "more healthy service", "more healthy services"),
    ];
    let more = more.into_iter().filter(|(number, ..)| *number > 0);
    (shown, more.map(|(number, one, many)| format!("… and {}", count(number, one, many))).collect())
}

/// How many services are what; the worst kinds are named right after the healthy ones.
pub(crate) fn healths(services: &[ServiceRow]) -> String {
    let number = |health| services.iter().filter(|row| row.health == health).count();
    let healthy = number(Health::Healthy);
    let mut text = match (services.len(), healthy) {
        (0, _) => return "No service is configured.".to_owned(),
        (1, _) => return format!("The one service is {}.", services[0].health),
        (all, 0) => format!("None of {all} services is healthy"),
        (all, healthy) if all == healthy => format!("All {all} services are healthy"),
        (all, healthy) => {
            let verb = if healthy == 1 { "is" } else { "are" };
            format!("{healthy} of {} {verb} healthy", count(all, "service", "services"))
        }
    };
    let others = [Health::Unhealthy, Health::Degraded, Health::Unknown].map(|health| (number(health), health));
    for (at, (number, health)) in others.into_iter().filter(|(number, _)| *number > 0).enumerate() {
        text.push_str(if at == 0 { "; " } else { ", " });
        text.push_str(&format!("{number} {health}"));
    }
    text.push('.');
    text
}

fn command(entry: &SuggestedCommand, detail: &Detail) -> CommandPicture {
    let refused = match &entry.permission {
        Permission::Allowed => None,
        Permission::Refused(reason) => Some(or_unknown(shorten(reason, detail.text))),
    };
    let whole = length(&entry.command) <= detail.command;
    CommandPicture {
        title: shorten(&entry.title, detail.text),
        // A cut command would be another command.
        command: if whole { entry.command.clone() } else { "# too long to be shown here".to_owned() },
        precondition: shorten(&entry.precondition, detail.text),
        refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runbook_core::{GateRule, StepId};

    #[test]
    fn a_gate_without_a_reason_tells_its_rules() {
        let mut row = StageRow {
            id: StepId::new("safety-gate").unwrap(),
            outcome: "passed".into(),
            reason: None,
            elapsed_ms: 3,
            rules: vec![GateRule::pass("worktree-clean", "clean"), GateRule::pass("not-stopped", "no latch")],
        };
        assert_eq!(details(&row).as_deref(), Some("2 rules passed"));
        row.rules.push(GateRule::warn("way-back", "no way back yet"));
        assert_eq!(details(&row).as_deref(), Some("way-back: no way back yet"));
        row.reason = Some("told".into());
        assert_eq!(details(&row).as_deref(), Some("told"));
    }
}
