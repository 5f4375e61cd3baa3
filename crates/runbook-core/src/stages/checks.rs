//! The gate rule `checks`: what the forge's required checks say of the commits that are to be deployed.
//!
//! Checks that have not ended, or are not there yet, are waited for within `policy.checks_wait`; so is a forge that cannot
//! answer for the moment. What failed, and what says nothing that anybody could go by, blocks at once.

use std::time::Duration;

use crate::{
    engine::{StageContext, with_causes},
    ports::{Check, CheckState, Checks},
    registry::Ports,
    words::{CommitId, GateRule},
};

const RULE: &str = "checks";
/// The pause between the first two looks; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What one look came to.
enum Look {
    Decided(GateRule),
    /// Nothing speaks against the commits yet; the words say what is waited for.
    Open(String),
}

/// Answers the rule. It looks once, and again only where it may wait.
pub(super) async fn rule(cx: &StageContext, ports: &Ports, may_wait: bool) -> GateRule {
    let mut commits: Vec<&CommitId> = Vec::new();
    for (_, target) in cx.plan().changing() {
        match &target.commit {
            Some(commit) if !commits.contains(&commit) => commits.push(commit),
            Some(_) => {}
            None => {
                let why = format!("the commit of {target} is not known, so nobody can tell what was checked of it");
                return GateRule::block(RULE, why);
            }
        }
    }
    if commits.is_empty() {
        return GateRule::pass(RULE, "nothing is going to change");
    }
    let forge = match &ports.forge.checks {
        Ok(forge) => forge.as_ref(),
        Err(why) => return GateRule::block(RULE, format!("the required checks cannot be read: {why}")),
    };
    let budget = if may_wait { ports.policy.checks_wait.0 } else { Duration::ZERO };
    let began = cx.now();
    let mut pause = FIRST_PAUSE;
    loop {
        let open = match look(forge, &commits, &ports.policy.required_checks).await {
            Look::Decided(rule) => return rule,
            Look::Open(open) => open,
        };
        let waited = Duration::try_from(cx.now().duration_since(began)).unwrap_or_default();
        let left = budget.saturating_sub(waited);
        if left.is_zero() {
            let waited = if budget.is_zero() { String::new() } else { format!(", after {} s", budget.as_secs()) };
            return GateRule::block(RULE, format!("{open}{waited}"));
        }
        cx.progress(format!("waiting for checks: {open}"));
        if let Some(ended) = wait(cx, pause.min(left)).await {
            return GateRule::block(RULE, format!("{open}; {ended}"));
        }
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

/// Waits; says why, when there is nothing to wait for any more.
async fn wait(cx: &StageContext, pause: Duration) -> Option<String> {
    tokio::select! {
        biased;
        () = cx.cancelled() => Some("the run was asked to end".to_owned()),
        () = cx.clock().sleep(pause) => None,
        refusal = cx.overtaken() => Some(refusal.to_string()),
    }
}

async fn look(forge: &dyn Checks, commits: &[&CommitId], required: &[String]) -> Look {
    let (mut against, mut open) = (Vec::new(), Vec::new());
    for commit in commits {
        let of = format!("of commit {}", commit.short());
        match forge.of(commit).await {
            Ok(found) => {
                for name in required {
                    match worst(&found, name) {
                        None => open.push(format!("there is no check {name:?} {of}")),
                        Some(check) => match check.state {
                            CheckState::Passed => {}
                            CheckState::Pending => open.push(format!("{name} {of} has not ended ({})", check.said)),
                            CheckState::Failed => against.push(format!("{name} {of} failed ({})", check.said)),
                            CheckState::Unknown => {
                                against.push(format!("{name} {of} says neither yes nor no ({})", check.said));
                            }
                        },
                    }
                }
            }
            Err(error) => {
                let words = format!("the checks {of} could not be read: {}", with_causes(&error));
                if error.retryable { open.push(words) } else { against.push(words) }
            }
        }
    }
    if !against.is_empty() {
        return Look::Decided(GateRule::block(RULE, against.join("; ")));
    }
    if !open.is_empty() {
        return Look::Open(open.join("; "));
    }
    let of: Vec<&str> = commits.iter().map(|commit| commit.short()).collect();
    Look::Decided(GateRule::pass(RULE, format!("passed of commit {}: {}", of.join(", "), required.join(", "))))
}

/// Of several sources with one name the worst counts.
fn worst<'a>(found: &'a [Check], name: &str) -> Option<&'a Check> {
    found.iter().filter(|check| check.name == name).max_by_key(|check| match check.state {
        CheckState::Passed => 0,
        CheckState::Pending => 1,
        CheckState::Unknown => 2,
        CheckState::Failed => 3,
    })
}
