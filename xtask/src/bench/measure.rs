//! Times two things in turns, so that what else the machine does falls on both alike.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::tools::{output, text};

/// Milliseconds of each round, in order of size.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figures(Vec<f64>);

impl Figures {
    /// `None` for no rounds at all.
    pub(super) fn new(mut rounds_ms: Vec<f64>) -> Option<Self> {
        rounds_ms.sort_by(f64::total_cmp);
        (!rounds_ms.is_empty()).then_some(Self(rounds_ms))
    }

    pub(super) fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        if self.0.len() % 2 == 1 { self.0[middle] } else { f64::midpoint(self.0[middle - 1], self.0[middle]) }
    }

    pub(super) fn least(&self) -> f64 {
        self.0[0]
    }

    pub(super) fn most(&self) -> f64 {
        self.0[self.0.len() - 1]
    }

    pub(super) fn rounds(&self) -> usize {
        self.0.len()
    }
}

/// What Runbook took, and what its peer took.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Comparison {
    pub(super) ours: Figures,
    pub(super) theirs: Figures,
}

impl Comparison {
    /// How many times better than the peer.
    pub(super) fn ratio(&self) -> f64 {
        self.theirs.median() / self.ours.median()
    }
}

/// One of those that are measured in turns: what it took in a round.
pub(super) type Side<'a> = Box<dyn FnMut(usize) -> Result<Duration> + 'a>;

/// Measures both, one after the other, in each of `rounds` rounds. Round 0 warms up and does not count.
pub(super) fn in_turns<'a>(
    rounds: usize,
    ours: impl FnMut(usize) -> Result<Duration> + 'a,
    theirs: impl FnMut(usize) -> Result<Duration> + 'a,
) -> Result<Comparison> {
    let sides: Vec<Side<'a>> = vec![Box::new(ours), Box::new(theirs)];
    match <[Figures; 2]>::try_from(all_in_turns(rounds, sides)?) {
        Ok([ours, theirs]) => Ok(Comparison { ours, theirs }),
        Err(other) => bail!("two sides were measured, and {} have figures", other.len()),
    }
}

/// The same with any number of sides; their figures are in the order in which they are given.
pub(super) fn all_in_turns(rounds: usize, mut sides: Vec<Side<'_>>) -> Result<Vec<Figures>> {
    let mut taken: Vec<Vec<f64>> = vec![Vec::new(); sides.len()];
    for round in 0..=rounds {
        for (side, taken) in sides.iter_mut().zip(&mut taken) {
            let took = side(round)?;
            if round > 0 {
                taken.push(took.as_secs_f64() * 1e3);
            }
        }
    }
    let figures: Option<Vec<Figures>> = taken.into_iter().map(Figures::new).collect();
    figures.context("a bench of no rounds measures nothing")
}

/// From the start of a process to its end. A process that fails is no measurement.
pub(super) fn whole_process(command: &mut Command) -> Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = output(command)?.status;
    let took = started.elapsed();
    if !status.success() {
        bail!("what was measured failed ({status}): {command:?}");
    }
    Ok(took)
}

/// What a program says that its own work took, as `{"took_ms": …}` on its output: its start and its end are left out.
pub(super) fn own_time(command: &mut Command) -> Result<Duration> {
    let printed = text(command)?;
    let value: Value = serde_json::from_str(&printed).context("the bench printed no JSON")?;
    let ms = value["took_ms"].as_f64().context("the bench printed no took_ms")?;
    Duration::try_from_secs_f64(ms / 1e3).context("the bench printed what is no time")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    #[test]
    fn the_median_stands_in_the_middle() {
        let figures = |ms: &[f64]| Figures::new(ms.to_vec()).unwrap();
        assert_eq!(figures(&[9.0, 1.0, 5.0]).median(), 5.0);
        assert_eq!(figures(&[9.0, 1.0, 5.0, 7.0]).median(), 6.0);
        assert_eq!((figures(&[9.0, 1.0]).least(), figures(&[9.0, 1.0]).most()), (1.0, 9.0));
        assert_eq!(Figures::new(vec![]), None);
    }

    #[test]
    fn both_are_measured_in_turns_and_the_warm_up_does_not_count() {
        let order = std::cell::RefCell::new(Vec::new());
        let take = |who: char, ms: u64| {
            let order = &order;
            move |round: usize| {
                order.borrow_mut().push((who, round));
                Ok(Duration::from_millis(if round == 0 { 1_000 } else { ms }))
            }
        };
        let comparison = in_turns(2, take('a', 10), take('b', 40)).unwrap();
        assert_eq!(comparison.ratio(), 4.0);
        assert_eq!(comparison.ours.rounds(), 2);
        assert_eq!(*order.borrow(), [('a', 0), ('b', 0), ('a', 1), ('b', 1), ('a', 2), ('b', 2)]);
    }

    #[test]
    fn any_number_of_sides_is_measured_in_turns() {
        let side = |ms: u64| -> Side<'static> { Box::new(move |_| Ok(Duration::from_millis(ms))) };
        let figures = all_in_turns(3, vec![side(1), side(5), side(9)]).unwrap();
        assert_eq!(figures.iter().map(Figures::median).collect::<Vec<_>>(), [1.0, 5.0, 9.0]);
        assert!(all_in_turns(0, vec![side(1)]).is_err());
    }

    #[test]
    fn a_program_tells_its_own_time() {
        let said = |words: &str| own_time(Command::new("sh").args(["-c", "echo \"$0\"", words]));
        assert_eq!(said(r#"{"took_ms": 1.5}"#).unwrap(), Duration::from_micros(1_500));
        assert!(said(r#"{"took_ms": -1}"#).is_err() && said("{}").is_err() && said("").is_err());
    }

    #[test]
    fn a_failed_process_is_no_measurement() {
        assert!(whole_process(Command::new("sh").args(["-c", "exit 1"])).is_err());
        assert!(whole_process(Command::new("sh").args(["-c", ":"])).is_ok());
    }
}
