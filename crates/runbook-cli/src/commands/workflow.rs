//! `runbook workflow`: the GitHub workflow for this configuration, written, printed, or held against the file that is there.

use std::path::{Path, PathBuf};

use runbook_core::ExitCode;
use serde_json::json;

use crate::{
    args::{Global, Workflow},
    fault::Fault,
    github_workflow::{Drift, Generated, compare, generate, write},
    output::Output,
    project::{read_document, shown},
};

pub(super) fn workflow(global: &Global, args: &Workflow, output: &Output) -> Result<ExitCode, Fault> {
    let (config, document) = read_document(global)?;
    let generated = generate(&config, &document, args.layout.map(Into::into))?;
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    if args.check && to_stdout {
        return Err(Fault::usage("--check compares with a file, and --output - is none"));
    }
    let file = match &args.output {
        Some(file) => std::path::absolute(file).map_err(|error| Fault::usage(format!("--output: {error}")))?,
        None => generated.file.clone(),
    };
    if args.check {
        return check(&file, &generated, output);
    }
    generated.notes.iter().for_each(|note| output.warn(note));
    let is_printed = to_stdout || global.dry_run;
    let mut document = json!({
        "schema": "runbook/workflow/v1",
        "file": shown(&file),
        "layout": generated.layout.as_str(),
        "written": !is_printed,
    });
    if is_printed {
        document["text"] = json!(generated.text);
        output.document(&document, generated.text.trim_end());
        return Ok(ExitCode::Succeeded);
    }
    write(&file, &generated.text, args.force)?;
    let done = format!("wrote {} (layout {})", shown(&file).display(), generated.layout.as_str());
    output.document(&document, &format!("{done}\nnext: commit it, and set the variables and secrets that it names"));
    Ok(ExitCode::Succeeded)
}

fn check(file: &Path, generated: &Generated, output: &Output) -> Result<ExitCode, Fault> {
    let drift = compare(file, &generated.text)?;
    let name: PathBuf = shown(file);
    let document = json!({
        "schema": "runbook/workflow/v1",
        "file": name,
        "layout": generated.layout.as_str(),
        "written": false,
        "drift": drift,
    });
    let Some(drift) = drift else {
        output.document(&document, &format!("{} is what would be generated", name.display()));
        return Ok(ExitCode::Succeeded);
    };
    output.document(&document, &told(&name, &drift, file.exists()));
    Ok(ExitCode::Degraded)
}

/// What differs, for people.
fn told(name: &Path, drift: &Drift, exists: bool) -> String {
    let name = name.display();
    if !exists {
        return format!("{name} is missing\nnext: runbook workflow");
    }
    let or_end = |line: &Option<String>| line.clone().unwrap_or_else(|| "(the end of the file)".to_owned());
    let Drift { line, found, expected } = drift;
    format!(
        "{name} is not what would be generated; the first difference is in line {line}:\n- {}\n+ {}\nnext: runbook workflow",
        or_end(found),
        or_end(expected)
    )
}
