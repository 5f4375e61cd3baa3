//! What a person writes: `"healthy"`, `3`, `true`, `"< 5"`, `"~ ^2\\."`, `{ exists = true }`, `{ length = ">= 1" }`.

use std::{fmt, str::FromStr};

use regex::Regex;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};

use super::{Number, NumberCondition, order::Order, pattern::pattern};

/// A condition on one value.
///
/// A plain value means equal, of the same type. A text that begins with `=`, `!=`, `<`, `<=`, `>`, `>=` or `~` and a
/// space is a comparison: `=` and `!=` take the found value's type, the four in the middle compare numbers, `~` seeks
/// a regular expression in a text. `{ exists = true }` asks for presence alone; `{ length = ">= 1" }` compares the
/// number of an array's elements, an object's members or a text's characters.
///
/// ```
/// use runbook_health::Condition;
///
/// let condition: Condition = "< 5".parse()?;
/// assert_eq!(condition.to_string(), "< 5");
/// assert_eq!("<5".parse::<Condition>()?.to_string(), "= \"<5\"", "without a space it is a plain text");
/// assert!("< five".parse::<Condition>().is_err());
/// # Ok::<(), runbook_health::ConditionError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Condition(pub(super) Test);

/// A text that looks like a comparison and is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// An order needs a number on its right.
    #[error("`{0}` compares numbers, and {1:?} is none; for a plain text write `= {0} {1}`")]
    NotANumber(&'static str, String),
    /// Only a number can stand here.
    #[error("{0:?} is no number and no comparison with one, such as `>= 14`")]
    NoComparison(String),
    /// Only a length of time can stand here.
    #[error("{0:?} is no comparison with a length of time, such as `< 800ms`")]
    NotADuration(String),
    /// Everything takes some time.
    #[error("{0:?} compares with 0, which no measurement takes")]
    Instantly(String),
    /// The regular expression cannot be read, is too large, or matches everything because it is empty.
    #[error("`~` needs a regular expression, and {pattern:?} is none: {problem}")]
    Pattern {
        /// The expression.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
}

#[derive(Debug, Clone)]
pub(super) enum Test {
    Exists(bool),
    Length(NumberCondition),
    Equal(Operand),
    NotEqual(Operand),
    Order(Order, Number),
    Match(Regex),
}

/// What a value is compared with for equality.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Text(String),
    Number(Number),
    Boolean(bool),
    /// Written behind `=` or `!=`: of whatever type the found value is.
    Any(String),
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let Some((sign, operand)) = text.split_once(' ') else {
            return Ok(Self(Test::Equal(Operand::Text(text.to_owned()))));
        };
        Ok(Self(match sign {
            "=" => Test::Equal(Operand::Any(operand.to_owned())),
            "!=" => Test::NotEqual(Operand::Any(operand.to_owned())),
            "~" => Test::Match(pattern(operand)?),
            sign => match (Order::parse(sign), Number::parse(operand)) {
                (Some(order), Some(number)) => Test::Order(order, number),
                (Some(order), None) => return Err(ConditionError::NotANumber(order.sign(), operand.to_owned())),
                (None, _) => Test::Equal(Operand::Text(text.to_owned())),
            },
        }))
    }
}

/// As it stands behind the name of what is judged: `/status = "healthy"`, `/error must be absent`.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Test::Exists(true) => f.write_str("must be present"),
            Test::Exists(false) => f.write_str("must be absent"),
            Test::Length(condition) => write!(f, "length {condition}"),
            Test::Equal(operand) => write!(f, "= {operand}"),
            Test::NotEqual(operand) => write!(f, "!= {operand}"),
            Test::Order(order, number) => write!(f, "{} {number}", order.sign()),
            Test::Match(regex) => write!(f, "~ {regex}"),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => number.fmt(f),
            Self::Boolean(flag) => flag.fmt(f),
            Self::Any(text) => f.write_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConditionVisitor)
    }
}

struct ConditionVisitor;

impl<'de> Visitor<'de> for ConditionVisitor {
    type Value = Condition;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a plain value, a comparison such as \"< 5\" or \"~ ^ok\", { exists = true } or { length = \">= 1\" }",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Condition, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Condition, E> {
        Ok(Condition(Test::Equal(Operand::Boolean(flag))))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Condition, E> {
        Ok(Condition(Test::Equal(Operand::Number(Number::Whole(number.into())))))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Condition, E> {
        Ok(Condition(Test::Equal(Operand::Number(Number::Whole(number.into())))))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Condition, E> {
        let number = Number::float(number).ok_or_else(|| E::invalid_value(de::Unexpected::Float(number), &self))?;
        Ok(Condition(Test::Equal(Operand::Number(number))))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Condition, A::Error> {
        let mut test = None;
        while let Some(key) = map.next_key::<String>()? {
            if test.is_some() {
                return Err(de::Error::custom("one of `exists` and `length` is enough"));
            }
            test = Some(match key.as_str() {
                "exists" => Test::Exists(map.next_value()?),
                "length" => Test::Length(map.next_value()?),
                _ => return Err(de::Error::unknown_field(&key, &["exists", "length"])),
            });
        }
        test.map(Condition).ok_or_else(|| de::Error::missing_field("exists"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(json: &str) -> Result<Condition, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn every_form_is_read() {
        for (written, shown) in [
            (r#""healthy""#, "= \"healthy\""),
            ("3", "= 3"),
            ("1.5", "= 1.5"),
            ("true", "= true"),
            (r#""= < 5""#, "= < 5"),
            (r#""!= starting""#, "!= starting"),
            (r#""< 5""#, "< 5"),
            (r#""<= -1.5""#, "<= -1.5"),
            (r#""> 1e3""#, "> 1000"),
            (r#"">= 99999999999999999999""#, ">= 99999999999999999999"),
            (r#""~ ^2\\.""#, "~ ^2\\."),
            (r#""<5""#, "= \"<5\""),
            (r#""all good""#, "= \"all good\""),
            (r#"{"exists": true}"#, "must be present"),
            (r#"{"exists": false}"#, "must be absent"),
            (r#"{"length": ">= 1"}"#, "length >= 1"),
            (r#"{"length": 3}"#, "length = 3"),
        ] {
            assert_eq!(read(written).unwrap().to_string(), shown, "{written}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let message = |json: &str| read(json).unwrap_err().to_string();
        assert!(message(r#""< five""#).starts_with("`<` compares numbers, and \"five\" is none"));
        assert!(message(r#"">= nan""#).contains("compares numbers"));
        assert!(message(r#""~ (""#).contains("unclosed group"), "{}", message(r#""~ (""#));
        assert!(message(r#""~  ""#).contains("would match everything"));
        assert!(message(r#""~ a{60000}""#).contains("it takes more than 1 MiB"));
        assert!(message(r#"{"exist": true}"#).contains("exist"));
        assert!(message("{}").contains("exists"));
        assert!(message(r#"{"length": "~ 3"}"#).contains("no comparison with one"));
        assert!(message(r#"{"length": 1, "exists": true}"#).contains("one of `exists` and `length`"));
        assert!(message("[1]").contains("a plain value, a comparison"));
    }

    proptest! {
        /// No text makes the parser panic, and a text that begins with no operator means itself.
        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let operators = ["= ", "!= ", "< ", "<= ", "> ", ">= ", "~ "];
            let is_comparison = operators.iter().any(|operator| text.starts_with(operator));
            match text.parse::<Condition>() {
                Ok(condition) => {
                    let plain = matches!(&condition.0, Test::Equal(Operand::Text(value)) if *value == text);
                    prop_assert_eq!(plain, !is_comparison);
                }
                Err(_) => prop_assert!(is_comparison),
            }
        }

        #[test]
        fn every_order_of_every_number_is_read(sign in "[<>]=?", number in any::<i64>()) {
            let text = format!("{sign} {number}");
            prop_assert_eq!(text.parse::<Condition>().unwrap().to_string(), text);
        }

        #[test]
        fn an_equals_sign_escapes_everything(text in ".*") {
            let condition: Condition = format!("= {text}").parse().unwrap();
            prop_assert!(matches!(condition.0, Test::Equal(Operand::Any(value)) if value == text));
        }
    }
}
