//! Finds one value in a JSON body without building the document: memory stays that of the value, however the body is
//! nested. Of a name that stands twice, the last counts.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Pointer;
use crate::condition::{Number, Value};

/// The value at the pointer; [`Value::Unreadable`] when the body is not JSON.
pub(super) fn find(body: &[u8], pointer: &Pointer) -> Value<'static> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let found = Seek(pointer.parts()).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    found.unwrap_or(Value::Unreadable(Cow::Borrowed("the body is not JSON")))
}

/// Follows the rest of a pointer.
struct Seek<'p>(&'p [String]);

impl Seek<'_> {
    /// A scalar ends the way: it is what was sought, or there is nothing below it.
    fn scalar(&self, value: Value<'static>) -> Value<'static> {
        if self.0.is_empty() { value } else { Value::Absent }
    }
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = Value<'static>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = Value<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(self.scalar(Value::Other("null")))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(self.scalar(Value::Boolean(flag)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(self.scalar(Value::Number(Number::Whole(number.into()))))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(self.scalar(Value::Number(Number::Whole(number.into()))))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(self.scalar(Number::float(number).map_or(Value::Other("not a finite number"), Value::Number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(if self.0.is_empty() { Value::Text(Cow::Owned(text.to_owned())) } else { Value::Absent })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Some((name, rest)) = self.0.split_first() else {
            let mut members = 0;
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                members += 1;
            }
            return Ok(Value::Object(members));
        };
        let mut found = Value::Absent;
        while let Some(is_sought) = map.next_key_seed(NameIs(name))? {
            if is_sought {
                found = map.next_value_seed(Seek(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let Some((index, rest)) = self.0.split_first() else {
            let mut elements = 0;
            while items.next_element::<IgnoredAny>()?.is_some() {
                elements += 1;
            }
            return Ok(Value::Array(elements));
        };
        let mut found = Value::Absent;
        if let Some(index) = array_index(index) {
            let mut at = 0;
            while at < index && items.next_element::<IgnoredAny>()?.is_some() {
                at += 1;
            }
            if at == index {
                found = items.next_element_seed(Seek(rest))?.unwrap_or(Value::Absent);
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

/// RFC 6901, section 4: digits without a leading zero.
fn array_index(part: &str) -> Option<usize> {
    let plain = part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
    if plain { part.parse().ok() } else { None }
}

/// Whether a name is the one that is sought, without keeping it.
struct NameIs<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for NameIs<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameIs<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(body: &str, pointer: &str) -> String {
        match find(body.as_bytes(), &pointer.parse().unwrap()) {
            Value::Absent => "absent".to_owned(),
            Value::Text(text) => format!("{text:?}"),
            Value::Number(number) => number.to_string(),
            Value::Boolean(flag) => flag.to_string(),
            Value::Array(length) => format!("an array of {length}"),
            Value::Object(length) => format!("an object of {length}"),
            Value::Other(what) => what.to_owned(),
            Value::Unreadable(why) => why.into_owned(),
            Value::Untyped(_) => unreachable!("JSON has types"),
        }
    }

    #[test]
    fn pointers_find_what_the_document_holds() {
        let body = r#"{"a": {"b~/": [1, {"c": "x\u00e9"}, null, 2.5, true, []]}, "d": 1, "d": 2}"#;
        for (pointer, value) in [
            ("/a/b~0~1/0", "1"),
            ("/a/b~0~1/1/c", "\"xé\""),
            ("/a/b~0~1/2", "null"),
            ("/a/b~0~1/3", "2.5"),
            ("/a/b~0~1/4", "true"),
            ("/a/b~0~1/5", "an array of 0"),
            ("/a/b~0~1", "an array of 6"),
            ("/a/b~0~1/6", "absent"),
            ("/a/b~0~1/00", "absent"),
            ("/a/b~0~1/-", "absent"),
            ("/a", "an object of 1"),
            ("/a/x", "absent"),
            ("/d", "2"),
            ("/d/e", "absent"),
            ("", "an object of 3"),
        ] {
            assert_eq!(shown(body, pointer), value, "{pointer}");
        }
        assert_eq!(shown("5", ""), "5");
    }

    #[test]
    fn what_is_not_json_is_unreadable() {
        let deep = "[".repeat(100_000);
        for body in ["", "<html>", "{\"a\": 1", "{} x", "NaN", deep.as_str()] {
            assert_eq!(shown(body, "/a"), "the body is not JSON", "{:.20}", body);
        }
        let bad_utf8 = find(b"{\"a\": \"\xff\"}", &"/a".parse().unwrap());
        assert!(matches!(bad_utf8, Value::Unreadable(_)));
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "[a~/]{0,3}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                proptest::collection::btree_map("[ab0]{0,2}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// The same answer as a whole document would give.
        #[test]
        fn agrees_with_the_whole_document(json in any_json(), pointer in "(/[ab0-2]{0,2}){0,3}") {
            let expected = match json.pointer(&pointer) {
                None => "absent".to_owned(),
                Some(serde_json::Value::Null) => "null".to_owned(),
                Some(serde_json::Value::Bool(flag)) => flag.to_string(),
                Some(serde_json::Value::Number(number)) => number.to_string(),
                Some(serde_json::Value::String(text)) => format!("{text:?}"),
                Some(serde_json::Value::Array(items)) => format!("an array of {}", items.len()),
                Some(serde_json::Value::Object(members)) => format!("an object of {}", members.len()),
            };
            prop_assert_eq!(shown(&json.to_string(), &pointer), expected);
        }

        #[test]
        fn any_bytes_are_read_or_unreadable(body: Vec<u8>, pointer in "(/[a-z0-9]{0,3}){0,3}") {
            let _ = find(&body, &pointer.parse().unwrap());
        }
    }
}
