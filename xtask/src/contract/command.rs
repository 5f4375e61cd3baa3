//! Which parts there are, and what is shown of them.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};

use super::{
    act, chats,
    check::{Check, Outcome, Sum, document},
    emulate, openapi,
    parts::Parts,
    programs::Programs,
    webhooks, workflows,
};
use crate::tools::{Checkout, Format, Misuse, format_and_rest};

/// With this, what is missing on the machine is a failure.
const REQUIRE: &str = "RUNBOOK_REQUIRE_PARTS";

/// A part with its checks; an error is a fault of the part as a whole.
type Part = fn(&Stage<'_>) -> Result<Vec<Check>>;

const PARTS: [(&str, Part); 6] = [
    (act::NAME, act::run),
    (chats::NAME, chats::run),
    (emulate::NAME, emulate::run),
    (openapi::NAME, openapi::run),
    (webhooks::NAME, webhooks::run),
    (workflows::NAME, workflows::run),
];

/// What every part gets.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) checkout: &'a Checkout,
    pub(super) parts: &'a Parts,
    pub(super) programs: &'a Programs,
}

impl Stage<'_> {
    /// An empty folder of this name, made anew.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = folder(self.checkout).join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("failed to remove {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
        Ok(folder)
    }
}

/// Where everything is installed and made.
pub(super) fn folder(checkout: &Checkout) -> PathBuf {
    checkout.target().join("contract")
}

/// Where the pinned versions and the scripts are.
pub(super) fn pinned(checkout: &Checkout) -> PathBuf {
    checkout.root().join("xtask/contract")
}

pub(crate) fn start(checkout: &Checkout, arguments: &[OsString]) -> Result<ExitCode> {
    let (format, names) = format_and_rest(arguments)?;
    let wanted = wanted(&names)?;
    let checks = match Parts::install(&folder(checkout), &pinned(checkout)) {
        Ok(parts) => {
            let programs = Programs::build(checkout)?;
            run(&Stage { checkout, parts: &parts, programs: &programs }, &wanted, format)
        }
        Err(why) => not_run(&wanted, &format!("{why:#}"), is_required()),
    };
    let sum = Sum::of(&checks);
    match format {
        Format::Json => println!("{:#}", document(&checks)),
        Format::Human => println!("\n{}", sum.line()),
    }
    Ok(if sum.broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The parts that are asked for: those that are named, or all.
fn wanted(names: &[String]) -> Result<Vec<(&'static str, Part)>, Misuse> {
    let known = PARTS.map(|(name, _)| name);
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Misuse(format!("there is no part {unknown:?}; there are {}", known.join(", "))));
    }
    Ok(PARTS.into_iter().filter(|(name, _)| names.is_empty() || names.iter().any(|wanted| wanted == name)).collect())
}

/// Runs every part, also after one has failed. Each is told as soon as it is over.
fn run(stage: &Stage<'_>, wanted: &[(&'static str, Part)], format: Format) -> Vec<Check> {
    let mut all = Vec::new();
    for &(name, part) in wanted {
        eprintln!("contract {name}");
        let checks = part(stage)
            .unwrap_or_else(|error| vec![Check::new(name, "the part itself", Outcome::Broken(format!("{error:#}")))]);
        for check in checks {
            if format == Format::Human {
                println!("{}", check.line());
            } else if check.outcome != Outcome::Holds {
                eprintln!("{}", check.line());
            }
            all.push(check);
        }
    }
    all
}

/// The parts that cannot be run, because something is missing that all of them need.
fn not_run(wanted: &[(&'static str, Part)], why: &str, is_required: bool) -> Vec<Check> {
    let outcome = |why: String| if is_required { Outcome::Broken(why) } else { Outcome::Skipped(why) };
    let check = |&(name, _): &(&'static str, Part)| Check::new(name, "all of it", outcome(why.to_owned()));
    let checks: Vec<Check> = wanted.iter().map(check).collect();
    checks.iter().for_each(|check| eprintln!("{}", check.line()));
    checks
}

fn is_required() -> bool {
    std::env::var_os(REQUIRE).is_some_and(|value| value == "1")
}

/// A path as an argument of a script.
pub(super) fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    fn names(words: &[&str]) -> Result<Vec<&'static str>, Misuse> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Ok(wanted(&words)?.into_iter().map(|(name, _)| name).collect())
    }

    #[test]
    fn all_parts_are_run_unless_some_are_named() {
        assert_eq!(names(&[]).unwrap(), ["act", "chats", "emulate", "openapi", "webhooks", "workflows"]);
        assert_eq!(names(&["openapi"]).unwrap(), ["openapi"]);
        let error = names(&["openapis"]).unwrap_err().to_string();
        assert!(error.starts_with("there is no part \"openapis\"; there are act, chats"), "{error}");
    }

    #[test]
    fn what_is_missing_is_a_failure_only_where_it_is_required() {
        let wanted = wanted(&["chats".to_owned()]).unwrap();
        let skipped = not_run(&wanted, "npm was not found", false);
        assert_eq!(Sum::of(&skipped), Sum { hold: 0, broken: 0, skipped: 1 });
        assert_eq!(Sum::of(&not_run(&wanted, "npm was not found", true)), Sum { hold: 0, broken: 1, skipped: 0 });
    }
}
