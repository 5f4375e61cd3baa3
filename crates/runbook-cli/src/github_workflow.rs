//! The GitHub workflow of a project: `gather` takes the facts from its configuration and its folder, `written` compares
//! the text with a file and writes it. `runbook workflow`, `runbook init` and `runbook doctor` use both.

mod gather;
mod written;

use std::path::{Path, PathBuf};

use runbook_core::config::Document;
use runbook_render::{WorkflowLayout, workflow};

pub(crate) use written::{Drift, compare, may_write, write};

use crate::fault::Fault;

/// A workflow that a configuration asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Generated {
    /// The layout that was asked for, or that fits.
    pub(crate) layout: WorkflowLayout,
    /// Where it belongs, in `.github/workflows/` of the repository.
    pub(crate) file: PathBuf,
    /// Its text.
    pub(crate) text: String,
    /// What the owner should know of it.
    pub(crate) notes: Vec<String>,
}

/// The workflow that this configuration, read from `file`, asks for. It needs none of its variables to be set, and what
/// this process's environment says does not matter.
///
/// # Errors
/// When the configuration is wrong, or does not allow the layout that was asked for.
pub(crate) fn generate(file: &Path, document: &Document, layout: Option<WorkflowLayout>) -> Result<Generated, Fault> {
    let root = repository_root(file);
    let (facts, notes) = gather::facts(file, &root, document, layout)?;
    let text = workflow(&facts).map_err(|error| gather::wrong(file, &error))?;
    let file = root.join(".github").join("workflows").join(&facts.file);
    Ok(Generated { layout: facts.layout, file, text, notes })
}

/// The folder that GitHub checks out: the nearest one with a repository, else that of the configuration.
pub(crate) fn repository_root(file: &Path) -> PathBuf {
    let folder = file.parent().unwrap_or(Path::new(""));
    folder.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(folder).to_owned()
}

/// Whether the programs of this repository are built by `cargo xtask`, `runbook` among them.
pub(crate) fn has_xtask(root: &Path) -> bool {
    if !root.join("Cargo.toml").is_file() {
        return false;
    }
    let is_alias =
        |line: &str| line.trim_start().strip_prefix("xtask").is_some_and(|rest| rest.trim_start().starts_with('='));
    ["config.toml", "config"].iter().any(|name| {
        let text = std::fs::read_to_string(root.join(".cargo").join(name)).unwrap_or_default();
        text.lines().any(is_alias)
    })
}
