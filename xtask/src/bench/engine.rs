//! `engine`: what the engine adds to a stage, beside the durable writes alone that no engine could save.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    measure::{Comparison, Figures},
    outcome::{Measured, Outcome, rounded},
    scratch::{Scratch, built},
};
use crate::tools::{Checkout, text};

pub(super) const NAME: &str = "engine";
const STAGES: u32 = 100;
const ROUNDS: u32 = 15;

pub(super) fn run(checkout: &Checkout) -> Result<Outcome> {
    let program = built(checkout, "runbook-process", NAME)?;
    let scratch = Scratch::new(checkout, NAME)?;
    let mut command = Command::new(program);
    command.args([STAGES.to_string(), ROUNDS.to_string()]).arg(scratch.path());
    let printed = text(&mut command)?;
    let measured: Value = serde_json::from_str(&printed).context("the bench printed no JSON")?;
    read(&measured).context("the bench printed other figures than were asked for")
}

fn read(measured: &Value) -> Option<Outcome> {
    let figures =
        |name: &str| Figures::new(measured[name].as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>()?);
    let comparison = Comparison { ours: figures("ours_ms")?, theirs: figures("theirs_ms")? };
    let (stages, appends) = (measured["stages"].as_u64()?, measured["appends"].as_u64()?);
    let per_stage = |ms: f64| rounded(ms * 1e3 / f64::from(u32::try_from(stages).unwrap_or(u32::MAX)));
    let (ours, floor) = (per_stage(comparison.ours.median()), per_stage(comparison.theirs.median()));
    let facts: [(&str, Value); 5] = [
        ("stages", stages.into()),
        ("appends", appends.into()),
        ("per_stage_us", ours.into()),
        ("floor_per_stage_us", floor.into()),
        ("overhead_per_stage_us", rounded(ours - floor).into()),
    ];
    Some(Outcome {
        bench: NAME,
        case: String::new(),
        ours: format!("a run of {stages} stages that do nothing, with its journal in a file"),
        theirs: format!("the floor: the same {appends} appends as bare write and fdatasync, so 1 is the best there is"),
        facts: facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        goals: Vec::new(),
        result: Ok(Measured::Time(comparison)),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use serde_json::json;

    use super::*;

    #[test]
    fn the_overhead_is_what_exceeds_the_floor_per_stage() {
        let measured = json!({"stages": 10, "appends": 21, "ours_ms": [5.0, 4.0, 6.0], "theirs_ms": [3.0, 2.0, 2.0]});
        let outcome = read(&measured).unwrap();
        assert_eq!(outcome.facts["overhead_per_stage_us"], json!(300.0));
        let Ok(Measured::Time(comparison)) = outcome.result else { panic!("{outcome:?}") };
        assert_eq!(comparison.ratio(), 0.4);
        assert!(read(&json!({"stages": 10, "appends": 21, "ours_ms": [], "theirs_ms": [1.0]})).is_none());
    }
}
