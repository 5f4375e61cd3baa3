//! What Slack and Discord are sent, against their own types: `tsc` takes the payloads, and refuses broken ones.

use anyhow::Result;
use serde_json::Value;

use super::{
    check::Check,
    command::{Stage, shown},
};
use crate::tools::{output, text};

pub(super) const NAME: &str = "chats";

/// The test that writes the payloads.
const PACKAGE: &str = "runbook-render";
const TEST: &str = "payloads_for_a_check_against_the_types_of_slack_and_discord";
/// How the payloads are read: strictly, and without looking into the types themselves.
const OPTIONS: [&str; 9] = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--target",
    "es2022",
    "--module",
    "nodenext",
    "--moduleResolution",
    "nodenext",
];

pub(super) fn run(stage: &Stage<'_>) -> Result<Vec<Check>> {
    let payloads = stage.folder(NAME)?.join("payloads.json");
    let arguments = [TEST, "--ignored"].map(str::to_owned);
    let failed = stage.programs.run(PACKAGE, &arguments, &[("RUNBOOK_CHAT_PAYLOADS", payloads.as_os_str())])?;
    if let Some(why) = failed {
        return Ok(vec![Check::of(NAME, "the payloads are written", false, &why)]);
    }
    // TypeScript looks for types above the file that names them.
    let literals = stage.parts.file("../payloads.ts");
    let written = text(stage.parts.script("chats.mjs").args([shown(&payloads), shown(&literals)]))?;
    let counts: Value = serde_json::from_str(&written)?;
    let held = output(stage.parts.script("node_modules/typescript/bin/tsc").args(OPTIONS).arg(&literals))?;
    let name = format!(
        "{} payloads have the types of @slack/types and discord-api-types, and {} broken ones do not",
        counts["payloads"], counts["broken"]
    );
    Ok(vec![Check::of(NAME, name, held.status.success(), &String::from_utf8_lossy(&held.stdout))])
}
