//! `runbook init`: a configuration to start from, checked before it is written.

use std::{io::Write, path::PathBuf};

use runbook_core::{ExitCode, config::Document, registry::Registry};
use serde_json::json;

use crate::{
    args::{Global, Init, Template},
    fault::Fault,
    output::Output,
};

const MINIMAL: &str = include_str!("../../templates/minimal.toml");
const FORGE: &str = include_str!("../../templates/forge.toml");

pub(super) fn init(global: &Global, args: &Init, _: &Registry, output: &Output) -> Result<ExitCode, Fault> {
    let file = global.config.clone().unwrap_or_else(|| PathBuf::from("runbook.toml"));
    let text = match args.template {
        Template::Minimal => MINIMAL,
        Template::Forge => FORGE,
    };
    // What is written must be readable; a broken template would be a fault of Runbook.
    Document::parse(&file, text).map_err(|error| Fault::internal(error.to_string()))?;
    let done = format!("wrote {}", file.display());
    let document = json!({ "schema": "runbook/init/v1", "file": file, "written": !global.dry_run });
    if global.dry_run {
        output.document(&document, text.trim_end());
        return Ok(ExitCode::Succeeded);
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    if args.force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let mut writer = options.open(&file).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Fault::usage(format!("{} is there already; it was left as it is", file.display()))
                .hint("--force overwrites it")
        }
        _ => Fault::usage(format!("failed to write {}: {error}", file.display())),
    })?;
    writer
        .write_all(text.as_bytes())
        .map_err(|error| Fault::internal(format!("failed to write {}: {error}", file.display())))?;
    output.document(&document, &format!("{done}\nnext: runbook check"));
    Ok(ExitCode::Succeeded)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::path::Path;

    use runbook_core::registry::Lookup;

    use super::*;

    #[test]
    fn every_template_is_a_configuration_without_any_variable_set() {
        for text in [MINIMAL, FORGE] {
            let document = Document::parse(Path::new("runbook.toml"), text).unwrap();
            let environment = document.default_environment().unwrap();
            let config = document.config(&environment, &Lookup::new(|_| None)).unwrap();
            assert!(!config.services.is_empty());
        }
    }
}
