//! JSON pointers (RFC 6901): where in a document a condition looks.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// A place in a JSON document, as in RFC 6901: `/status`, `/checks/0/name`; empty for the whole document. A `/` in a
/// name is written `~1`, a `~` is written `~0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pointer {
    text: String,
    parts: Vec<String>,
}

impl Pointer {
    /// The names on the way, unescaped.
    pub(super) fn parts(&self) -> &[String] {
        &self.parts
    }
}

impl FromStr for Pointer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self { text: String::new(), parts: Vec::new() });
        }
        let Some(path) = text.strip_prefix('/') else {
            return Err(format!("a JSON pointer begins with `/`: write `/{}`", text.replace('.', "/")));
        };
        let parts = path.split('/').map(unescape).collect::<Option<_>>();
        let parts = parts.ok_or_else(|| format!("in the JSON pointer `{text}` a `~` must be written `~0`"))?;
        Ok(Self { text: text.to_owned(), parts })
    }
}

fn unescape(part: &str) -> Option<String> {
    let lone = part.split('~').skip(1).any(|after| !after.starts_with(['0', '1']));
    (!lone).then(|| part.replace("~1", "/").replace("~0", "~"))
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "the JSON body" } else { &self.text })
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Pointer {
    fn schema_name() -> Cow<'static, str> {
        "Pointer".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "a JSON pointer (RFC 6901) such as /status or /checks/0/name",
            "pattern": "^(/.*)?$",
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_read_as_the_rfc_says() {
        let parts = |text: &str| text.parse::<Pointer>().unwrap().parts().to_vec();
        assert!(parts("").is_empty());
        assert_eq!(parts("/"), [""]);
        assert_eq!(parts("/a~1b/m~0n/~01"), ["a/b", "m~n", "~1"]);
        let error = "checks.db".parse::<Pointer>().unwrap_err();
        assert_eq!(error, "a JSON pointer begins with `/`: write `/checks/db`");
        assert!("/a~2".parse::<Pointer>().is_err());
        assert!("/a~".parse::<Pointer>().is_err());
    }
}
