//! The judgement: satisfied, failed, or unknown. What is absent or of another type is unknown, never 0 or false.

use std::borrow::Cow;

use super::{
    Condition, Number,
    grammar::{Operand, Test},
};

/// What was found where a condition looks.
#[derive(Debug, Clone)]
pub enum Value<'a> {
    /// Nothing is there.
    Absent,
    /// A text that says of itself that it is one (a JSON string).
    Text(Cow<'a, str>),
    /// Text whose type nobody stated (a header, a body): read as a number or a flag where one is asked for.
    Untyped(Cow<'a, str>),
    /// A number.
    Number(Number),
    /// A flag.
    Boolean(bool),
    /// An array with this many elements; its length alone can be compared.
    Array(usize),
    /// An object with this many members, counted as they stand; its length alone can be compared.
    Object(usize),
    /// Something that no condition compares, such as `null`.
    Other(&'static str),
    /// Whether something is there cannot be told; in words that follow "but".
    Unreadable(Cow<'a, str>),
}

/// A truth value that may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    Satisfied,
    /// It does not hold.
    Failed,
    /// Nobody can tell: what it asks about is missing, or of another type.
    Unknown,
}

impl From<Option<bool>> for Truth {
    fn from(value: Option<bool>) -> Self {
        match value {
            Some(true) => Self::Satisfied,
            Some(false) => Self::Failed,
            None => Self::Unknown,
        }
    }
}

impl Condition {
    /// Whether the value satisfies it.
    pub fn judge(&self, value: &Value<'_>) -> Truth {
        let truth = match (&self.0, value) {
            (_, Value::Unreadable(_)) => None,
            (Test::Exists(wanted), value) => Some(*wanted != matches!(value, Value::Absent)),
            (Test::Equal(operand), value) => is_equal(operand, value),
            (Test::NotEqual(operand), value) => is_equal(operand, value).map(|equal| !equal),
            (Test::Order(order, bound), value) => number(value).map(|number| order.holds(number.compare(*bound))),
            (Test::Length(condition), value) => return condition.judge(length(value)),
            (Test::Match(regex), Value::Text(text) | Value::Untyped(text)) => Some(regex.is_match(text)),
            (Test::Match(_), _) => None,
        };
        truth.into()
    }

    /// Whether it compares a length, not the value itself.
    #[allow(dead_code, reason = "used where a probe words what it found, which depends on the features")]
    pub(crate) fn is_of_length(&self) -> bool {
        matches!(self.0, Test::Length(_))
    }
}

/// `None`: the two are not of one type.
fn is_equal(operand: &Operand, value: &Value<'_>) -> Option<bool> {
    match (operand, value) {
        (Operand::Text(wanted) | Operand::Any(wanted), Value::Text(found) | Value::Untyped(found)) => {
            Some(wanted.as_str() == found.as_ref())
        }
        (Operand::Number(wanted), value) => Some(number(value)?.compare(*wanted).is_eq()),
        (Operand::Boolean(wanted), Value::Boolean(found)) => Some(wanted == found),
        (Operand::Boolean(wanted), Value::Untyped(found)) => Some(found.trim().parse::<bool>().ok()? == *wanted),
        (Operand::Any(wanted), Value::Number(found)) => Some(Number::parse(wanted)?.compare(*found).is_eq()),
        (Operand::Any(wanted), Value::Boolean(found)) => Some(wanted.trim().parse::<bool>().ok()? == *found),
        (Operand::Text(_) | Operand::Boolean(_) | Operand::Any(_), _) => None,
    }
}

/// `None`: it has no length.
fn length(value: &Value<'_>) -> Option<Number> {
    let length = match value {
        Value::Text(text) | Value::Untyped(text) => text.chars().count(),
        Value::Array(length) | Value::Object(length) => *length,
        Value::Absent | Value::Number(_) | Value::Boolean(_) | Value::Other(_) | Value::Unreadable(_) => return None,
    };
    i128::try_from(length).ok().map(Number::Whole)
}

fn number(value: &Value<'_>) -> Option<Number> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Untyped(text) => Number::parse(text),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn judge(condition: &str, value: &Value<'_>) -> Truth {
        serde_json::from_str::<Condition>(condition).unwrap().judge(value)
    }

    fn whole(value: i128) -> Value<'static> {
        Value::Number(Number::Whole(value))
    }

    /// A failed status code compared as 0 and passed `< 300`; a missing path became 0 and passed `< 5`.
    #[test]
    fn missing_is_unknown_and_never_zero() {
        for condition in [
            r#""< 5""#,
            "0",
            "false",
            r#""""#,
            r#""!= 5""#,
            r#""~ .*""#,
            r#""= 0""#,
            r#"{"length": 0}"#,
            r#"{"length": "< 5"}"#,
        ] {
            assert_eq!(judge(condition, &Value::Absent), Truth::Unknown, "{condition}");
            assert_eq!(judge(condition, &Value::Other("null")), Truth::Unknown, "{condition}");
            assert_eq!(judge(condition, &Value::Unreadable("the body is not JSON".into())), Truth::Unknown);
        }
    }

    #[test]
    fn another_type_is_unknown() {
        let text = Value::Text("4".into());
        for condition in [r#""< 5""#, "4", "true"] {
            assert_eq!(judge(condition, &text), Truth::Unknown, "{condition}");
        }
        assert_eq!(judge(r#""4""#, &whole(4)), Truth::Unknown);
        assert_eq!(judge("1", &Value::Boolean(true)), Truth::Unknown);
        assert_eq!(judge(r#""~ 4""#, &whole(4)), Truth::Unknown);
        assert_eq!(judge(r#""= abc""#, &whole(4)), Truth::Unknown);
    }

    #[test]
    fn what_is_there_is_compared() {
        let table = [
            (r#""ok""#, Value::Text("ok".into()), Truth::Satisfied),
            (r#""ok""#, Value::Text("OK".into()), Truth::Failed),
            (r#""!= ok""#, Value::Text("down".into()), Truth::Satisfied),
            (r#""= 4""#, Value::Text("4".into()), Truth::Satisfied),
            (r#""= 4""#, whole(4), Truth::Satisfied),
            (r#""= true""#, Value::Boolean(true), Truth::Satisfied),
            ("4", Value::Number(Number::Float(4.0)), Truth::Satisfied),
            ("0", Value::Number(Number::Float(-0.0)), Truth::Satisfied),
            ("true", Value::Boolean(false), Truth::Failed),
            (r#""< 5""#, whole(4), Truth::Satisfied),
            (r#""< 5""#, whole(5), Truth::Failed),
            (r#""<= 5""#, whole(5), Truth::Satisfied),
            (r#""> 9007199254740992""#, whole(9_007_199_254_740_993), Truth::Satisfied),
            (r#""~ json""#, Value::Untyped("application/json".into()), Truth::Satisfied),
            (r#""> 100""#, Value::Untyped("0120".into()), Truth::Satisfied),
            (r#""> 100""#, Value::Untyped("many".into()), Truth::Unknown),
            ("true", Value::Untyped("true".into()), Truth::Satisfied),
            (r#"{"exists": true}"#, Value::Other("null"), Truth::Satisfied),
            (r#"{"exists": true}"#, Value::Absent, Truth::Failed),
            (r#"{"exists": false}"#, Value::Absent, Truth::Satisfied),
            (r#"{"exists": false}"#, whole(0), Truth::Failed),
            (r#"{"exists": true}"#, Value::Array(0), Truth::Satisfied),
            (r#"{"length": ">= 1"}"#, Value::Array(0), Truth::Failed),
            (r#"{"length": ">= 1"}"#, Value::Array(2), Truth::Satisfied),
            (r#"{"length": 2}"#, Value::Object(2), Truth::Satisfied),
            (r#"{"length": 2}"#, Value::Text("éé".into()), Truth::Satisfied),
            (r#"{"length": "< 2"}"#, Value::Untyped("éé".into()), Truth::Failed),
            (r#"{"length": 2}"#, whole(22), Truth::Unknown),
            ("2", Value::Array(2), Truth::Unknown),
        ];
        for (condition, value, expected) in table {
            assert_eq!(judge(condition, &value), expected, "{condition} of {value:?}");
        }
    }

    proptest! {
        /// The orders agree with the numbers, and `<` is the opposite of `>=`.
        #[test]
        fn orders_agree_with_numbers(found: i64, bound: i64) {
            let value = whole(found.into());
            prop_assert_eq!(judge(&format!("\"< {bound}\""), &value) == Truth::Satisfied, found < bound);
            prop_assert_eq!(judge(&format!("\">= {bound}\""), &value) == Truth::Satisfied, found >= bound);
        }
    }
}
