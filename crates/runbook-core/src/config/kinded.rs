//! A table that says `kind = "…"`: its other keys get their types from the registry, when the kind is built.

use serde::de::DeserializeOwned;

use super::{
    error::{ConfigError, Fault, Source, suggestion},
    reader,
    tree::{Node, Table, Value},
};
use crate::{registry::BuildError, words::KindId};

/// A table whose kind is known and whose keys are not yet read.
#[derive(Debug, Clone, PartialEq)]
pub struct Kinded {
    /// The kind.
    pub kind: KindId,
    kind_span: std::ops::Range<usize>,
    settings: Node,
    path: String,
    source: Source,
}

impl Kinded {
    /// Takes `kind` out of a table; the rest are its settings.
    pub(super) fn of(source: &Source, path: &str, mut node: Node, default: Option<&str>) -> Result<Self, ConfigError> {
        let span = node.span.clone();
        let wrong = |span: &std::ops::Range<usize>, fault: Fault| ConfigError::new(source, span.clone(), fault);
        let Value::Table(table) = &mut node.value else {
            return Err(wrong(&span, Fault::new(path, format!("expected a table, found {}", node.kind()))));
        };
        let (kind, kind_span) = match (table.take("kind"), default) {
            (Some((_, kind)), _) => {
                let name = kind.as_str().ok_or_else(|| {
                    wrong(&kind.span, Fault::new(path, format!("`kind` must be a string, found {}", kind.kind())))
                })?;
                (name.to_owned(), kind.span.clone())
            }
            (None, Some(default)) => (default.to_owned(), span.clone()),
            (None, None) => return Err(wrong(&span, Fault::new(path, "the key `kind` is missing"))),
        };
        let kind = KindId::new(kind).map_err(|e| wrong(&kind_span, Fault::new(path, e.to_string())))?;
        Ok(Self { kind, kind_span, settings: node, path: path.to_owned(), source: source.clone() })
    }

    /// A kind with settings of its own table (`with = { … }`).
    pub(super) fn with(
        source: &Source,
        path: &str,
        kind: KindId,
        kind_span: std::ops::Range<usize>,
        settings: Node,
    ) -> Self {
        Self { kind, kind_span, settings, path: path.to_owned(), source: source.clone() }
    }

    /// A kind without any settings, for what needs no table.
    pub fn bare(kind: KindId) -> Self {
        Self {
            kind,
            kind_span: 0..0,
            settings: Node::new(0..0, Value::Table(Table::default())),
            path: String::new(),
            source: Source { file: "built-in".into(), text: "".into() },
        }
    }

    /// Its keys, with their types.
    ///
    /// # Errors
    /// At the key that is wrong.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        reader::read(&self.settings).map_err(|error| {
            let span = error.span.clone().unwrap_or_else(|| self.settings.span.clone());
            ConfigError::new(&self.source, span, error.fault(&self.path))
        })
    }

    /// The place of an error that the builder found.
    pub fn build_error(&self, error: &BuildError) -> ConfigError {
        let key = error.key.as_deref().unwrap_or_default();
        let mut node = &self.settings;
        for part in key.split('.') {
            let name = part.split('[').next().unwrap_or(part);
            let next = match &node.value {
                Value::Table(table) => table.get(name),
                _ => None,
            };
            let Some(next) = next else { break };
            node = next;
        }
        let path = if key.is_empty() { self.path.clone() } else { format!("{}.{key}", self.path) };
        ConfigError::new(&self.source, node.span.clone(), Fault::new(path, error.message.clone()))
    }

    /// The error of a kind that nobody registered.
    pub fn unknown_kind<'a>(&self, what: &str, known: impl IntoIterator<Item = &'a str>) -> ConfigError {
        let fault = Fault::new(format!("{}.kind", self.path), format!("unknown {what} kind `{}`", self.kind))
            .hint(suggestion(self.kind.as_str(), known));
        ConfigError::new(&self.source, self.kind_span.clone(), fault)
    }
}
