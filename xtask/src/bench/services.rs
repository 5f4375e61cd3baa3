//! `services`: looks at very many services through the real engine: how long a round takes, how much it holds open and
//! keeps, what black holes do to those that answer, and whether memory stays where it is.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use super::{
    measure::Figures,
    outcome::{Goal, Measured, Outcome, rounded},
    scratch::{Scratch, built},
};
use crate::tools::{Checkout, Server, text};

pub(super) const NAME: &str = "services";

const ROUNDS: usize = 5;
/// How many rounds the memory is watched for.
const MANY_ROUNDS: usize = 100;
const MANY: usize = 10_000;
const SOME: usize = 1_000;
/// Of `SOME` services, every so many is a black hole.
const HOLE_EVERY: usize = 20;
const TIMEOUT_MS: f64 = 2_000.0;
/// `[monitor] concurrency`, unless the owner says otherwise.
const CONCURRENCY: f64 = 512.0;
/// To one port alone, connections would run out of ports to come from.
const LISTENERS: usize = 16;

pub(super) fn run(checkout: &Checkout) -> Result<Vec<Outcome>> {
    let stand_ins = built(checkout, "runbook-health", "probe")?;
    let worker = built(checkout, "runbook-cli", NAME)?;
    let scratch = Scratch::new(checkout, NAME)?;
    let targets = Server::start(Command::new(&stand_ins).arg("target").arg(LISTENERS.to_string()))?;
    let holes = Server::start(Command::new(&stand_ins).arg("holes"))?;
    let well: Vec<&str> = targets.said().split_whitespace().collect();
    let gone: Vec<&str> = holes.said().split_whitespace().collect();
    ensure!(!well.is_empty() && !gone.is_empty(), "the stand-ins did not say where they are");
    let many = scratch.write("many.toml", &config(MANY, |at| well[at % well.len()]))?;
    let mixed = |at: usize| {
        let hole = at % HOLE_EVERY == HOLE_EVERY - 1;
        if hole { gone[at / HOLE_EVERY % gone.len()] } else { well[at % well.len()] }
    };
    let some = scratch.write("some.toml", &config(SOME, mixed))?;
    let crowd = scratch.write("crowd.toml", &config(MANY, mixed))?;

    let bench = Bench { worker };
    let (mut all_well, mut with_holes, mut crowded) = (Vec::new(), Vec::new(), Vec::new());
    // In turns; the first round warms up and does not count.
    for round in 0..=ROUNDS {
        let (well, holes, crowd) = (bench.look(&many, 1)?, bench.look(&some, 1)?, bench.look(&crowd, 1)?);
        if round > 0 {
            all_well.push(well);
            with_holes.push(holes);
            crowded.push(crowd);
        }
    }
    let lasting = bench.look(&many, MANY_ROUNDS)?;
    let outcomes = [one_round(&all_well), black_holes(&with_holes), many_black_holes(&crowded), memory(&lasting)];
    outcomes.into_iter().collect::<Option<Vec<_>>>().context("the bench printed other figures than were asked for")
}

fn config<'a>(services: usize, url: impl Fn(usize) -> &'a str) -> String {
    let mut text = "schema = 1\n\n[project]\nname = \"services\"\n\n[monitor]\nconfirm = 1\n".to_owned();
    for at in 0..services {
        text.push_str(&format!("\n[[service]]\nid = \"service-{at}\"\nurl = \"{}\"\n", url(at)));
        text.push_str("\n[[service.probe]]\nkind = \"http\"\ntimeout = \"2s\"\n");
        text.push_str("expect = { json = { \"/status\" = \"healthy\" } }\n");
    }
    text
}

#[derive(Debug)]
struct Bench {
    worker: PathBuf,
}

impl Bench {
    fn look(&self, config: &Path, rounds: usize) -> Result<Looked> {
        let printed = text(Command::new(&self.worker).arg(config).arg(rounds.to_string()))?;
        let value: Value = serde_json::from_str(&printed).context("the bench printed no JSON")?;
        Ok(Looked(value))
    }
}

/// What the worker printed.
#[derive(Debug, Clone)]
struct Looked(Value);

impl Looked {
    fn of_rounds(&self, name: &str) -> Option<Vec<f64>> {
        self.0["rounds"].as_array()?.iter().map(|round| round[name].as_f64()).collect()
    }

    fn peak_rss_mb(&self) -> Option<f64> {
        Some(self.0["peak_rss_kb"].as_f64()? / 1024.0)
    }
}

/// The rounds of several processes as one list of figures.
fn figures(runs: &[Looked], name: &str) -> Option<Figures> {
    let runs: Vec<Vec<f64>> = runs.iter().map(|run| run.of_rounds(name)).collect::<Option<_>>()?;
    Figures::new(runs.into_iter().flatten().collect())
}

fn one_round(runs: &[Looked]) -> Option<Outcome> {
    let figure = |name: &str| figures(runs, name);
    let (time, sockets) = (figure("ms")?, figure("most_sockets")?.most());
    let peak = runs.iter().map(Looked::peak_rss_mb).collect::<Option<Vec<f64>>>()?;
    let peak = Figures::new(peak)?.median();
    // Everybody is asked exactly once, and answers: nobody was starved into a timeout.
    let asked = figure("samples")?;
    let healthy = figure("healthy")?.least();
    let goals = vec![
        Goal::at_most("MB at the peak", 100.0, peak),
        Goal::at_most("sockets at the same time", CONCURRENCY, sockets),
        Goal::at_most("probes at the same time", CONCURRENCY, figure("most_under_way")?.most()),
        Goal::at_least("services measured healthy in every round", MANY as f64, healthy),
        Goal::at_most("samples in a round", MANY as f64, asked.most()),
    ];
    let facts = [
        ("services", MANY as f64),
        ("per_s", (MANY as f64 / time.median() * 1e3).round()),
        ("peak_rss_mb", rounded(peak)),
        ("most_sockets", sockets),
        ("most_under_way", figure("most_under_way")?.most()),
        ("longest_sample_ms", rounded(figure("longest_healthy_ms")?.most())),
    ];
    Some(alone("one round", "`runbook check` of services that answer at once, all in one process", facts, goals, time))
}

fn black_holes(runs: &[Looked]) -> Option<Outcome> {
    let ours = "the same with black holes: half are silent, half do not even accept a connection";
    let mut outcome = with_holes("black holes", ours, SOME, 1_000.0, runs)?;
    let slowest = figures(runs, "ms")?.most();
    let goal = Goal::at_most("ms for the round: the timeout and half a second", TIMEOUT_MS + 500.0, slowest);
    outcome.goals.insert(0, goal);
    Some(outcome)
}

/// As many black holes as all but a few of the places that a round has: nobody waits until they give up.
fn many_black_holes(runs: &[Looked]) -> Option<Outcome> {
    with_holes("crowd", "very many, with black holes that hold nearly every place of a round", MANY, TIMEOUT_MS, runs)
}

/// Rounds in which one in `HOLE_EVERY` services is a black hole; the others are known within so many milliseconds.
fn with_holes(case: &str, ours: &str, services: usize, known_within: f64, runs: &[Looked]) -> Option<Outcome> {
    let figure = |name: &str| figures(runs, name);
    let (time, known) = (figure("ms")?, figure("healthy_known_ms")?);
    let (holes, sockets) = (services / HOLE_EVERY, figure("most_sockets")?.most());
    let goals = vec![
        Goal::at_most("ms until every healthy one is known", known_within, known.most()),
        Goal::at_least("healthy services", (services - holes) as f64, figure("healthy")?.least()),
        Goal::at_least("unhealthy services", holes as f64, figure("unhealthy")?.least()),
        Goal::at_most("sockets at the same time", CONCURRENCY, sockets),
    ];
    let facts = [
        ("services", services as f64),
        ("black_holes", holes as f64),
        ("timeout_ms", TIMEOUT_MS),
        ("healthy_known_ms", rounded(known.median())),
        ("longest_sample_ms", rounded(figure("longest_healthy_ms")?.most())),
        ("most_sockets", sockets),
    ];
    Some(alone(case, ours, facts, goals, time))
}

/// The first tenth warms up, as the first round of every bench does: the allocator takes what a round needs at its
/// fullest, which the first few rounds reach one after another. After that it moves by about a fiftieth. A leak of five
/// bytes a service and round would show.
fn memory(run: &Looked) -> Option<Outcome> {
    let rss = run.of_rounds("rss_kb")?;
    let decile = rss.len() / 10;
    let median_mb = |part: &[f64]| Some(Figures::new(part.to_vec())?.median() / 1024.0);
    let (warm_up, rest) = rss.split_at(decile);
    let (warm_up, first) = (median_mb(warm_up)?, median_mb(&rest[..decile])?);
    let last = median_mb(&rest[rest.len() - decile..])?;
    let goals = vec![
        Goal::at_most("times the memory of the second tenth in the last tenth", 1.05, last / first),
        Goal::at_most("MB at the peak", 100.0, run.peak_rss_mb()?),
    ];
    let facts = [
        ("services", MANY as f64),
        ("first_decile_rss_mb", rounded(warm_up)),
        ("second_decile_rss_mb", rounded(first)),
        ("last_decile_rss_mb", rounded(last)),
        ("peak_rss_mb", rounded(run.peak_rss_mb()?)),
    ];
    Some(alone("many rounds", "one process, round after round", facts, goals, Figures::new(run.of_rounds("ms")?)?))
}

fn alone<const N: usize>(
    case: &str,
    ours: &str,
    facts: [(&str, f64); N],
    goals: Vec<Goal>,
    figures: Figures,
) -> Outcome {
    let facts = facts.into_iter().map(|(name, figure)| (name.to_owned(), whole_or_not(figure)));
    Outcome {
        bench: NAME,
        case: case.to_owned(),
        ours: ours.to_owned(),
        theirs: String::new(),
        facts: Map::from_iter(facts),
        goals,
        result: Ok(Measured::Alone(figures)),
    }
}

/// Counts read as counts.
fn whole_or_not(figure: f64) -> Value {
    if figure.fract() == 0.0 && figure.abs() < 1e15 { (figure as i64).into() } else { figure.into() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use serde_json::json;

    use super::*;

    fn looked(rss: &[f64]) -> Looked {
        let rounds: Vec<Value> = rss
            .iter()
            .map(|kb| {
                json!({
                    "ms": 900.0, "rss_kb": kb, "healthy": 10_000, "unhealthy": 0, "samples": 10_000,
                    "most_sockets": 480, "most_under_way": 512, "healthy_known_ms": 890.5, "longest_healthy_ms": 60.0,
                })
            })
            .collect();
        Looked(json!({ "peak_rss_kb": 51_200, "rounds": rounds }))
    }

    #[test]
    fn memory_that_grows_is_seen() {
        let flat: Vec<f64> = (0..20).map(|round| if round < 2 { 800.0 } else { 1_000.0 }).collect();
        let flat = memory(&looked(&flat)).unwrap();
        assert!(flat.goals.iter().all(Goal::is_met), "{flat:?}");
        let rising: Vec<f64> = (0..20).map(|round| 1_000.0 + 10.0 * f64::from(round)).collect();
        let rising = memory(&looked(&rising)).unwrap();
        assert_eq!(rising.goals.iter().filter(|goal| !goal.is_met()).count(), 1, "{rising:?}");
    }

    #[test]
    fn a_round_has_its_bounds() {
        let outcome = one_round(&[looked(&[1_000.0]), looked(&[1_000.0])]).unwrap();
        assert!(outcome.goals.iter().all(Goal::is_met), "{outcome:?}");
        assert_eq!((&outcome.facts["peak_rss_mb"], &outcome.facts["most_sockets"]), (&json!(50), &json!(480)));
        assert!(one_round(&[Looked(json!({}))]).is_none());
    }

    #[test]
    fn every_service_has_its_url() {
        let text = config(3, |at| if at == 1 { "http://hole" } else { "http://well" });
        assert_eq!((text.matches("[[service]]").count(), text.matches("url = \"http://hole\"").count()), (3, 1));
    }
}
