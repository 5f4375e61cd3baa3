//! Finds values in a JSON body without building the document: memory stays that of the values, however the body is
//! nested. The body is read once for all pointers. Of a name that stands twice, the last counts.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Pointer;
use crate::condition::{Number, Value};

/// The values at the pointers, in their order; each is [`Value::Unreadable`] when the body is not JSON.
pub(super) fn find(body: &[u8], pointers: &[&Pointer]) -> Vec<Value<'static>> {
    let mut found = vec![Value::Absent; pointers.len()];
    let wanted: Vec<Wanted<'_>> =
        pointers.iter().enumerate().map(|(at, pointer)| Wanted { at, rest: pointer.parts() }).collect();
    if wanted.is_empty() {
        return found;
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = Seek { wanted: &wanted, found: &mut found }.deserialize(&mut reader).and_then(|()| reader.end());
    if read.is_err() {
        found.fill(Value::Unreadable(Cow::Borrowed("the body is not JSON")));
    }
    found
}

/// The rest of a pointer, and where its value goes.
#[derive(Debug, Clone, Copy)]
struct Wanted<'p> {
    at: usize,
    rest: &'p [String],
}

impl<'p> Wanted<'p> {
    /// The next name on the way, and what is wanted below it.
    fn step(self) -> Option<(&'p str, Self)> {
        let (name, rest) = self.rest.split_first()?;
        Some((name.as_str(), Self { at: self.at, rest }))
    }
}

/// Follows the rests of some pointers, at least one.
struct Seek<'s, 'p> {
    wanted: &'s [Wanted<'p>],
    found: &'s mut Vec<Value<'static>>,
}

impl Seek<'_, '_> {
    /// What stands here, for the pointers that end here. For the others there is nothing below it, or it was found.
    fn end(self, value: &Value<'static>) {
        for wanted in self.wanted.iter().filter(|wanted| wanted.rest.is_empty()) {
            self.found[wanted.at] = value.clone();
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seek<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.end(&Value::Other("null"));
        Ok(())
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        self.end(&Value::Boolean(flag));
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.end(&Value::Number(Number::Whole(number.into())));
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.end(&Value::Number(Number::Whole(number.into())));
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.end(&Number::float(number).map_or(Value::Other("not a finite number"), Value::Number));
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if self.wanted.iter().any(|wanted| wanted.rest.is_empty()) {
            self.end(&Value::Text(Cow::Owned(text.to_owned())));
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut members = 0;
        while let Some(below) = map.next_key_seed(Below(self.wanted))? {
            members += 1;
            if below.is_empty() {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            // Of a name that stood before, nothing counts.
            for wanted in &below {
                self.found[wanted.at] = Value::Absent;
            }
            map.next_value_seed(Seek { wanted: &below, found: &mut *self.found })?;
        }
        self.end(&Value::Object(members));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let sought = self.wanted.iter().filter_map(|wanted| wanted.step());
        let sought: Vec<(usize, Wanted<'_>)> =
            sought.filter_map(|(name, below)| Some((array_index(name)?, below))).collect();
        let mut elements = 0;
        loop {
            let below = sought.iter().filter(|(index, _)| *index == elements).map(|(_, below)| *below);
            let below: Vec<Wanted<'_>> = below.collect();
            let next = if below.is_empty() {
                items.next_element::<IgnoredAny>()?.map(|_| ())
            } else {
                items.next_element_seed(Seek { wanted: &below, found: &mut *self.found })?
            };
            if next.is_none() {
                break;
            }
            elements += 1;
        }
        self.end(&Value::Array(elements));
        Ok(())
    }
}

/// RFC 6901, section 4: digits without a leading zero.
fn array_index(part: &str) -> Option<usize> {
    let plain = part.bytes().all(|b| b.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
    if plain { part.parse().ok() } else { None }
}

/// What is wanted below a name, without keeping the name.
struct Below<'s, 'p>(&'s [Wanted<'p>]);

impl<'de, 'p> DeserializeSeed<'de> for Below<'_, 'p> {
    type Value = Vec<Wanted<'p>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'p> Visitor<'_> for Below<'_, 'p> {
    type Value = Vec<Wanted<'p>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let steps = self.0.iter().filter_map(|wanted| wanted.step());
        Ok(steps.filter(|(step, _)| *step == name).map(|(_, below)| below).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(body: &str, pointer: &str) -> String {
        shown_value(&find(body.as_bytes(), &[&pointer.parse().unwrap()])[0])
    }

    fn shown_value(value: &Value<'_>) -> String {
        match value {
            Value::Absent => "absent".to_owned(),
            Value::Text(text) => format!("{text:?}"),
            Value::Number(number) => number.to_string(),
            Value::Boolean(flag) => flag.to_string(),
            Value::Array(length) => format!("an array of {length}"),
            Value::Object(length) => format!("an object of {length}"),
            Value::Other(what) => (*what).to_owned(),
            Value::Unreadable(why) => why.clone().into_owned(),
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
        let bad_utf8 = find(b"{\"a\": \"\xff\"}", &[&"/a".parse().unwrap()]);
        assert!(matches!(bad_utf8[..], [Value::Unreadable(_)]));
    }

    #[test]
    fn all_pointers_are_found_in_one_reading() {
        let body = r#"{"a": {"b": [7, {"c": 8}]}, "d": "x", "a": {"b": [9], "e": true}}"#;
        let pointers = ["/a/b/0", "/a/b/1/c", "/a/b", "/a", "/a/e", "/d", "", "/a/b/0", "/d/x"];
        let parsed: Vec<Pointer> = pointers.iter().map(|text| text.parse().unwrap()).collect();
        let found = find(body.as_bytes(), &parsed.iter().collect::<Vec<_>>());
        let found: Vec<String> = found.iter().map(shown_value).collect();
        // The name `a` stands twice, and nothing of its first value counts.
        let expected =
            ["9", "absent", "an array of 1", "an object of 2", "true", "\"x\"", "an object of 3", "9", "absent"];
        assert_eq!(found, expected);
        assert!(find(b"not JSON", &[]).is_empty());
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
            let _ = find(&body, &[&pointer.parse().unwrap()]);
        }

        /// What is found does not depend on what else is sought.
        #[test]
        fn pointers_do_not_disturb_each_other(
            json in any_json(),
            pointers in proptest::collection::vec("(/[ab0-2]{0,2}){0,3}", 0..6),
        ) {
            let body = json.to_string();
            let parsed: Vec<Pointer> = pointers.iter().map(|text| text.parse().unwrap()).collect();
            let together = find(body.as_bytes(), &parsed.iter().collect::<Vec<_>>());
            let together: Vec<String> = together.iter().map(shown_value).collect();
            let alone: Vec<String> = pointers.iter().map(|pointer| shown(&body, pointer)).collect();
            prop_assert_eq!(together, alone);
        }
    }
}
