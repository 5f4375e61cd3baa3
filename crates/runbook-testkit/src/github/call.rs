//! One request as the routes see it: a decoded path and query, and a body of which each field is asked for by type.

use jiff::Timestamp;
use serde_json::Value;

use super::answer::Answer;

/// A request that was let in.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Call {
    pub(super) fn new(method: &str, path: &str, query: &str, body: Vec<u8>) -> Self {
        let path = path.split('/').filter(|part| !part.is_empty()).map(|part| decode(part, false)).collect();
        let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, true), decode(value, true))
        });
        Self { method: method.to_owned(), path, query: query.collect(), body }
    }

    /// A query parameter; an empty one counts as absent.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A query parameter that must be one of a few words; the first is the default.
    pub(super) fn query_word<'a>(&'a self, name: &str, words: &[&'a str]) -> Result<&'a str, Answer> {
        match self.query(name) {
            None => Ok(words[0]),
            Some(value) if words.contains(&value) => Ok(value),
            Some(_) => Err(Answer::invalid("Search", name, "invalid", None)),
        }
    }

    /// A query parameter that is a moment (RFC 3339).
    pub(super) fn query_time(&self, name: &str) -> Result<Option<Timestamp>, Answer> {
        let invalid = |_| Answer::invalid("Search", name, "invalid", None);
        self.query(name).map(|value| value.parse().map_err(invalid)).transpose()
    }

    /// The body as a JSON object; an empty one counts as `{}`.
    pub(super) fn fields(&self) -> Result<Fields, Answer> {
        if self.body.is_empty() {
            return Ok(Fields(Value::Object(serde_json::Map::new())));
        }
        match serde_json::from_slice(&self.body) {
            Ok(value @ Value::Object(_)) => Ok(Fields(value)),
            Ok(_) => Err(Answer::refusal(400, "Body should be a JSON object")),
            Err(_) => Err(Answer::refusal(400, "Problems parsing JSON")),
        }
    }
}

/// A JSON object whose fields are asked for by type; another type is refused in GitHub's words.
#[derive(Debug)]
pub(super) struct Fields(Value);

impl Fields {
    /// A field that is there, also when it is null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Answer> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(wrong_type(name, other, "a string")),
        }
    }

    pub(super) fn required_text(&self, name: &str) -> Result<String, Answer> {
        self.text(name)?.ok_or_else(|| Answer::refusal(422, format!("Invalid request.\n\n\"{name}\" wasn't supplied.")))
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Answer> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(wrong_type(name, other, "a boolean")),
        }
    }

    /// A list of names; GitHub takes strings, and objects with a `name`.
    pub(super) fn names(&self, name: &str) -> Result<Option<Vec<String>>, Answer> {
        let items = match self.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(other) => return Err(wrong_type(name, other, "an array")),
        };
        items
            .iter()
            .map(|item| match (item, &item["name"]) {
                (Value::String(text), _) | (_, Value::String(text)) => Ok(text.clone()),
                _ => Err(wrong_type(name, item, "a string")),
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }
}

fn wrong_type(name: &str, value: &Value, expected: &str) -> Answer {
    Answer::refusal(422, format!("Invalid request.\n\nFor 'properties/{name}', {value} is not {expected}."))
}

/// Percent-decoding (RFC 3986, section 2.1); in a query a plus is a space. What is not UTF-8 becomes U+FFFD.
fn decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let hex = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                // Two hex digits make at most 255.
                decoded.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) if plus_is_space => decoded.push(b' '),
            (byte, ..) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_decoded_once() {
        let call = Call::new("GET", "/repos/o/r/labels/ai%20agent%2Fx", "labels=a%2Cb+c&since=&odd=%zz%2", Vec::new());
        assert_eq!(call.path, ["repos", "o", "r", "labels", "ai agent/x"]);
        assert_eq!(call.query("labels"), Some("a,b c"));
        assert_eq!(call.query("since"), None, "an empty parameter counts as absent");
        assert_eq!(call.query("odd"), Some("%zz%2"), "what is no escape stays");
    }

    #[test]
    fn a_field_of_another_type_is_refused() {
        let call = Call::new("POST", "/", "", br#"{"title": 5, "labels": ["a", {"name": "b"}]}"#.to_vec());
        let fields = call.fields().ok();
        let fields = fields.as_ref();
        assert_eq!(fields.and_then(|f| f.names("labels").ok()).flatten(), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(fields.and_then(|f| f.text("title").err()).map(|answer| answer.status), Some(422));
    }
}
