//! The tree of a TOML text: every key and value with the bytes it came from.

use std::ops::Range;

use serde::{Serialize, Serializer};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::error::{ConfigError, Fault, Source};

/// How deep tables and arrays may lie in one another. TOML's parser bounds dotted keys and brackets, each for itself;
/// together they go thousands of levels down, which no stack bears that is walked as a tree.
const DEEPEST: usize = 64;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) value: Value,
    /// The text came from a variable, so that `"8000"` may stand where a number is wanted.
    pub(super) interpolated: bool,
    /// Variables of this text that were not set, so that their defaults were taken.
    pub(super) defaulted: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Array(Vec<Node>),
    Table(Table),
}

/// A table in the order of the text.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Table(pub(super) Vec<(Key, Node)>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) span: Range<usize>,
    pub(super) name: String,
}

impl Table {
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.0.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.0.iter_mut().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<(Key, Node)> {
        let at = self.0.iter().position(|(key, _)| key.name == name)?;
        Some(self.0.remove(at))
    }

    /// The values of all keys that end in `_env`, at any depth; `pass_env` names variables that are no secrets.
    pub(super) fn secret_names(&self, names: &mut Vec<String>) {
        for (key, node) in self.0.iter().filter(|(key, _)| key.name != "pass_env") {
            match &node.value {
                Value::String(name) if key.name.ends_with("_env") => names.push(name.clone()),
                // `headers_env = { "X-Key" = "NAME" }`: every value is a name.
                Value::Table(table) if key.name.ends_with("_env") => {
                    names.extend(table.0.iter().filter_map(|(_, node)| match &node.value {
                        Value::String(name) => Some(name.clone()),
                        _ => None,
                    }));
                }
                Value::Table(table) => table.secret_names(names),
                Value::Array(items) => items.iter().for_each(|item| match &item.value {
                    Value::String(name) if key.name.ends_with("_env") => names.push(name.clone()),
                    Value::Table(table) => table.secret_names(names),
                    _ => {}
                }),
                _ => {}
            }
        }
    }

    /// Lays another table over this one: tables are merged, everything else is replaced.
    pub(super) fn overlay(&mut self, over: Self) {
        for (key, node) in over.0 {
            match (self.get_mut(&key.name), node) {
                (Some(Node { value: Value::Table(under), .. }), Node { value: Value::Table(over), .. }) => {
                    under.overlay(over);
                }
                (Some(under), node) => *under = node,
                (None, node) => self.0.push((key, node)),
            }
        }
    }
}

impl Node {
    pub(super) fn new(span: Range<usize>, value: Value) -> Self {
        Self { span, value, interpolated: false, defaulted: Vec::new() }
    }

    /// What it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::String(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Boolean(_) => "a boolean",
            Value::Array(_) => "an array",
            Value::Table(_) => "a table",
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

/// As the digest wants it: without places.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Value::String(text) => serializer.serialize_str(text),
            Value::Integer(number) => serializer.serialize_i64(*number),
            // As text: canonical JSON of the digest holds no floats.
            Value::Float(number) => serializer.collect_str(number),
            Value::Boolean(flag) => serializer.serialize_bool(*flag),
            Value::Array(items) => serializer.collect_seq(items),
            Value::Table(table) => table.serialize(serializer),
        }
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, node)| (&key.name, node)))
    }
}

/// Reads a text.
pub(super) fn parse(source: &Source) -> Result<Table, ConfigError> {
    let root = DeTable::parse(&source.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        ConfigError::new(source, span, Fault::new("", error.message()))
    })?;
    table(source, root.into_inner(), 0)
}

fn table(source: &Source, table: DeTable<'_>, depth: usize) -> Result<Table, ConfigError> {
    let mut entries = table
        .into_iter()
        .map(|(key, value)| {
            let key = Key { span: key.span(), name: key.into_inner().into_owned() };
            Ok((key, node(source, value, depth)?))
        })
        .collect::<Result<Vec<_>, ConfigError>>()?;
    entries.sort_by_key(|(key, _)| key.span.start);
    Ok(Table(entries))
}

fn node(source: &Source, value: Spanned<DeValue<'_>>, depth: usize) -> Result<Node, ConfigError> {
    let span = value.span();
    let wrong = |what: &str| ConfigError::new(source, span.clone(), Fault::new("", what));
    if depth > DEEPEST {
        return Err(wrong(&format!("tables and arrays lie more than {DEEPEST} deep in one another")));
    }
    let value = match value.into_inner() {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Integer(number) => Value::Integer(
            i64::from_str_radix(number.as_str(), number.radix())
                .map_err(|_| wrong("the integer does not fit 64 bits"))?,
        ),
        DeValue::Float(number) => Value::Float(number.as_str().parse().map_err(|_| wrong("not a number"))?),
        DeValue::Boolean(flag) => Value::Boolean(flag),
        DeValue::Datetime(time) => Value::String(time.to_string()),
        DeValue::Array(items) => {
            Value::Array(items.into_iter().map(|item| node(source, item, depth + 1)).collect::<Result<_, _>>()?)
        }
        DeValue::Table(inner) => Value::Table(table(source, inner, depth + 1)?),
    };
    Ok(Node::new(span, value))
}
