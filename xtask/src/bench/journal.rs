//! `journal`: a journal in git after 10,000 runs, opened and appended to, beside the reading of all of it and beside
//! git's own commands.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::{
    measure::{Comparison, Figures},
    outcome::{Goal, Measured, Outcome, rounded},
    scratch::{Scratch, built, missing, without_settings_of_git},
};
use crate::tools::{Checkout, text};

pub(super) const NAME: &str = "journal";
const RUNS: u32 = 10_000;
const ROUNDS: u32 = 9;
const MOST_TO_OPEN_MS: f64 = 20.0;
const MOST_TO_APPEND_MS: f64 = 5.0;

const OPEN: &str = "opening it: the fold of all runs, from the newest commit";
const REPLAY: &str = "the same fold without what the newest commit keeps: every event is read and verified";
const APPEND: &str = "one append: the batch, the fold, the commit and the ref, durable";
const PLUMBING: &str =
    "the same by `git hash-object`, `mktree`, `commit-tree` and `update-ref`, with `core.fsync` for objects and refs";

pub(super) fn run(checkout: &Checkout) -> Result<Vec<Outcome>> {
    if let Some(why) = missing("git") {
        return Ok(vec![outcome("", [OPEN, REPLAY], Map::new(), Vec::new(), Err(why))]);
    }
    let program = built(checkout, "runbook-git", NAME)?;
    let scratch = Scratch::new(checkout, NAME)?;
    let mut command = without_settings_of_git(Command::new(program));
    command.args([RUNS, ROUNDS].map(|number| number.to_string())).arg(scratch.path());
    let printed = text(&mut command)?;
    let measured: Value = serde_json::from_str(&printed).context("the bench printed no JSON")?;
    read(&measured).context("the bench printed other figures than were asked for")
}

fn read(measured: &Value) -> Option<Vec<Outcome>> {
    let figures =
        |name: &str| Figures::new(measured[name].as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>()?);
    let open = Comparison { ours: figures("open_ms")?, theirs: figures("replay_ms")? };
    let append = Comparison { ours: figures("append_ms")?, theirs: figures("plumbing_ms")? };
    let median = |name: &str| Some(Value::from(rounded(figures(name)?.median())));
    let count = |name: &str| Some(Value::from(measured[name].as_u64()?));
    let thousands = |name: &str, of: f64| Some(Value::from(rounded(measured[name].as_f64()? / of)));
    let goal = |what, bound, comparison: &Comparison| vec![Goal::at_most(what, bound, comparison.ours.median())];
    let history = [
        ("runs", count("runs")?),
        ("events", count("events")?),
        ("commits", count("appends")?),
        ("state_kb", thousands("state_bytes", 1e3)?),
        ("pack_mb", thousands("pack_bytes", 1e6)?),
    ];
    let facts = |more: (&'static str, Value)| {
        let all = history.iter().cloned().chain([more]);
        all.map(|(name, value)| (name.to_owned(), value)).collect::<Map<String, Value>>()
    };
    Some(vec![
        outcome(
            "open",
            [OPEN, REPLAY],
            facts(("git_cat_file_ms", median("cat_file_ms")?)),
            goal("ms to open it", MOST_TO_OPEN_MS, &open),
            Ok(Measured::Time(open)),
        ),
        outcome(
            "append",
            [APPEND, PLUMBING],
            facts(("one_synced_file_ms", median("sync_ms")?)),
            goal("ms for an append", MOST_TO_APPEND_MS, &append),
            Ok(Measured::Time(append)),
        ),
    ])
}

fn outcome(
    case: &str,
    [ours, theirs]: [&str; 2],
    facts: Map<String, Value>,
    goals: Vec<Goal>,
    result: Result<Measured, String>,
) -> Outcome {
    Outcome {
        bench: NAME,
        case: case.to_owned(),
        ours: ours.to_owned(),
        theirs: theirs.to_owned(),
        facts,
        goals,
        result,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use serde_json::json;

    use super::*;

    #[test]
    fn opening_and_appending_have_bounds_of_time() {
        let printed = json!({
            "runs": 10, "events": 120, "appends": 40, "state_bytes": 110_500, "pack_bytes": 2_500_000, "made_s": 1.5,
            "open_ms": [2.0, 4.0, 3.0], "replay_ms": [300.0], "cat_file_ms": [5.0],
            "append_ms": [6.0], "plumbing_ms": [12.0], "sync_ms": [0.3],
        });
        let outcomes = read(&printed).unwrap();
        let [open, append] = outcomes.as_slice() else { panic!("{outcomes:?}") };
        assert_eq!((open.case.as_str(), append.case.as_str()), ("open", "append"));
        assert!(open.goals[0].is_met() && !append.goals[0].is_met(), "{outcomes:?}");
        let Ok(Measured::Time(comparison)) = &open.result else { panic!("{open:?}") };
        assert_eq!(comparison.ratio(), 100.0);
        assert_eq!((&open.facts["state_kb"], &open.facts["commits"]), (&json!(110.5), &json!(40)));
        assert_eq!(append.facts["one_synced_file_ms"], json!(0.3));
        assert!(read(&json!({ "runs": 10 })).is_none());
    }
}
