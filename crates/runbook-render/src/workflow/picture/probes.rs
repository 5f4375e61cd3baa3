//! The jobs that measure for the watch: parts of many services, and services that one runner alone reaches.

use super::{ENVIRONMENT, Job, Pair, Step, call, conditions, in_environment, later, pair, runner, variables};
use crate::workflow::WorkflowFacts;

/// How many parts of the services are measured at once: what the smallest plan of GitHub runs at once.
/// Source: <https://docs.github.com/actions/reference/limits>.
const MOST_AT_ONCE: u32 = 20;

/// The jobs that measure before a run looks: one for each part of many services, and one for each runner that alone
/// reaches some. What they find goes into the journal.
pub(super) fn jobs(facts: &WorkflowFacts) -> Vec<Job> {
    let job = |id: &str, name: &str, why: &'static str, which: &str, env: &[Pair]| {
        let mut own = env.to_vec();
        if facts.environments.len() > 1 {
            own.push(pair("RUNBOOK_ENVIRONMENT", ENVIRONMENT));
        }
        let step = Step {
            name: "Measure and publish".to_owned(),
            id: None,
            condition: None,
            run: format!("{} check --publish {which} --fail-on never{}", call(facts), in_environment(facts)),
            env: variables(facts, &own),
        };
        let job = later(facts, id, name, "safety-gate", facts.minutes.probes, conditions::probes(), vec![step]);
        Job { why, outputs: Vec::new(), ..job }
    };
    let mut jobs = Vec::new();
    if facts.shards > 1 {
        let why = "Many services, measured by several machines; the watch takes what they publish in the journal.";
        let which = format!("--shard \"$RUNBOOK_SHARD/{}\"", facts.shards);
        let spread = job("probes", "📡 Probes", why, &which, &[pair("RUNBOOK_SHARD", "matrix.shard")]);
        let numbers: Vec<String> = (1..=facts.shards).map(|number| number.to_string()).collect();
        let shards = Some(format!("[{}]", numbers.join(", ")));
        jobs.push(Job { shards, at_once: facts.shards.min(MOST_AT_ONCE), ..spread });
    }
    for (at, labels) in facts.probes_on.iter().enumerate() {
        let why = "The services that are reached from this runner only.";
        let (id, which) = (format!("probes-on-{}", at + 1), format!("--runs-on {}", labels.join(",")));
        let there = job(&id, &format!("📡 Probes on {}", labels.join(" ")), why, &which, &[]);
        jobs.push(Job { runs_on: runner(labels), ..there });
    }
    jobs
}
