//! `probe` and `probe-tls`: an HTTP probe with a pattern in the body over fresh connections, beside a
//! blackbox_exporter that is asked for the same over connections that stay open, and beside plain requests.
//!
//! Prober, target and driver are processes of their own. Each measurement has a new target, so that none finds the
//! ports of an earlier one still waiting, and a new prober, so that its peak of memory is its own. A prober of one
//! thread keeps to one processor and its target to another: where the system puts the two changes what a request costs
//! by half, and would hide what is compared. The exporter has all processors, as it has threads for them.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::{
    exporter::{Exporter, is_missing},
    measure::{Comparison, Figures},
    outcome::{Goal, Measured, Outcome, rounded},
    scratch::{Scratch, built, missing},
};
use crate::tools::{Checkout, Server, text};

pub(super) const PLAIN: &str = "probe";
pub(super) const SECURE: &str = "probe-tls";

const ROUNDS: usize = 7;
const CONCURRENCIES: [u32; 3] = [1, 16, 64];
/// How long each measurement takes.
const TIME_MS: u32 = 2_000;
/// To one port alone, connections would run out of ports to come from.
const LISTENERS: &str = "16";
/// What is looked for in the body that the target answers.
const PATTERN: &str = r#""status":\s*"healthy""#;

pub(super) fn plain(checkout: &Checkout) -> Result<Vec<Outcome>> {
    let bench = Bench::new(checkout, PLAIN, false)?;
    let rows = bench.rounds()?;
    let mut outcomes = bench.beside_exporter(&rows, [4.0, 4.0]);
    outcomes.extend(bench.beside_floor(&rows));
    Ok(outcomes)
}

pub(super) fn secure(checkout: &Checkout) -> Result<Vec<Outcome>> {
    let bench = Bench::new(checkout, SECURE, true)?;
    let rows = bench.rounds()?;
    Ok(bench.beside_exporter(&rows, [2.0, 2.0]))
}

/// One measurement of one side.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    /// Of the clock on the wall, for each probe.
    each_ms: f64,
    /// Of processors, for each probe.
    cpu_ms: f64,
    peak_rss_mb: f64,
    p50_ms: f64,
}

impl Sample {
    fn read(printed: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(printed).context("the bench printed no JSON")?;
        let number = |name: &str| value[name].as_f64().with_context(|| format!("the bench printed no {name}"));
        let done = number("done")?;
        Ok(Self {
            each_ms: number("elapsed_ms")? / done,
            cpu_ms: number("cpu_ms")? / done,
            peak_rss_mb: number("peak_rss_kb")? / 1024.0,
            p50_ms: number("p50_ms")?,
        })
    }
}

/// What was measured at one concurrency, round by round.
#[derive(Debug, Default)]
struct Row {
    concurrency: u32,
    ours: Vec<Sample>,
    theirs: Vec<Sample>,
    floor: Vec<Sample>,
}

struct Bench {
    name: &'static str,
    program: PathBuf,
    scratch: Scratch,
    is_secure: bool,
    is_pinned: bool,
    missing: Option<String>,
}

/// Where a process may run.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// On this processor alone.
    On(&'static str),
    /// Wherever the system puts it.
    Anywhere,
}

const PROBER: Place = Place::On("0");
const TARGET: Place = Place::On("1");

impl Bench {
    fn new(checkout: &Checkout, name: &'static str, is_secure: bool) -> Result<Self> {
        let program = built(checkout, "runbook-health", PLAIN)?;
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let is_pinned = processors > 1 && missing("taskset").is_none();
        if !is_pinned {
            eprintln!("{name}: figures will scatter: taskset and two processors would steady them");
        }
        Ok(Self { name, program, scratch: Scratch::new(checkout, name)?, is_secure, is_pinned, missing: is_missing() })
    }

    fn command(&self, place: Place) -> Command {
        match place {
            Place::On(processor) if self.is_pinned => {
                let mut command = Command::new("taskset");
                command.args(["--cpu-list", processor]).arg(&self.program);
                command
            }
            _ => Command::new(&self.program),
        }
    }

    /// Every side in turns, in each round. The first round warms up and does not count.
    fn rounds(&self) -> Result<Vec<Row>> {
        let mut rows = CONCURRENCIES.map(|concurrency| Row { concurrency, ..Row::default() });
        for round in 0..=ROUNDS {
            for row in &mut rows {
                let ours = self.ours(row.concurrency)?;
                let floor = if self.is_secure { None } else { Some(self.floor(row.concurrency)?) };
                let theirs = if self.missing.is_none() { Some(self.theirs(row.concurrency)?) } else { None };
                if round > 0 {
                    row.ours.push(ours);
                    row.theirs.extend(theirs);
                    row.floor.extend(floor);
                }
            }
        }
        Ok(rows.into())
    }

    fn target(&self, place: Place) -> Result<Server> {
        let mut command = self.command(place);
        if self.is_secure {
            command.args(["secure-target", LISTENERS]).arg(self.scratch.path());
        } else {
            command.args(["target", LISTENERS]);
        }
        Server::start(&mut command)
    }

    fn ca(&self) -> Option<PathBuf> {
        self.is_secure.then(|| self.scratch.path().join("ca.pem"))
    }

    fn worker(&self, place: Place, words: &[&str], concurrency: u32, ca: Option<&Path>) -> Result<Sample> {
        let mut command = self.command(place);
        command.args(words).args([concurrency, TIME_MS].map(|number| number.to_string())).args(ca);
        Sample::read(&text(&mut command)?)
    }

    fn ours(&self, concurrency: u32) -> Result<Sample> {
        let target = self.target(TARGET)?;
        self.worker(PROBER, &["probe", target.said(), PATTERN], concurrency, self.ca().as_deref())
    }

    fn floor(&self, concurrency: u32) -> Result<Sample> {
        let target = self.target(TARGET)?;
        self.worker(PROBER, &["floor", target.said()], concurrency, None)
    }

    fn theirs(&self, concurrency: u32) -> Result<Sample> {
        let target = self.target(Place::Anywhere)?;
        let exporter = Exporter::start(&self.scratch, PATTERN, self.ca().as_deref())?;
        let (address, process) = (exporter.address.to_string(), exporter.server.id().to_string());
        self.worker(Place::Anywhere, &["drive", &address, &process, target.said()], concurrency, None)
    }

    /// The clock on the wall counts, and processors beside it. `least`: how many times better each shall be.
    fn beside_exporter(&self, rows: &[Row], [least, least_cpu]: [f64; 2]) -> Vec<Outcome> {
        let outcome = |case: String, facts, goals, result| Outcome {
            bench: self.name,
            case,
            ours: "one probe of kind `http` after another, in each of so many places at once".to_owned(),
            theirs: "blackbox_exporter, asked for the same by as many connections that stay open".to_owned(),
            facts,
            goals,
            result,
        };
        if let Some(why) = &self.missing {
            return vec![outcome(String::new(), Map::new(), Vec::new(), Err(why.clone()))];
        }
        let outcomes = rows.iter().filter_map(|row| {
            let (ours, theirs) = (Medians::of(&row.ours)?, Medians::of(&row.theirs)?);
            let comparison = compare(&row.ours, &row.theirs, |sample| sample.each_ms)?;
            let cpu_ratio = theirs.cpu_us / ours.cpu_us;
            let goals = vec![
                Goal::at_least("times as many probes per second", least, comparison.ratio()),
                Goal::at_least("times as many probes per second of CPU", least_cpu, cpu_ratio),
            ];
            let mut facts = Map::from_iter([("concurrency".to_owned(), row.concurrency.into())]);
            facts.insert("cpu_ratio".to_owned(), rounded(cpu_ratio).into());
            ours.tell("ours", &mut facts);
            theirs.tell("theirs", &mut facts);
            let case = format!("concurrency {}, beside blackbox_exporter", row.concurrency);
            Some(outcome(case, facts, goals, Ok(Measured::Time(comparison))))
        });
        outcomes.collect()
    }

    /// Processors alone count: how much more a probe takes than a request that nobody judges.
    fn beside_floor(&self, rows: &[Row]) -> Vec<Outcome> {
        let outcomes = rows.iter().filter_map(|row| {
            let (ours, floor) = (Medians::of(&row.ours)?, Medians::of(&row.floor)?);
            let comparison = compare(&row.ours, &row.floor, |sample| sample.cpu_ms)?;
            let cost = 1.0 / comparison.ratio();
            let mut facts = Map::from_iter([("concurrency".to_owned(), row.concurrency.into())]);
            ours.tell("ours", &mut facts);
            floor.tell("theirs", &mut facts);
            Some(Outcome {
                bench: self.name,
                case: format!("concurrency {}, beside the floor", row.concurrency),
                ours: "CPU of one probe of kind `http`".to_owned(),
                theirs: "the floor: CPU of one plain request whose body is read, so 1 is the best there is".to_owned(),
                facts,
                goals: vec![Goal::at_most("times the floor's CPU per request", 1.3, cost)],
                result: Ok(Measured::Cpu(comparison)),
            })
        });
        outcomes.collect()
    }
}

fn compare(ours: &[Sample], theirs: &[Sample], of: impl Fn(&Sample) -> f64) -> Option<Comparison> {
    let figures = |samples: &[Sample]| Figures::new(samples.iter().map(&of).collect());
    Some(Comparison { ours: figures(ours)?, theirs: figures(theirs)? })
}

/// The middle of each figure.
#[derive(Debug, Clone, Copy)]
struct Medians {
    per_s: f64,
    cpu_us: f64,
    peak_rss_mb: f64,
    p50_ms: f64,
}

impl Medians {
    fn of(samples: &[Sample]) -> Option<Self> {
        let median = |of: fn(&Sample) -> f64| Some(Figures::new(samples.iter().map(of).collect())?.median());
        Some(Self {
            per_s: 1e3 / median(|sample| sample.each_ms)?,
            cpu_us: median(|sample| sample.cpu_ms)? * 1e3,
            peak_rss_mb: median(|sample| sample.peak_rss_mb)?,
            p50_ms: median(|sample| sample.p50_ms)?,
        })
    }

    fn tell(self, who: &str, facts: &mut Map<String, Value>) {
        let figures = [
            ("per_s", self.per_s.round()),
            ("cpu_us", rounded(self.cpu_us)),
            ("p50_ms", rounded(self.p50_ms)),
            ("peak_rss_mb", rounded(self.peak_rss_mb)),
        ];
        facts.extend(figures.map(|(name, figure)| (format!("{who}_{name}"), figure.into())));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    const PRINTED: &str =
        r#"{"done": 200, "elapsed_ms": 100.0, "cpu_ms": 20.0, "peak_rss_kb": 2048, "p50_ms": 0.4, "p95_ms": 0.5}"#;

    #[test]
    fn figures_are_for_each_probe() {
        let sample = Sample::read(PRINTED).unwrap();
        assert_eq!(sample, Sample { each_ms: 0.5, cpu_ms: 0.1, peak_rss_mb: 2.0, p50_ms: 0.4 });
        assert!(Sample::read("{}").is_err() && Sample::read("no").is_err());
        let medians = Medians::of(&[sample, sample]).unwrap();
        assert_eq!((medians.per_s, medians.cpu_us), (2_000.0, 100.0));
    }

    #[test]
    fn a_side_that_was_not_measured_has_no_row() {
        let sample = Sample::read(PRINTED).unwrap();
        assert!(compare(&[sample], &[], |sample| sample.each_ms).is_none());
        let slower = Sample { each_ms: 2.0, ..sample };
        assert_eq!(compare(&[sample], &[slower], |sample| sample.each_ms).unwrap().ratio(), 4.0);
    }
}
