//! Gives a tree its types. An error keeps the place of the value that it is about.

use std::{fmt, ops::Range};

use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::{
    error::{Fault, suggestion},
    tree::{Key, Node, Table, Value},
};

/// What is wrong, and where in the text, once that is known.
#[derive(Debug, Clone)]
pub(super) struct ReadError {
    pub(super) span: Option<Range<usize>>,
    pub(super) path: Vec<String>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl ReadError {
    fn at(mut self, span: &Range<usize>) -> Self {
        self.span.get_or_insert_with(|| span.clone());
        self
    }

    fn within(mut self, key: String) -> Self {
        self.path.insert(0, key);
        self
    }

    /// The place in words, below `base`.
    pub(super) fn fault(self, base: &str) -> Fault {
        let mut path = base.to_owned();
        for part in &self.path {
            if !path.is_empty() && !part.starts_with('[') {
                path.push('.');
            }
            path.push_str(part);
        }
        Fault { path, message: self.message, hint: self.hint }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { span: None, path: Vec::new(), message: message.to_string(), hint: None }
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format!("expected {expected}, found {}", words(found)))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format!("expected {expected}, found {}", words(found)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let mut error = Self::custom(format!("unknown key `{field}`"));
        error.hint = Some(suggestion(field, expected.iter().copied()));
        error
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let mut error = Self::custom(format!("unknown value `{variant}`"));
        error.hint = Some(suggestion(variant, expected.iter().copied()));
        error
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format!("the key `{field}` is missing"))
    }
}

fn words(found: de::Unexpected<'_>) -> String {
    match found {
        de::Unexpected::Str(text) => format!("the string {text:?}"),
        de::Unexpected::Map => "a table".to_owned(),
        de::Unexpected::Seq => "an array".to_owned(),
        other => other.to_string(),
    }
}

/// Reads a `T` from a table.
pub(super) fn read<'de, T: de::Deserialize<'de>>(node: &'de Node) -> Result<T, ReadError> {
    T::deserialize(Reader(node))
}

#[derive(Clone, Copy)]
struct Reader<'de>(&'de Node);

impl<'de> Reader<'de> {
    /// A text that came from a variable may be a number or a flag, where one is wanted.
    fn typed<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let text = self.0.as_str().filter(|_| self.0.interpolated).map(str::trim);
        let span = &self.0.span;
        if let Some(text) = text {
            if let Ok(number) = text.parse::<i64>() {
                return visitor.visit_i64(number).map_err(|e: ReadError| e.at(span));
            }
            if let Ok(number) = text.parse::<f64>() {
                return visitor.visit_f64(number).map_err(|e: ReadError| e.at(span));
            }
            if let Ok(flag) = text.parse::<bool>() {
                return visitor.visit_bool(flag).map_err(|e: ReadError| e.at(span));
            }
        }
        de::Deserializer::deserialize_any(self, visitor)
    }
}

macro_rules! typed {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.typed(visitor)
        })*
    };
}

impl<'de> de::Deserializer<'de> for Reader<'de> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let result = match &self.0.value {
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(flag) => visitor.visit_bool(*flag),
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter().enumerate() }),
            Value::Table(table) => visitor.visit_map(Entries { entries: table.0.iter(), value: None }),
        };
        result.map_err(|error: ReadError| error.at(&self.0.span))
    }

    typed!(deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
           deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64);

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let result = match &self.0.value {
            Value::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            _ => Err(de::Error::custom(format!("expected a string, found {}", self.0.kind()))),
        };
        result.map_err(|error: ReadError| error.at(&self.0.span))
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'de> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
}

impl<'de> de::SeqAccess<'de> for Items<'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let Some((at, node)) = self.items.next() else { return Ok(None) };
        seed.deserialize(Reader(node)).map(Some).map_err(|error| error.at(&node.span).within(format!("[{at}]")))
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, (Key, Node)>,
    value: Option<(&'de Key, &'de Node)>,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let Some((key, node)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key, node));
        seed.deserialize(key.name.as_str().into_deserializer())
            .map(Some)
            .map_err(|error: ReadError| error.at(&key.span))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let Some((key, node)) = self.value.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        seed.deserialize(Reader(node)).map_err(|error| error.at(&node.span).within(key.name.clone()))
    }
}

/// Whether a table has only these keys; the first other one is an error at its place.
pub(super) fn only(table: &Table, known: &[&str]) -> Result<(), ReadError> {
    match table.0.iter().find(|(key, _)| !known.contains(&key.name.as_str())) {
        None => Ok(()),
        Some((key, _)) => Err(ReadError {
            span: Some(key.span.clone()),
            path: Vec::new(),
            message: format!("unknown key `{}`", key.name),
            hint: Some(suggestion(&key.name, known.iter().copied())),
        }),
    }
}
