//! The life of the status issue at npm `emulate`, a GitHub that nobody here wrote.

use std::ffi::OsStr;

use anyhow::Result;

use super::{check::Check, command::Stage};
use crate::tools::Server;

pub(super) const NAME: &str = "emulate";

const PACKAGE: &str = "runbook-github";
const TEST: &str = "the_life_of_a_status_issue";

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Check>> {
    let github = Server::start(&mut stage.parts.server("emulate.mjs"))?;
    let arguments = [TEST, "--ignored"].map(str::to_owned);
    let said = OsStr::new(github.said());
    let failed = stage.programs.run(PACKAGE, &arguments, &[("RUNBOOK_EMULATED_GITHUB", said)])?;
    let name = "a status issue is made, found behind 150 others, updated, opened again, and of two the older stays";
    Ok(vec![Check::of(NAME, name, failed.is_none(), &failed.unwrap_or_default())])
}
