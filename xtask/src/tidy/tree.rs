//! The files of the checkout, as git sees them: tracked, or new and not ignored.

use std::path::Path;

use anyhow::{Context, Result};

use crate::tools::{program, text};

/// A text file of the checkout.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// From the root of the checkout, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Whether it is part of a crate's own sources, not of its tests or benches.
    pub(crate) fn is_rust_source(&self) -> bool {
        self.path.ends_with(".rs") && (self.path.contains("/src/") || self.path.ends_with("build.rs"))
    }
}

/// Every text file; what is not UTF-8 is no text.
pub(crate) fn sources(root: &Path) -> Result<Vec<Source>> {
    let listed =
        text(program("git").current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))
            .context("failed to list the files of the checkout")?;
    let mut sources = Vec::new();
    for path in listed.split_terminator('\0') {
        let file = root.join(path);
        // Deleted and not yet committed, a link to a folder, or a submodule.
        if !file.is_file() {
            continue;
        }
        let bytes = std::fs::read(&file).with_context(|| format!("failed to read {path}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source { path: path.to_owned(), text });
        }
    }
    Ok(sources)
}
