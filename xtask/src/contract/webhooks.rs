//! The events of a job, read from the payloads of npm `@octokit/webhooks-examples`, which GitHub really sent.

use anyhow::Result;

use super::{check::Check, command::Stage};

pub(super) const NAME: &str = "webhooks";

const PACKAGE: &str = "runbook-github";
const TEST: &str = "every_payload_that_github_sent_is_understood_or_refused";
const INDEX: &str = "@octokit/webhooks-examples/api.github.com/index.json";

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Check>> {
    let index = stage.parts.file(INDEX);
    let arguments = [TEST, "--ignored"].map(str::to_owned);
    let failed = stage.programs.run(PACKAGE, &arguments, &[("RUNBOOK_WEBHOOK_EXAMPLES", index.as_os_str())])?;
    let name = "every payload of every event starts what it should, starts nothing, or is refused";
    Ok(vec![Check::of(NAME, name, failed.is_none(), &failed.unwrap_or_default())])
}
