//! What is told of a bench: a document for programs, a table for people.

use serde_json::{Map, Value, json};

use super::measure::{Comparison, Figures};

/// One bench, or one case of it, measured or skipped.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) bench: &'static str,
    /// Which of several cases of the bench; empty when there is but one.
    pub(super) case: String,
    /// What Runbook did.
    pub(super) ours: String,
    /// What was measured beside it; empty when nothing was.
    pub(super) theirs: String,
    /// How large it was and what else was measured.
    pub(super) facts: Map<String, Value>,
    /// What it is meant to reach.
    pub(super) goals: Vec<Goal>,
    /// The figures, or why there are none.
    pub(super) result: Result<Measured, String>,
}

/// What the figures are of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Measured {
    /// The clock on the wall, beside a peer.
    Time(Comparison),
    /// Processors, beside a peer.
    Cpu(Comparison),
    /// The clock on the wall, beside nobody.
    Alone(Figures),
}

impl Measured {
    fn ours(&self) -> &Figures {
        match self {
            Self::Time(comparison) | Self::Cpu(comparison) => &comparison.ours,
            Self::Alone(figures) => figures,
        }
    }

    fn beside(&self) -> Option<&Comparison> {
        match self {
            Self::Time(comparison) | Self::Cpu(comparison) => Some(comparison),
            Self::Alone(_) => None,
        }
    }
}

/// A figure and where it is meant to be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Goal {
    what: &'static str,
    bound: f64,
    is_least: bool,
    value: f64,
}

impl Goal {
    /// A figure that shall not be less; `what` follows the number.
    pub(super) fn at_least(what: &'static str, bound: f64, value: f64) -> Self {
        Self { what, bound, is_least: true, value }
    }

    /// A figure that shall not be more.
    pub(super) fn at_most(what: &'static str, bound: f64, value: f64) -> Self {
        Self { what, bound, is_least: false, value }
    }

    pub(super) fn is_met(&self) -> bool {
        if self.is_least { self.value >= self.bound } else { self.value <= self.bound }
    }

    fn words(&self) -> String {
        format!("at {} {} {}", if self.is_least { "least" } else { "most" }, self.bound, self.what)
    }
}

/// `runbook/bench/v1`.
pub(super) fn document(outcomes: &[Outcome]) -> Value {
    json!({ "schema": "runbook/bench/v1", "results": outcomes.iter().map(result).collect::<Vec<_>>() })
}

fn result(outcome: &Outcome) -> Value {
    let mut result = Map::new();
    result.insert("bench".to_owned(), outcome.bench.into());
    if !outcome.case.is_empty() {
        result.insert("case".to_owned(), outcome.case.as_str().into());
    }
    match &outcome.result {
        Err(why) => {
            result.insert("skipped".to_owned(), why.as_str().into());
        }
        Ok(measured) => {
            result.extend(outcome.facts.clone());
            let mut tell = |name: &str, value: Value| result.insert(name.to_owned(), value);
            let range = |figures: &Figures| json!([rounded(figures.least()), rounded(figures.most())]);
            let ours = measured.ours();
            tell("ours_ms", rounded(ours.median()).into());
            if let Some(comparison) = measured.beside() {
                tell("theirs_ms", rounded(comparison.theirs.median()).into());
                tell("ratio", rounded(comparison.ratio()).into());
            }
            tell("rounds", ours.rounds().into());
            tell("ours_range_ms", range(ours));
            if let Some(comparison) = measured.beside() {
                tell("theirs_range_ms", range(&comparison.theirs));
            }
            let goals = outcome.goals.iter();
            let goals = goals.map(|goal| {
                json!({ "goal": goal.words(), "bound": goal.bound, "value": rounded(goal.value), "met": goal.is_met() })
            });
            let goals: Vec<Value> = goals.collect();
            if !goals.is_empty() {
                tell("goals", goals.into());
            }
        }
    }
    result.insert("ours".to_owned(), outcome.ours.as_str().into());
    if !outcome.theirs.is_empty() {
        result.insert("theirs".to_owned(), outcome.theirs.as_str().into());
    }
    result.into()
}

/// To the microsecond; more would be noise.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

/// For people: medians, with the least and the most.
pub(super) fn table(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for Outcome { bench, case, ours, theirs, facts, goals, result } in outcomes {
        let name = if case.is_empty() { (*bench).to_owned() } else { format!("{bench} ({case})") };
        let measured = match result {
            Err(why) => {
                text.push_str(&format!("\n{name}: skipped, {why}\n"));
                continue;
            }
            Ok(measured) => measured,
        };
        let rounds = measured.ours().rounds();
        match measured {
            Measured::Time(comparison) => {
                let ratio = comparison.ratio();
                text.push_str(&format!("\n{name}: {ratio:.2} times as fast (medians of {rounds} rounds, in turns)\n"));
            }
            Measured::Cpu(comparison) => {
                let cost = 1.0 / comparison.ratio();
                text.push_str(&format!("\n{name}: {cost:.2} times the CPU (medians of {rounds} rounds, in turns)\n"));
            }
            Measured::Alone(_) => text.push_str(&format!("\n{name} (median of {rounds} rounds)\n")),
        }
        text.push_str(&row("ours", measured.ours(), ours));
        if let Some(comparison) = measured.beside() {
            text.push_str(&row("theirs", &comparison.theirs, theirs));
        }
        for (name, value) in facts {
            text.push_str(&format!("  {} {value}\n", name.replace('_', " ")));
        }
        for goal in goals {
            let met = if goal.is_met() { "met" } else { "MISSED" };
            text.push_str(&format!("  goal: {}: {}, {met}\n", goal.words(), rounded(goal.value)));
        }
    }
    text
}

fn row(who: &str, figures: &Figures, what: &str) -> String {
    // Some things take microseconds, and some seconds.
    let digits = if figures.median() < 1.0 { 3 } else { 1 };
    let range = format!("({:.digits$}–{:.digits$})", figures.least(), figures.most());
    let digits = if figures.median() < 1.0 { 4 } else { 2 };
    format!("  {who:<6} {:>9.digits$} ms  {range:<17} {what}\n", figures.median())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    fn figures(ms: &[f64]) -> Figures {
        Figures::new(ms.to_vec()).unwrap()
    }

    fn outcomes() -> [Outcome; 2] {
        let comparison = Comparison { ours: figures(&[2.0, 4.0, 3.0]), theirs: figures(&[700.0, 750.0, 720.0]) };
        let outcome = |bench, result| Outcome {
            bench,
            case: String::new(),
            ours: "runbook".to_owned(),
            theirs: "git".to_owned(),
            facts: Map::from_iter([("files".to_owned(), 100_000.into())]),
            goals: Vec::new(),
            result,
        };
        [outcome("rollback", Ok(Measured::Time(comparison))), outcome("cold-start", Err("curl is missing".to_owned()))]
    }

    /// Beside nobody, with two goals.
    fn alone() -> Outcome {
        Outcome {
            case: "one round".to_owned(),
            theirs: String::new(),
            goals: vec![Goal::at_most("MB", 100.0, 50.25), Goal::at_least("services", 10.0, 9.0)],
            result: Ok(Measured::Alone(figures(&[0.5, 0.25, 1.0]))),
            ..outcomes().into_iter().next().unwrap()
        }
    }

    #[test]
    fn the_document_has_the_published_shape() {
        let document = document(&outcomes());
        assert_eq!(document["schema"], "runbook/bench/v1");
        let result = &document["results"][0];
        assert_eq!((&result["bench"], &result["files"]), (&json!("rollback"), &json!(100_000)));
        assert_eq!(
            (&result["ours_ms"], &result["theirs_ms"], &result["ratio"]),
            (&json!(3.0), &json!(720.0), &json!(240.0))
        );
        assert_eq!(result["ours_range_ms"], json!([2.0, 4.0]));
        assert!(result.get("case").is_none() && result.get("goals").is_none(), "{result}");
        let skipped = &document["results"][1];
        assert_eq!(skipped["skipped"], "curl is missing");
        assert!(skipped.get("ours_ms").is_none(), "no figure without a measurement");
    }

    #[test]
    fn what_stands_beside_nobody_has_no_ratio() {
        let document = document(&[alone()]);
        let result = &document["results"][0];
        assert_eq!((&result["case"], &result["ours_ms"]), (&json!("one round"), &json!(0.5)));
        assert!(["ratio", "theirs_ms", "theirs"].iter().all(|name| result.get(name).is_none()), "{result}");
        let goal = json!({ "goal": "at least 10 services", "bound": 10.0, "value": 9.0, "met": false });
        assert_eq!(result["goals"][1], goal);
        assert_eq!(result["goals"][0]["met"], true);
    }

    #[test]
    fn the_table_shows_medians_goals_and_what_was_skipped() {
        let text = table(&outcomes());
        assert!(text.contains("rollback: 240.00 times as fast (medians of 3 rounds, in turns)"), "{text}");
        assert!(text.contains("ours        3.00 ms  (2.0–4.0)         runbook"), "{text}");
        assert!(text.contains("cold-start: skipped, curl is missing"), "{text}");
        let text = table(&[alone()]);
        assert!(
            text.contains("\nrollback (one round) (median of 3 rounds)\n  ours      0.5000 ms  (0.250–1.000)"),
            "{text}"
        );
        assert!(text.contains("  goal: at most 100 MB: 50.25, met\n"), "{text}");
        assert!(text.contains("  goal: at least 10 services: 9, MISSED\n") && !text.contains("theirs"), "{text}");
        let cpu = Comparison { ours: figures(&[0.125]), theirs: figures(&[0.1]) };
        let text = table(&[Outcome { result: Ok(Measured::Cpu(cpu)), ..alone() }]);
        assert!(text.contains("(one round): 1.25 times the CPU (medians of 1 rounds, in turns)"), "{text}");
    }
}
