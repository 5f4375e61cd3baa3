//! Generated workflows, in both layouts, under what others check workflows with; and broken ones, which each of them has to
//! refuse.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::{
    check::{Check, Outcome},
    command::{Stage, pinned, shown},
};
use crate::tools::{output, program};

pub(super) const NAME: &str = "workflows";

const LAYOUTS: [&str; 2] = ["jobs", "single"];
/// Has its findings in a linter of the same schema too, and takes minutes to build: it is used where it is installed.
const OPTIONAL: &str = "action-validator";

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Check>> {
    let folder = stage.folder(NAME)?;
    let config = folder.join("runbook.toml");
    fs::copy(pinned(stage.checkout).join("runbook.toml"), &config).context("failed to copy runbook.toml")?;
    // The workflow belongs to a repository, and this is the root of one.
    fs::create_dir(folder.join(".git")).context("failed to make a repository")?;
    let mut checks = Vec::new();
    let mut arguments = vec![shown(&folder), shown(stage.parts.python_programs())];
    for layout in LAYOUTS {
        let file = folder.join(format!("{layout}.yml"));
        let why = generate(&stage.checkout.program("runbook"), &config, layout, &file)?;
        checks.push(Check::of(
            NAME,
            format!("the layout {layout} is generated"),
            why.is_none(),
            &why.unwrap_or_default(),
        ));
        arguments.push(shown(&file));
    }
    if checks.iter().all(|check| check.outcome == Outcome::Holds) {
        checks.extend(stage.parts.checks(NAME, "workflows.mjs", &arguments)?);
    }
    if output(program(OPTIONAL).arg("--version")).is_err() {
        let why =
            format!("it is not installed (`cargo install {OPTIONAL}`); actionlint and GitHub's own parser were asked");
        checks.push(Check::new(NAME, format!("clean under {OPTIONAL}"), Outcome::Skipped(why)));
    }
    Ok(checks)
}

/// Why no workflow was generated, or nothing where one was.
fn generate(runbook: &Path, config: &Path, layout: &str, file: &Path) -> Result<Option<String>> {
    let mut command = program(runbook);
    command.arg("--config").arg(config).args(["workflow", "--layout", layout, "--force", "--output"]).arg(file);
    let ran = output(&mut command)?;
    let said = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
    Ok((!ran.status.success()).then(|| format!("{}\n{said}", ran.status)))
}
