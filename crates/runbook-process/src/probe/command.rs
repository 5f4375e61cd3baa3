//! `kind = "command"`: a program of the owner's measures, and says by exit code and output what it found.

use std::{fmt, path::PathBuf, time::Duration};

use async_trait::async_trait;
use runbook_core::{
    Reading, Redactor, Secret,
    ports::{Probe, ProbeError},
    registry::{BuildError, ProbeDefinition, Scope},
};

use super::{
    CommandProbeSettings,
    judgement::{Expectation, Verdict},
};
use crate::command::{Argv, End, Invocation, Placeholder, Runner, Values, last_words};

/// How much of the output conditions look at, in bytes.
const MAX_OUTPUT: usize = 64 * 1024;
/// How much of the command and of its last words evidence shows, in characters.
const MAX_COMMAND: usize = 200;
const MAX_WORDS: usize = 600;
/// How long the value of a variable must be to be taken out of evidence, in bytes: shorter ones hide nothing and would
/// tear words apart.
const MIN_SECRET: usize = 8;

/// Measures a service by running a program, once for each sample. Kind `command`; see [`CommandProbeSettings`] for its
/// keys.
///
/// | what happened | health |
/// | --- | --- |
/// | an expected exit code, and output as expected | healthy |
/// | an exit code of `degraded_codes`, or output that `degrade` does not expect | degraded |
/// | another exit code, or output that `expect` does not expect | unhealthy |
/// | an exit code of `unknown_codes` | unknown |
/// | it could not be started, a signal ended it, or it did not end in time: it measured nothing | unknown |
/// | output that cannot be compared: not UTF-8, or more than 64 KiB | unknown |
///
/// At its timeout it is killed with its whole process group, and so it is when the future is dropped. A sample ends
/// within the timeout and at most two seconds, which only a process takes that has left the group and holds the output.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let scope = runbook_core::registry::Scope {
/// #     variables: runbook_core::registry::Lookup::fixed([("PATH", "/usr/bin:/bin")]),
/// #     ..runbook_core::registry::Scope::bare("Forge", "staging".parse().unwrap(), ".")
/// # };
/// use runbook_core::{Health, ports::Probe, registry::ProbeDefinition};
/// use runbook_process::CommandProbe;
///
/// let settings = serde_json::json!({ "argv": ["echo", "12 jobs waiting"], "expect": { "output": "~ ^\\d+ jobs" } });
/// let probe = CommandProbe::build(serde_json::from_value(settings).unwrap(), &scope).unwrap();
/// assert_eq!(probe.sample().await.unwrap().health, Health::Healthy);
/// # });
/// ```
pub struct CommandProbe {
    argv: Vec<String>,
    /// The command for people: without secrets, on one line.
    shown: String,
    cwd: PathBuf,
    runner: Runner,
    /// Takes out what the program is told by variables.
    told: Redactor,
    expectation: Expectation,
    out_of_reach: Option<String>,
}

impl fmt::Debug for CommandProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandProbe")
            .field("command", &self.shown)
            .field("cwd", &self.cwd)
            .field("runner", &self.runner)
            .field("expectation", &self.expectation)
            .finish_non_exhaustive()
    }
}

impl ProbeDefinition for CommandProbe {
    const KIND: &'static str = "command";
    type Settings = CommandProbeSettings;

    fn build(settings: CommandProbeSettings, scope: &Scope) -> Result<Self, BuildError> {
        let runner = Runner::new(scope, settings.timeout, &settings.env, &settings.pass_env)?;
        let expectation = Expectation::of(&settings)?;
        let argv = argv(&settings, scope)?;
        let told = told(&settings, scope);
        Ok(Self {
            shown: shown(argv.iter().map(|argument| told.redact(&runner.redactor.redact(argument)))),
            told,
            argv,
            cwd: scope.root.join(settings.cwd.unwrap_or_default()),
            runner,
            expectation,
            out_of_reach: scope.service.as_ref().and_then(|service| service.out_of_reach.clone()),
        })
    }
}

/// Whatever a variable holds may be secret, and nobody knows any more which values of `env` were one (`${NAME}`).
fn told(settings: &CommandProbeSettings, scope: &Scope) -> Redactor {
    let passed = settings.pass_env.iter().filter_map(|name| scope.variables.get(name));
    let values = settings.env.0.values().cloned().chain(passed).filter(|value| value.trim().len() >= MIN_SECRET);
    Redactor::new(&values.map(Secret::new).collect::<Vec<_>>())
}

/// A control probe has no service, and so no component.
fn argv(settings: &CommandProbeSettings, scope: &Scope) -> Result<Vec<String>, BuildError> {
    let values = Values {
        component: scope.service.as_ref().map(|service| service.facts.id.to_string()),
        environment: Some(scope.environment.to_string()),
        ..Values::default()
    };
    let known: &[Placeholder] = match values.component {
        Some(_) => &[Placeholder::Component, Placeholder::Environment],
        None => &[Placeholder::Environment],
    };
    let argv = Argv::parse("argv", &settings.argv, known)?;
    argv.expand(&values).map_err(|missing| BuildError::key("argv", missing.to_string()))
}

#[async_trait]
impl Probe for CommandProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        if let Some(words) = &self.out_of_reach {
            return Err(ProbeError::new(words.clone()));
        }
        let command = self.runner.invocation(self.argv.clone(), &self.cwd);
        // It changes nothing, so it needs no time to put things right.
        let command = Invocation { grace: Duration::ZERO, keep: MAX_OUTPUT, ..command };
        let ran = command.run().await.map_err(|error| ProbeError {
            message: format!("failed to run `{}`", self.shown),
            source: Some(Box::new(error)),
        })?;
        // Taken out before it is cut, so that no half of it stays.
        let words = cut(&self.told.redact(&last_words(&ran.tail)), MAX_WORDS);
        let not_measured = |how: &str| {
            Err(ProbeError::new(self.evidence(&format!("`{}` {how}; its last words: {words}", self.shown))))
        };
        let code = match ran.end {
            End::Exited(Some(code)) => code,
            End::Exited(None) => return not_measured("was ended by a signal"),
            End::TimedOut => {
                return not_measured(&format!("did not end within {:?} and was killed", self.runner.timeout));
            }
        };
        match self.expectation.judge(code, &ran.kept) {
            Verdict::NotMeasured(says) => not_measured(&format!("ended with exit code {code}, which says that {says}")),
            Verdict::Measured(health, findings) => {
                let elapsed_ms = ran.elapsed.as_secs_f64() * 1e3;
                let took = millis(elapsed_ms);
                let words = if ran.tail.is_empty() { String::new() } else { format!(": {words}") };
                let evidence = format!("{} → exit code {code} in {took}{words}{findings}", self.shown);
                let evidence = self.evidence(&evidence);
                Ok(Reading { latency_ms: Some(elapsed_ms), ..Reading::new(health, evidence) })
            }
        }
    }

    fn limit(&self) -> Duration {
        self.runner.timeout.saturating_add(Duration::from_secs(10))
    }
}

impl CommandProbe {
    /// Conditions and commands may hold a secret too, or a line break.
    fn evidence(&self, text: &str) -> String {
        self.told.redact(&self.runner.redactor.redact(text)).replace(char::is_control, " ")
    }
}

/// A command on one line; what could be misread is in quotation marks.
fn shown(argv: impl Iterator<Item = String>) -> String {
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '"' | '\\');
    let words =
        argv.map(|word| if !word.is_empty() && word.chars().all(is_plain) { word } else { format!("{word:?}") });
    cut(&words.collect::<Vec<_>>().join(" "), MAX_COMMAND)
}

/// The first characters of a text that holds no secret any more.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn millis(ms: f64) -> String {
    match ms {
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 9_999.5 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_reads_as_one_line() {
        let shown = |argv: &[&str]| shown(argv.iter().map(|&word| word.to_owned()));
        assert_eq!(shown(&["./check", "-w", "10"]), "./check -w 10");
        assert_eq!(shown(&["sh", "-c", "a\nb \u{1b}[2J", ""]), r#"sh -c "a\nb \u{1b}[2J" """#);
        assert_eq!(shown(&["x".repeat(300).as_str()]).chars().count(), MAX_COMMAND + 1);
    }

    #[test]
    fn times_have_the_digits_that_mean_something() {
        assert_eq!([0.04, 9.96, 812.4, 12_345.0].map(millis), ["0.0 ms", "10 ms", "812 ms", "12.3 s"]);
    }
}
