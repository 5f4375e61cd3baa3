//! Whether the workflow in the repository is the one that this configuration asks for: what `runbook workflow --check`
//! tells.

use runbook_core::Finding;

use crate::{
    args::Global,
    github_workflow::{compare, generate},
    project::{read_document, shown},
};

const ID: &str = "workflow.file";
const WHY: &str = "jobs then lack what the configuration needs: a trigger, a permission, a variable, a pinned action";

pub(super) fn look(global: &Global) -> Finding {
    let generated = read_document(global).and_then(|(file, document)| generate(&file, &document, None));
    let generated = match generated {
        Ok(generated) => generated,
        Err(fault) => {
            let mend = fault.hint.unwrap_or_else(|| "runbook workflow says the same, with the place".to_owned());
            return Finding::problem(ID, format!("no workflow can be generated: {}", fault.message), WHY, mend);
        }
    };
    let name = shown(&generated.file);
    let name = name.display();
    match compare(&generated.file, &generated.text) {
        Ok(None) => Finding::ok(ID, format!("{name} is what would be generated")),
        Ok(Some(_)) if !generated.file.exists() => {
            let why = "nothing runs on a schedule, after a push, or at GitHub's \"Run workflow\"";
            Finding::warning(ID, format!("{name} is missing"), why, "runbook workflow, then commit what it wrote")
        }
        Ok(Some(drift)) => Finding::warning(
            ID,
            format!("{name} is not what would be generated; the first difference is in line {}", drift.line),
            WHY,
            "runbook workflow, then commit what it wrote (runbook workflow --check shows the difference)",
        ),
        Err(fault) => Finding::unknown(ID, fault.message, WHY, "make the file readable"),
    }
}
