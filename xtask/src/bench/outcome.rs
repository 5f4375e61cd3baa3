//! What is told of a bench: a document for programs, a table for people.

use serde_json::{Map, Value, json};

use super::measure::{Comparison, Figures};

/// One bench, measured or skipped.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) bench: &'static str,
    /// What Runbook did.
    pub(super) ours: String,
    /// What was measured beside it.
    pub(super) theirs: String,
    /// How large it was and what else was measured.
    pub(super) facts: Map<String, Value>,
    /// The figures, or why there are none.
    pub(super) result: Result<Comparison, String>,
}

/// `runbook/bench/v1`.
pub(super) fn document(outcomes: &[Outcome]) -> Value {
    json!({ "schema": "runbook/bench/v1", "results": outcomes.iter().map(result).collect::<Vec<_>>() })
}

fn result(outcome: &Outcome) -> Value {
    let mut result = Map::new();
    result.insert("bench".to_owned(), outcome.bench.into());
    match &outcome.result {
        Err(why) => {
            result.insert("skipped".to_owned(), why.as_str().into());
        }
        Ok(comparison) => {
            result.extend(outcome.facts.clone());
            let Comparison { ours, theirs } = comparison;
            let range = |figures: &Figures| json!([rounded(figures.least()), rounded(figures.most())]);
            let figures = [
                ("ours_ms", rounded(ours.median()).into()),
                ("theirs_ms", rounded(theirs.median()).into()),
                ("ratio", rounded(comparison.ratio()).into()),
                ("rounds", ours.rounds().into()),
                ("ours_range_ms", range(ours)),
                ("theirs_range_ms", range(theirs)),
            ];
            result.extend(figures.map(|(name, value): (&str, Value)| (name.to_owned(), value)));
        }
    }
    result.insert("ours".to_owned(), outcome.ours.as_str().into());
    result.insert("theirs".to_owned(), outcome.theirs.as_str().into());
    result.into()
}

/// To the microsecond; more would be noise.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

/// For people: medians, with the least and the most.
pub(super) fn table(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for Outcome { bench, ours, theirs, facts, result } in outcomes {
        match result {
            Err(why) => text.push_str(&format!("\n{bench}: skipped, {why}\n")),
            Ok(comparison) => {
                let (ratio, rounds) = (comparison.ratio(), comparison.ours.rounds());
                text.push_str(&format!("\n{bench}: {ratio:.2} times as fast (medians of {rounds} rounds, in turns)\n"));
                text.push_str(&row("ours", &comparison.ours, ours));
                text.push_str(&row("theirs", &comparison.theirs, theirs));
                for (name, value) in facts {
                    text.push_str(&format!("  {} {value}\n", name.replace('_', " ")));
                }
            }
        }
    }
    text
}

fn row(who: &str, figures: &Figures, what: &str) -> String {
    let range = format!("({:.1}–{:.1})", figures.least(), figures.most());
    format!("  {who:<6} {:>9.2} ms  {range:<17} {what}\n", figures.median())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    fn outcomes() -> [Outcome; 2] {
        let figures = |ms: &[f64]| Figures::new(ms.to_vec()).unwrap();
        let comparison = Comparison { ours: figures(&[2.0, 4.0, 3.0]), theirs: figures(&[700.0, 750.0, 720.0]) };
        let outcome = |bench, result| Outcome {
            bench,
            ours: "runbook".to_owned(),
            theirs: "git".to_owned(),
            facts: Map::from_iter([("files".to_owned(), 100_000.into())]),
            result,
        };
        [outcome("rollback", Ok(comparison)), outcome("cold-start", Err("curl is missing".to_owned()))]
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
        let skipped = &document["results"][1];
        assert_eq!(skipped["skipped"], "curl is missing");
        assert!(skipped.get("ours_ms").is_none(), "no figure without a measurement");
    }

    #[test]
    fn the_table_shows_medians_and_what_was_skipped() {
        let table = table(&outcomes());
        assert!(table.contains("rollback: 240.00 times as fast (medians of 3 rounds, in turns)"), "{table}");
        assert!(table.contains("ours        3.00 ms  (2.0–4.0)         runbook"), "{table}");
        assert!(table.contains("cold-start: skipped, curl is missing"), "{table}");
    }
}
