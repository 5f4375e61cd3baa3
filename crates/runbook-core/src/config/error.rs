//! What is wrong with a configuration, where, and what mends it.

use std::{fmt, ops::Range, path::PathBuf, sync::Arc};

/// The text of a configuration, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) file: PathBuf,
    pub(super) text: Arc<str>,
}

/// A piece of the file, for a face that draws a caret below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The whole text.
    pub text: Arc<str>,
    /// The bytes that are wrong.
    pub span: Range<usize>,
}

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key, such as `service.fastapi.probe[0].timeout`.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What mends it.
    pub hint: Option<String>,
    /// Where it is, for drawing.
    pub snippet: Option<Snippet>,
}

impl ConfigError {
    pub(super) fn new(source: &Source, span: Range<usize>, fault: Fault) -> Self {
        let before = source.text.get(..span.start).unwrap_or(&source.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self {
            file: source.file.clone(),
            line,
            column,
            key: Some(fault.path).filter(|path| !path.is_empty()),
            message: fault.message,
            hint: fault.hint,
            snippet: Some(Snippet { text: Arc::clone(&source.text), span }),
        }
    }

    /// An error that concerns a file as a whole: it is missing, or cannot be read.
    pub fn file(file: impl Into<PathBuf>, message: impl Into<String>, hint: Option<String>) -> Self {
        Self { file: file.into(), line: 0, column: 0, key: None, message: message.into(), hint, snippet: None }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(key) = &self.key {
            write!(f, " (at {key})")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// What is wrong, before its place in a file is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Fault {
    pub(super) path: String,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Fault {
    pub(super) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// "did you mean", or the list of what there is.
pub(super) fn suggestion<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(wrong, name), *name))
        .filter(|(distance, name)| *distance <= (name.len().max(wrong.len()) / 3).max(1))
        .min();
    match nearest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "there is none to choose from".to_owned(),
        None => format!("expected one of {}", known.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")),
    }
}
