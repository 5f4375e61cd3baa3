//! Which status codes are expected: `200`, `"200-299"`, `"< 500"`, or a list of them.

use std::{borrow::Cow, fmt, ops::RangeInclusive, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

use crate::condition::{Number, NumberCondition, Truth};

/// All that there are (RFC 9110, section 15).
const STATUSES: RangeInclusive<u16> = 100..=599;

/// The expected status codes; one of them is enough. By default `200-299`.
#[derive(Debug, Clone)]
pub struct StatusSettings(Vec<Rule>);

impl Default for StatusSettings {
    fn default() -> Self {
        Self(vec![Rule::Range(200, 299)])
    }
}

#[derive(Debug, Clone)]
enum Rule {
    Range(u16, u16),
    Compare(NumberCondition),
}

impl StatusSettings {
    /// Whether the code is one of them.
    pub(super) fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|rule| match rule {
            Rule::Range(first, last) => (*first..=*last).contains(&status),
            Rule::Compare(condition) => holds(condition, status),
        })
    }
}

fn holds(condition: &NumberCondition, status: u16) -> bool {
    condition.judge(Some(Number::Whole(status.into()))) == Truth::Satisfied
}

/// `200-299 or 404`.
impl fmt::Display for StatusSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, rule) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" or ")?;
            }
            match rule {
                Rule::Range(first, last) if first == last => write!(f, "{first}")?,
                Rule::Range(first, last) => write!(f, "{first}-{last}")?,
                Rule::Compare(condition) => write!(f, "{condition}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a status such as 200, \"200-299\" or \"< 500\", found {text:?}");
        // What begins with a sign is a comparison or a mistake (`=< 500`), never a text that no status is equal to.
        if text.starts_with(['=', '!', '<', '>', '~']) {
            let condition: NumberCondition = text.parse().map_err(|_| wrong())?;
            if !STATUSES.clone().any(|status| holds(&condition, status)) {
                return Err(format!("no status is {text}: they are numbers from 100 to 599"));
            }
            return Ok(Self::Compare(condition));
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (code(first.trim()).ok_or_else(wrong)?, code(last.trim()).ok_or_else(wrong)?);
        if first > last {
            return Err(format!("the range {text:?} is empty: write \"{last}-{first}\""));
        }
        Ok(Self::Range(first, last))
    }
}

fn code(text: &str) -> Option<u16> {
    text.parse().ok().filter(|code| STATUSES.contains(code))
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RuleVisitor;

        impl Visitor<'_> for RuleVisitor {
            type Value = Rule;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status such as 200, \"200-299\" or \"< 500\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Rule, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Rule, E> {
                number.to_string().parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Rule, E> {
                number.to_string().parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(RuleVisitor)
    }
}

impl<'de> Deserialize<'de> for StatusSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = StatusSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a status such as 200, \"200-299\" or \"< 500\", or a list of them")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StatusSettings, E> {
                Ok(StatusSettings(vec![text.parse().map_err(E::custom)?]))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<StatusSettings, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<StatusSettings, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<StatusSettings, A::Error> {
                let mut rules = Vec::new();
                while let Some(rule) = items.next_element()? {
                    rules.push(rule);
                }
                if rules.is_empty() {
                    return Err(de::Error::custom("the list is empty, so no status could ever be expected"));
                }
                Ok(StatusSettings(rules))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

impl JsonSchema for StatusSettings {
    fn schema_name() -> Cow<'static, str> {
        "Status".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = json_schema!({ "type": ["integer", "string"], "minimum": 100, "maximum": 599 });
        json_schema!({
            "description": "expected status codes, one of which is enough; 200-299 by default",
            "oneOf": [one, { "type": "array", "items": one, "minItems": 1 }],
            "examples": [200, "200-299", ["200-299", 404], "< 500"],
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<StatusSettings, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn every_form_is_read() {
        for (written, shown, inside, outside) in [
            ("204", "204", 204, 200),
            (r#""200-299""#, "200-299", 299, 300),
            (r#"["200-299", 404]"#, "200-299 or 404", 404, 403),
            (r#""< 500""#, "< 500", 499, 500),
            (r#"["!= 500"]"#, "!= 500", 501, 500),
        ] {
            let status = read(written).unwrap();
            assert_eq!(status.to_string(), shown);
            assert!(status.contains(inside) && !status.contains(outside), "{written}");
        }
        assert!(StatusSettings::default().contains(299) && !StatusSettings::default().contains(301));
    }

    #[test]
    fn what_is_no_status_is_refused() {
        for wrong in ["[]", "20", "600", r#""2xx""#, r#""299-200""#, r#""< many""#, r#""-200""#, r#""""#, "true"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    /// They were taken for texts that no status is equal to, so that no service was ever healthy.
    #[test]
    fn signs_that_nobody_knows_are_refused() {
        for wrong in ["=< 500", "== 200", "! 500", "=> 200", "<> 500", "~ 2..", "<500", "="] {
            let error = read(&format!("{wrong:?}")).unwrap_err().to_string();
            assert!(error.starts_with("expected a status such as 200"), "{wrong}: {error}");
        }
        for never in ["> 599", "< 100", "= 600", "= 200.5"] {
            let error = read(&format!("{never:?}")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("no status is {never}: ")), "{never}: {error}");
        }
    }
}
