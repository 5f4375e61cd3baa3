//! What the end of a program means: its exit code by a table, its output by conditions; the worst finding counts. Pure.

use std::{collections::BTreeMap, fmt};

use regex::{Regex, RegexBuilder};
use runbook_core::{Health, registry::BuildError};

use super::{CommandProbeSettings, ExitCodes};
use crate::command::Kept;

/// What a shell ends with when it cannot start a program: it was found and may not be run, or was not found
/// (POSIX, Shell Command Language, 2.8.2).
const NOT_STARTED: [u8; 2] = [126, 127];

/// How much memory a regular expression may take once it is compiled, and its search as much again, in bytes.
const MAX_PATTERN: usize = 1024 * 1024;

/// What exit codes mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Codes {
    named: BTreeMap<u8, Health>,
    others: Health,
    /// For words.
    expected: Vec<u8>,
}

impl Codes {
    fn nagios() -> Self {
        let named = [(0, Health::Healthy), (1, Health::Degraded), (2, Health::Unhealthy)];
        Self { named: named.into(), others: Health::Unknown, expected: vec![0] }
    }

    fn of(settings: &CommandProbeSettings) -> Result<Self, BuildError> {
        let zero = ExitCodes(vec![0]);
        let expected = settings.expect.exit_code.as_ref();
        let lists = [
            ("expect.exit_code", expected.unwrap_or(&zero), Health::Healthy),
            ("degraded_codes", &settings.degraded_codes, Health::Degraded),
            ("unknown_codes", &settings.unknown_codes, Health::Unknown),
        ];
        if settings.nagios {
            let told =
                [expected.is_some(), !settings.degraded_codes.0.is_empty(), !settings.unknown_codes.0.is_empty()];
            return match lists.iter().zip(told).find(|(_, is_told)| *is_told) {
                Some(((key, ..), _)) => {
                    Err(BuildError::key(*key, "`nagios = true` already says what every exit code means"))
                }
                None => Ok(Self::nagios()),
            };
        }
        if expected.is_some_and(|codes| codes.0.is_empty()) {
            return Err(BuildError::key("expect.exit_code", "the list is empty, so nothing could ever be healthy"));
        }
        let mut named = BTreeMap::new();
        for (key, codes, health) in lists {
            for code in &codes.0 {
                if named.insert(*code, health).is_some_and(|other| other != health) {
                    return Err(BuildError::key(key, format!("exit code {code} has another meaning already")));
                }
            }
        }
        for code in NOT_STARTED {
            named.entry(code).or_insert(Health::Unknown);
        }
        Ok(Self { named, others: Health::Unhealthy, expected: expected.unwrap_or(&zero).0.clone() })
    }

    fn meaning(&self, code: i32) -> Health {
        u8::try_from(code).ok().and_then(|code| self.named.get(&code)).copied().unwrap_or(self.others)
    }
}

/// What standard output must say.
#[derive(Debug, Clone)]
enum OutputCondition {
    Equal(String),
    Match(Regex),
}

impl OutputCondition {
    /// The grammar of conditions, as far as it is for texts.
    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(' ') {
            Some(("~", text)) => pattern(text).map(Self::Match),
            Some(("=", text)) => Ok(Self::Equal(text.trim().to_owned())),
            Some((sign @ ("!=" | "<" | "<=" | ">" | ">="), _)) => Err(format!(
                "what a program prints is compared as a text: `~` and a regular expression, or the text itself; it can \
                 compare numbers on its own and say so by its exit code (for a text that begins so, write `= {sign} …`)"
            )),
            _ => Ok(Self::Equal(text.trim().to_owned())),
        }
    }

    fn is_met(&self, text: &str) -> bool {
        match self {
            Self::Equal(wanted) => text == wanted,
            Self::Match(regex) => regex.is_match(text),
        }
    }
}

/// A regular expression whose memory is bounded, and with it the time of a search.
fn pattern(text: &str) -> Result<Regex, String> {
    if text.trim().is_empty() {
        return Err("an empty regular expression would match everything".to_owned());
    }
    let built = RegexBuilder::new(text).size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => format!(
            "{text:?} is not a regular expression for a probe: it takes more than 1 MiB; repeat less, or name fewer \
             characters ([0-9A-Za-z_] for \\w)"
        ),
        error => {
            // The library draws the place over several lines; its last line says what is wrong.
            let words = error.to_string();
            let problem = words.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("{text:?} is not a regular expression: {problem}")
        }
    })
}

impl fmt::Display for OutputCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal(wanted) => write!(f, "= {wanted:?}"),
            Self::Match(regex) => write!(f, "~ {regex}"),
        }
    }
}

/// What is expected, checked and ready.
#[derive(Debug, Clone)]
pub(super) struct Expectation {
    codes: Codes,
    /// Each with what it is when it is not met.
    output: Vec<(OutputCondition, Health)>,
}

/// What a program's end comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A reading. The words begin with `; `, or are empty.
    Measured(Health, String),
    /// The exit code says that nothing was measured, in words that follow "which says that".
    NotMeasured(&'static str),
}

impl Expectation {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// With the key that is wrong.
    pub(super) fn of(settings: &CommandProbeSettings) -> Result<Self, BuildError> {
        let keys = [
            ("expect.output", &settings.expect.output, Health::Unhealthy),
            ("degrade.output", &settings.degrade.output, Health::Degraded),
        ];
        let mut output = Vec::new();
        for (key, text, health) in keys {
            if let Some(text) = text {
                let condition = OutputCondition::parse(text).map_err(|problem| BuildError::key(key, problem))?;
                output.push((condition, health));
            }
        }
        Ok(Self { codes: Codes::of(settings)?, output })
    }

    /// Judges a program that ended by itself.
    pub(super) fn judge(&self, code: i32, printed: &Kept) -> Verdict {
        let meaning = self.codes.meaning(code);
        let mut findings = match meaning {
            Health::Unknown if NOT_STARTED.iter().any(|&it| i32::from(it) == code) => {
                return Verdict::NotMeasured("nothing was measured, as a shell does that cannot start a program");
            }
            Health::Unknown => return Verdict::NotMeasured("nothing was measured"),
            Health::Healthy => Vec::new(),
            Health::Degraded => vec![(meaning, format!("exit code {code} means degraded"))],
            Health::Unhealthy => vec![(meaning, format!("expected exit code {}", listed(&self.codes.expected)))],
        };
        for (condition, otherwise) in &self.output {
            match printed.text() {
                Ok(text) if condition.is_met(text) => {}
                Ok(_) => findings.push((*otherwise, format!("expected output {condition}"))),
                Err(why) => findings.push((Health::Unknown, format!("expected output {condition}, but {why}"))),
            }
        }
        let health = findings.iter().fold(Health::Healthy, |worst, (health, _)| worst.worst(*health));
        // The worst first, and otherwise in the order in which they are written.
        findings.sort_by_key(|(found, _)| *found != health);
        Verdict::Measured(health, findings.into_iter().map(|(_, words)| format!("; {words}")).collect())
    }
}

fn listed(codes: &[u8]) -> String {
    codes.iter().map(u8::to_string).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at once")]
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn expectation(more: Value) -> Result<Expectation, BuildError> {
        let mut settings = json!({"argv": ["check"]});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Expectation::of(&serde_json::from_value(settings).unwrap())
    }

    fn kept(text: &str, limit: usize) -> Kept {
        let mut kept = Kept::up_to(limit);
        kept.push(text.as_bytes());
        kept
    }

    fn judge(more: Value, code: i32, printed: &str) -> (Health, String) {
        match expectation(more).unwrap().judge(code, &kept(printed, 64)) {
            Verdict::Measured(health, words) => (health, words),
            Verdict::NotMeasured(words) => (Health::Unknown, words.to_owned()),
        }
    }

    #[test]
    fn exit_codes_mean_what_the_table_says() {
        use Health::{Degraded, Healthy, Unhealthy, Unknown};
        let plain = json!({});
        let lists = json!({"expect": {"exit_code": [0, 4]}, "degraded_codes": 1, "unknown_codes": [3, 4_u8.pow(3)]});
        let nagios = json!({"nagios": true});
        let claims = json!({"degraded_codes": [127]});
        for (settings, code, expected) in [
            (&plain, 0, Healthy),
            (&plain, 1, Unhealthy),
            (&plain, 3, Unhealthy),
            (&plain, 126, Unknown),
            (&plain, 127, Unknown),
            (&lists, 4, Healthy),
            (&lists, 1, Degraded),
            (&lists, 3, Unknown),
            (&lists, 2, Unhealthy),
            (&nagios, 0, Healthy),
            (&nagios, 1, Degraded),
            (&nagios, 2, Unhealthy),
            (&nagios, 3, Unknown),
            (&nagios, 4, Unknown),
            (&claims, 127, Degraded),
            (&claims, 126, Unknown),
        ] {
            assert_eq!(judge(settings.clone(), code, "").0, expected, "{code} of {settings}");
        }
    }

    #[test]
    fn the_worst_finding_counts_and_stands_first() {
        let both = json!({"expect": {"output": "~ ^ok"}, "degrade": {"output": "~ fresh"}});
        assert_eq!(judge(both.clone(), 0, "ok, fresh\n"), (Health::Healthy, String::new()));
        assert_eq!(judge(both.clone(), 0, "ok"), (Health::Degraded, "; expected output ~ fresh".to_owned()));
        let words = "; expected exit code 0; expected output ~ ^ok; expected output ~ fresh";
        assert_eq!(judge(both, 1, "no"), (Health::Unhealthy, words.to_owned()));
        let degraded = json!({"degraded_codes": 1, "expect": {"output": "ok"}});
        let words = "; expected output = \"ok\"; exit code 1 means degraded";
        assert_eq!(judge(degraded, 1, "no"), (Health::Unhealthy, words.to_owned()));
    }

    #[test]
    fn an_output_that_cannot_be_compared_is_unknown() {
        let expected = expectation(json!({"expect": {"output": "~ ok"}})).unwrap();
        let Verdict::Measured(health, words) = expected.judge(0, &kept("ok and so on", 4)) else { panic!("measured") };
        assert_eq!(
            (health, words.as_str()),
            (Health::Unknown, "; expected output ~ ok, but it is longer than 4 bytes")
        );
        let Verdict::Measured(health, _) = expected.judge(1, &kept("ok and so on", 4)) else { panic!("measured") };
        assert_eq!(health, Health::Unhealthy, "a measured fault outweighs what could not be told");
    }

    #[test]
    fn a_plain_text_is_the_whole_output() {
        for (condition, printed, is_met) in [
            ("ok", " ok\n", true),
            ("ok", "ok then", false),
            ("= ~ ok", "~ ok", true),
            ("=ok", "=ok", true),
            ("~ o.$", "ok", true),
            ("", "\n", true),
        ] {
            let health = judge(json!({"expect": {"output": condition}}), 0, printed).0;
            assert_eq!(health == Health::Healthy, is_met, "{condition:?} of {printed:?}");
        }
    }

    #[test]
    fn what_cannot_be_meant_names_its_key() {
        let refused = |more: Value| {
            let error = expectation(more).unwrap_err();
            format!("{}: {}", error.key.unwrap_or_default(), error.message)
        };
        insta::assert_snapshot!(
            [
                json!({"expect": {"exit_code": []}}),
                json!({"degraded_codes": 0}),
                json!({"degraded_codes": [1], "unknown_codes": [1]}),
                json!({"nagios": true, "expect": {"exit_code": 0}}),
                json!({"nagios": true, "unknown_codes": 3}),
                json!({"expect": {"output": "~ ("}}),
                json!({"expect": {"output": "~  "}}),
                json!({"degrade": {"output": "< 5"}}),
            ]
            .map(refused)
            .join("\n")
        );
    }

    /// Below the library's own limit, which is ten times as large.
    #[test]
    fn an_expression_that_takes_too_much_memory_is_refused() {
        let error = expectation(json!({"degrade": {"output": "~ a{60000}"}})).unwrap_err();
        assert_eq!(error.key.as_deref(), Some("degrade.output"));
        assert!(error.message.contains("it takes more than 1 MiB"), "{error}");
    }

    proptest! {
        /// Whatever a program prints: only an expected exit code and a met condition are healthy.
        #[test]
        fn nothing_else_is_healthy(code in 0..256_i32, printed in ".{0,80}") {
            let (health, _) = judge(json!({"expect": {"exit_code": [0, 7], "output": "~ ok"}}), code, &printed);
            let is_met = printed.len() <= 64 && printed.trim().contains("ok");
            prop_assert_eq!(health == Health::Healthy, matches!(code, 0 | 7) && is_met);
        }

        #[test]
        fn any_condition_is_read_or_refused(text in ".*") {
            let _ = OutputCondition::parse(&text);
        }
    }
}
