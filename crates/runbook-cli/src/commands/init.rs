//! `runbook init`: a configuration to start from, checked before it is written; with it the GitHub workflow and the scripts,
//! where they are asked for.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use runbook_core::{ExitCode, config::Document, registry::Registry};
use serde_json::json;

use crate::{
    args::{Global, Init, Template},
    fault::Fault,
    github_workflow::{generate, has_xtask, may_write, repository_root},
    output::Output,
    project::{read_document, shown},
};

const MINIMAL: &str = include_str!("../../templates/minimal.toml");
const FORGE: &str = include_str!("../../templates/forge.toml");

/// The scripts, and the command that each of them calls.
const SCRIPTS: [(&str, &str); 4] = [
    ("health-check.sh", "check"),
    ("update-component.sh", "update-component"),
    ("rollback.sh", "rollback"),
    ("emergency-stop.sh", "emergency-stop"),
];

/// A file that is to be written.
struct Planned {
    file: PathBuf,
    text: String,
    is_program: bool,
    /// Whether it may be written over what is there; checked before anything is written.
    over: bool,
}

pub(super) fn init(global: &Global, args: &Init, _: &Registry, output: &Output) -> Result<ExitCode, Fault> {
    let named = global.config.clone().unwrap_or_else(|| PathBuf::from("runbook.toml"));
    let config = std::path::absolute(&named).map_err(|error| Fault::usage(format!("{}: {error}", named.display())))?;
    let text = match args.template {
        Template::Minimal => MINIMAL,
        Template::Forge => FORGE,
    };
    // What is written must be readable; a broken template would be a fault of Runbook.
    let fresh = Document::parse(&named, text).map_err(|error| Fault::internal(error.to_string()))?;
    let is_kept = (args.github || args.scripts) && !args.force && config.exists();
    let mut planned = Vec::new();
    let document = if is_kept {
        let mut named = global.clone();
        named.config = Some(config.clone());
        read_document(&named)?.1
    } else {
        planned.push(Planned { file: config.clone(), text: text.to_owned(), is_program: false, over: args.force });
        fresh
    };
    let mut notes = Vec::new();
    if args.github {
        let generated = generate(&config, &document, None)?;
        may_write(&generated.file, args.force)?;
        notes = generated.notes;
        planned.push(Planned { file: generated.file, text: generated.text, is_program: false, over: true });
    }
    if args.scripts {
        planned.extend(scripts(&repository_root(&config), args.force));
    }
    let taken = planned.iter().find(|planned| !planned.over && planned.file.exists());
    if let Some(taken) = taken.filter(|_| !global.dry_run) {
        return Err(Fault::usage(format!("{} is there already; it was left as it is", shown(&taken.file).display()))
            .hint("--force overwrites it"));
    }
    let files: Vec<PathBuf> = planned.iter().map(|planned| shown(&planned.file)).collect();
    let document = json!({
        "schema": "runbook/init/v1",
        "file": named,
        "written": !global.dry_run,
        "files": files,
    });
    notes.iter().for_each(|note| output.warn(note));
    if global.dry_run {
        output.document(&document, printed(&planned).trim_end());
        return Ok(ExitCode::Succeeded);
    }
    planned.iter().try_for_each(put)?;
    let mut lines: Vec<String> = files.iter().map(|file| format!("wrote {}", file.display())).collect();
    if is_kept {
        lines.insert(0, format!("kept {} as it is", named.display()));
    }
    lines.push("next: runbook check".to_owned());
    output.document(&document, &lines.join("\n"));
    Ok(ExitCode::Succeeded)
}

/// One-line calls, for whoever knows the scripts by their names.
fn scripts(root: &Path, over: bool) -> Vec<Planned> {
    let program = if has_xtask(root) { "cargo xtask run" } else { "runbook" };
    let script = |(name, command): (&str, &str)| Planned {
        file: root.join("scripts").join("runbook").join(name),
        text: format!("#!/bin/sh\nexec {program} {command} \"$@\"\n"),
        is_program: true,
        over,
    };
    SCRIPTS.map(script).into()
}

/// One file is printed as it would be; of several, each stands below its name.
fn printed(planned: &[Planned]) -> String {
    match planned {
        [one] => one.text.clone(),
        all => all.iter().map(|one| format!("==> {}\n{}\n", shown(&one.file).display(), one.text)).collect(),
    }
}

fn put(planned: &Planned) -> Result<(), Fault> {
    let name = shown(&planned.file);
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Fault::usage(format!("{} is there already; it was left as it is", name.display()))
                .hint("--force overwrites it")
        }
        _ => Fault::usage(format!("failed to write {}: {error}", name.display())),
    };
    // The folder of the configuration is the owner's to make: a mistyped one must not appear.
    if let Some(folder) = planned.file.parent().filter(|folder| folder.ancestors().any(is_ours)) {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    options.write(true);
    if planned.over {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let mut writer = options.open(&planned.file).map_err(failed)?;
    writer.write_all(planned.text.as_bytes()).map_err(failed)?;
    if planned.is_program {
        make_program(&planned.file).map_err(failed)?;
    }
    Ok(())
}

/// The folders that `init` makes itself.
fn is_ours(folder: &Path) -> bool {
    folder.ends_with(".github/workflows") || folder.ends_with("scripts/runbook")
}

#[cfg(unix)]
fn make_program(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mut permissions = fs::metadata(file)?.permissions();
    permissions.set_mode(permissions.mode() | 0o111);
    fs::set_permissions(file, permissions)
}

#[cfg(not(unix))]
fn make_program(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

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
