//! The grammar of a command: deterministic, one line, every option at most once.
//!
//! ```text
//! /runbook update-status
//! /runbook deploy [VERSION]
//! /runbook rollback [VERSION] [--force]
//! /runbook update-component SERVICE|all [--version V]
//! /runbook emergency-stop
//! /runbook resume --reason "…"
//! each:  [--environment E] [--reason "…"] [--expect SHA256]
//! ```

use std::str::FromStr;

use runbook_core::{Action, ReleaseId, ServiceId};

use super::words::{Word, words};
use crate::event::{MAX_REASON, Wish, bounded};

/// What a command begins with.
const PREFIX: &str = "/runbook";
/// The longest command, in characters.
const LONGEST: usize = 1_000;

/// Reads a line. `None`: it is no command.
pub(super) fn parse(line: &str) -> Option<Result<Wish, String>> {
    rest(line).map(command)
}

/// Whether a line is a command, understood or not.
pub(super) fn is_command(line: &str) -> bool {
    rest(line).is_some()
}

/// What follows the word that makes a line a command. `/runbooks` is somebody else's.
fn rest(line: &str) -> Option<&str> {
    line.strip_prefix(PREFIX).filter(|rest| rest.chars().next().is_none_or(char::is_whitespace))
}

/// What was given, option by option.
#[derive(Default)]
struct Given {
    environment: Option<String>,
    component: Option<String>,
    version: Option<String>,
    reason: Option<String>,
    expect: Option<String>,
    force: bool,
    /// What stands without a name, behind the action.
    bare: Option<String>,
}

fn command(rest: &str) -> Result<Wish, String> {
    if rest.chars().count() > LONGEST {
        return Err(format!("the command is longer than {LONGEST} characters"));
    }
    let mut words = words(rest)?.into_iter();
    let action = words.next().ok_or("an action is missing")?;
    let action: Action = parsed("the action", &action.text)?;
    let given = given(action, words)?;
    wish(action, given)
}

fn given(action: Action, mut words: impl Iterator<Item = Word>) -> Result<Given, String> {
    let mut given = Given::default();
    while let Some(word) = words.next() {
        let Some(option) = word.text.strip_prefix("--") else {
            if given.bare.replace(word.text).is_some() {
                return Err(format!("{action} takes one version or service at most"));
            }
            continue;
        };
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (option.to_owned(), None),
        };
        if name == "force" {
            if value.is_some() || given.force {
                return Err("--force is given once, and without a value".to_owned());
            }
            given.force = true;
            continue;
        }
        let place = match name.as_str() {
            "environment" => &mut given.environment,
            "component" => &mut given.component,
            "version" => &mut given.version,
            "reason" => &mut given.reason,
            "expect" => &mut given.expect,
            _ => return Err(format!("there is no option {:?}", bounded(&word.text, 60))),
        };
        let value = match value {
            Some(value) => value,
            None => match words.next() {
                Some(word) if word.quoted || !word.text.starts_with("--") => word.text,
                _ => return Err(format!("--{name} needs a value")),
            },
        };
        if value.trim().is_empty() {
            return Err(format!("--{name} needs a value"));
        }
        if place.replace(value).is_some() {
            return Err(format!("--{name} is given twice"));
        }
    }
    Ok(given)
}

/// Whether what was given fits the action.
fn wish(action: Action, given: Given) -> Result<Wish, String> {
    let Given { environment, component, version, reason, expect, force, bare } = given;
    let (component, version) = match action {
        Action::Deploy | Action::Rollback => (component, one("version", version, bare)?),
        Action::UpdateComponent => (one("component", component, bare)?, version),
        Action::UpdateStatus | Action::EmergencyStop | Action::Resume => {
            if let Some(bare) = bare.or(version).or(component) {
                return Err(format!("{action} takes no version and no service, and {:?} is one", bounded(&bare, 60)));
            }
            (None, None)
        }
    };
    if action != Action::UpdateComponent && component.is_some() {
        return Err(format!("--component belongs to update-component, not to {action}"));
    }
    let component = match component.as_deref() {
        None if action == Action::UpdateComponent => {
            return Err("update-component needs a service, or `all`".to_owned());
        }
        None | Some("all") => None,
        Some(id) => Some(parsed::<ServiceId>("the service", id)?),
    };
    let version = version.map(|text| parsed::<ReleaseId>("the version", &text)).transpose()?;
    let reason = reason.map(|text| bounded(&text, usize::MAX));
    if reason.as_ref().is_some_and(|reason| reason.chars().count() > MAX_REASON) {
        return Err(format!("the reason is longer than {MAX_REASON} characters"));
    }
    if force && action != Action::Rollback {
        return Err(format!("--force belongs to rollback, not to {action}"));
    }
    if (force || action == Action::Resume) && reason.is_none() {
        let what = if force { "--force" } else { "resume" };
        return Err(format!("{what} needs a reason: --reason \"…\""));
    }
    Ok(Wish {
        component,
        version: version.map(|version| version.to_string()),
        environment: environment.map(|text| parsed("the environment", &text)).transpose()?,
        force,
        reason,
        expect: expect.map(|text| parsed("the digest of --expect", &text.to_ascii_lowercase())).transpose()?,
        ..Wish::plain(action)
    })
}

/// What may be said by its option, or without.
fn one(name: &str, option: Option<String>, bare: Option<String>) -> Result<Option<String>, String> {
    match (option, bare) {
        (Some(_), Some(bare)) => Err(format!("the {name} is given twice: by --{name} and as {:?}", bounded(&bare, 60))),
        (option, bare) => Ok(option.or(bare)),
    }
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(what: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| bounded(&format!("{what}: {error}"), 300))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> Wish {
        parse(line).unwrap().unwrap()
    }

    fn refused(line: &str) -> String {
        parse(line).unwrap().unwrap_err()
    }

    #[test]
    fn each_action_is_read_with_what_belongs_to_it() {
        assert_eq!(read("/runbook update-status").action, Action::UpdateStatus);
        assert_eq!(read("/runbook deploy v1.2.3").version.as_deref(), Some("v1.2.3"));
        assert_eq!(read("/runbook deploy --version=v1.2.3").version.as_deref(), Some("v1.2.3"));
        let one = read("/runbook update-component api --version v2 ");
        assert_eq!((one.component, one.version.as_deref()), (Some("api".parse().unwrap()), Some("v2")));
        assert_eq!(read("/runbook update-component --component all").component, None);
        assert_eq!(read("/runbook resume --reason \"it is safe\"").reason.as_deref(), Some("it is safe"));
        let digest = "AB".repeat(32);
        let back = read(&format!("/runbook\trollback v1 --environment staging --force --reason x --expect {digest}"));
        assert_eq!((back.action, back.force, back.reason.as_deref()), (Action::Rollback, true, Some("x")));
        assert_eq!(back.environment, Some("staging".parse().unwrap()));
        assert_eq!(back.expect.unwrap().to_string(), digest.to_lowercase());
    }

    #[test]
    fn what_is_no_command_is_nobodys_mistake() {
        for line in [
            "",
            "runbook deploy",
            " /runbook deploy",
            "> /runbook deploy",
            "/runbooks",
            "`/runbook deploy`",
            "/runbook-x",
        ] {
            assert_eq!(parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn what_does_not_fit_says_what_was_expected() {
        for (line, why) in [
            ("/runbook", "an action is missing"),
            ("/runbook delpoy", "expected one of update-status, deploy"),
            ("/runbook deploy v1 v2", "one version or service"),
            ("/runbook deploy v1 --version v2", "given twice"),
            ("/runbook deploy --component api", "belongs to update-component"),
            ("/runbook deploy $(reboot)", "is not a release"),
            ("/runbook deploy --force --reason x", "belongs to rollback"),
            ("/runbook rollback --force", "needs a reason"),
            ("/runbook rollback --expect 12", "is not a SHA-256"),
            ("/runbook rollback --environment ../x", "is not an environment name"),
            ("/runbook rollback --reason", "needs a value"),
            ("/runbook rollback --reason --force", "needs a value"),
            ("/runbook rollback --reason a --reason b", "given twice"),
            ("/runbook rollback --yes", "there is no option"),
            ("/runbook update-component", "needs a service"),
            ("/runbook update-status api", "takes no version"),
            ("/runbook emergency-stop --version v1", "takes no version"),
            ("/runbook resume", "needs a reason"),
        ] {
            let error = refused(line);
            assert!(error.contains(why), "{line}: {error}");
        }
        assert!(refused(&format!("/runbook deploy {}", "x".repeat(2_000))).contains("longer than"));
    }

    proptest! {
        #[test]
        fn it_never_panics(line: String) {
            let _ = parse(&format!("/runbook {line}"));
        }
    }
}
