//! Every request that the code makes and every answer of the fake GitHub, against GitHub's OpenAPI description. The tests
//! that talk to the fake are run once more, and each fake writes its exchanges down; where `cargo xtask test` was run with
//! the same folder in its environment, they were written down then.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{
    check::Check,
    command::{Stage, pinned, shown},
};

pub(super) const NAME: &str = "openapi";

/// Names the folder that each fake writes to.
const RECORD: &str = "RUNBOOK_RECORD_GITHUB";
const CLI: &str = "runbook-cli";
/// The packages whose tests talk to the fake, and which of the tests do. Of the command line's it is found out.
const RECORDED: [(&str, &[&str]); 2] = [("runbook-testkit", &["github"]), ("runbook-github", &[])];
/// Tests of the command line that do the same some hundred times over.
const REPEATS: [&str; 2] = ["crash", "bench"];

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    let exchanges = match recorded_before() {
        Some(folder) => folder,
        None => record(stage, &mut checks)?,
    };
    let broken = pinned(stage.checkout).join("broken.jsonl");
    let arguments = [stage.parts.description(), exchanges, broken].map(|path| shown(&path));
    checks.extend(stage.parts.checks(NAME, "openapi.mjs", &arguments)?);
    Ok(checks)
}

/// The folder that an earlier run of the tests wrote to.
fn recorded_before() -> Option<PathBuf> {
    let folder = std::env::var_os(RECORD).map(PathBuf::from)?;
    let has_any = fs::read_dir(&folder).is_ok_and(|mut files| files.next().is_some());
    has_any.then_some(folder)
}

/// Runs the tests that talk to the fake; the folder with what was said.
fn record(stage: &Stage<'_>, checks: &mut Vec<Check>) -> Result<PathBuf> {
    let exchanges = stage.folder(NAME)?;
    let mut record = |package: &str, arguments: &[String]| {
        let failed = stage.programs.run(package, arguments, &[(RECORD, exchanges.as_os_str())])?;
        let name = format!("the tests of {package} that talk to the fake pass");
        checks.push(Check::of(NAME, name, failed.is_none(), &failed.unwrap_or_default()));
        Ok::<(), anyhow::Error>(())
    };
    for (package, filters) in RECORDED {
        record(package, &filters.iter().map(|filter| (*filter).to_owned()).collect::<Vec<_>>())?;
    }
    record(CLI, &modules_that_name_github(&stage.programs.folder(CLI)?.join("tests/it"))?)?;
    Ok(exchanges)
}

/// The modules of integration tests in whose text GitHub is named, as filters of test names.
fn modules_that_name_github(tests: &Path) -> Result<Vec<String>> {
    let mut modules = Vec::new();
    for entry in fs::read_dir(tests).with_context(|| format!("failed to list {}", tests.display()))? {
        let path = entry?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        if name != "main" && !REPEATS.contains(&name) && names_github(&path)? {
            modules.push(format!("{name}::"));
        }
    }
    modules.sort();
    Ok(modules)
}

/// Whether a Rust file, or one in a folder, names GitHub.
fn names_github(path: &Path) -> Result<bool> {
    if path.is_dir() {
        for entry in fs::read_dir(path).with_context(|| format!("failed to list {}", path.display()))? {
            if names_github(&entry?.path())? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    if path.extension().is_none_or(|kind| kind != "rs") {
        return Ok(false);
    }
    let text = fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    Ok(text.to_lowercase().contains("github"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    #[test]
    fn the_tests_that_talk_to_the_fake_are_found_by_their_text() {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/runbook-cli/tests/it");
        let modules = modules_that_name_github(&tests).unwrap();
        for expected in ["github::", "actions::", "secrets::"] {
            assert!(modules.iter().any(|module| module == expected), "{expected} is not in {modules:?}");
        }
        for other in ["main::", "crash::", "bench::", "help::", "snapshots::"] {
            assert!(modules.iter().all(|module| module != other), "{other} is in {modules:?}");
        }
    }
}
