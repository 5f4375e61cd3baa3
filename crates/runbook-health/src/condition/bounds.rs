//! Conditions on what is always a number (`">= 14"`) or always a length of time (`"< 800ms"`): stricter than
//! [`Condition`](super::Condition), so that what could never hold is refused while it is read.

use std::{fmt, str::FromStr};

use runbook_core::config::Period;
use serde::{
    Deserialize, Deserializer,
    de::{self, IntoDeserializer, Visitor, value},
};

use super::{ConditionError, Number, Truth, order::Order};

/// A condition on a number: `3`, `"= 3"`, `"!= 3"`, `"< 3"`, `"<= 3"`, `"> 3"`, `">= 3"`.
///
/// ```
/// use runbook_health::condition::{Number, NumberCondition, Truth};
///
/// let enough: NumberCondition = ">= 14".parse()?;
/// assert_eq!(enough.judge(Some(Number::Whole(13))), Truth::Failed);
/// assert_eq!(enough.judge(None), Truth::Unknown, "what is missing is not 0");
/// # Ok::<(), runbook_health::ConditionError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct NumberCondition {
    order: Order,
    bound: Number,
}

impl NumberCondition {
    /// Whether the number satisfies it; without one, nobody can tell.
    pub fn judge(&self, found: Option<Number>) -> Truth {
        found.map(|number| self.order.holds(number.compare(self.bound))).into()
    }
}

impl FromStr for NumberCondition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        if let Some(bound) = Number::parse(text) {
            return Ok(Self { order: Order::Equal, bound });
        }
        let (sign, operand) = text.split_once(' ').unwrap_or((text, ""));
        let Some(order) = Order::parse(sign) else { return Err(ConditionError::NoComparison(text.to_owned())) };
        match Number::parse(operand) {
            Some(bound) => Ok(Self { order, bound }),
            None => Err(ConditionError::NotANumber(order.sign(), operand.to_owned())),
        }
    }
}

/// As it stands behind the name of what is judged: `>= 14`.
impl fmt::Display for NumberCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.order.sign(), self.bound)
    }
}

impl<'de> Deserialize<'de> for NumberCondition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ComparisonVisitor;

        impl Visitor<'_> for ComparisonVisitor {
            type Value = NumberCondition;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a comparison with one such as \">= 14\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<NumberCondition, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<NumberCondition, E> {
                Ok(NumberCondition { order: Order::Equal, bound: Number::Whole(number.into()) })
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<NumberCondition, E> {
                Ok(NumberCondition { order: Order::Equal, bound: Number::Whole(number.into()) })
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<NumberCondition, E> {
                let bound =
                    Number::float(number).ok_or_else(|| E::invalid_value(de::Unexpected::Float(number), &self))?;
                Ok(NumberCondition { order: Order::Equal, bound })
            }
        }

        deserializer.deserialize_any(ComparisonVisitor)
    }
}

/// A condition on how long something took: `"< 800ms"`, `"<= 1s"`, `"> 1ms"`, `">= 1ms"`.
///
/// ```
/// use runbook_health::condition::{DurationCondition, Truth};
///
/// let fast: DurationCondition = "< 800ms".parse()?;
/// assert_eq!(fast.judge(Some(812.0)), Truth::Failed);
/// assert_eq!(fast.judge(None), Truth::Unknown, "what did not happen was not fast");
/// # Ok::<(), runbook_health::ConditionError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct DurationCondition {
    order: Order,
    bound: Period,
}

impl DurationCondition {
    /// Whether this many milliseconds satisfy it; without a measurement, nobody can tell.
    pub fn judge(&self, found_ms: Option<f64>) -> Truth {
        let bound_ms = self.bound.0.as_secs_f64() * 1000.0;
        found_ms.map(|ms| self.order.holds(ms.total_cmp(&bound_ms))).into()
    }
}

impl FromStr for DurationCondition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let wrong = || ConditionError::NotADuration(text.to_owned());
        let (sign, operand) = text.split_once(' ').ok_or_else(wrong)?;
        // No two measurements take equally long.
        let order = Order::parse(sign).filter(|order| !matches!(order, Order::Equal | Order::NotEqual));
        let order = order.ok_or_else(wrong)?;
        let operand: value::StrDeserializer<'_, value::Error> = operand.into_deserializer();
        let bound = Period::deserialize(operand).map_err(|_| wrong())?;
        if bound.0.is_zero() {
            return Err(ConditionError::Instantly(text.to_owned()));
        }
        Ok(Self { order, bound })
    }
}

/// As it stands behind the name of what is judged: `< 800ms`.
impl fmt::Display for DurationCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.order.sign(), self.bound)
    }
}

impl<'de> Deserialize<'de> for DurationCondition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn comparisons_with_numbers_are_read() {
        for (written, shown) in [(r#"">= 14""#, ">= 14"), ("3", "= 3"), (r#""3""#, "= 3"), (r#""!= 1.5""#, "!= 1.5")] {
            assert_eq!(serde_json::from_str::<NumberCondition>(written).unwrap().to_string(), shown, "{written}");
        }
        for wrong in [r#""~ 3""#, r#""many""#, r#"">=14""#, r#""< many""#, r#""""#, r#""< ""#, "true", "{}"] {
            assert!(serde_json::from_str::<NumberCondition>(wrong).is_err(), "{wrong}");
        }
        // Signs that nobody knows are no texts to compare with.
        for sign in ["=<", "=>", "==", "!", "!==", "<>", "<<", "~="] {
            let error = format!("{sign} 5").parse::<NumberCondition>().unwrap_err();
            assert!(matches!(error, ConditionError::NoComparison(_)), "{sign}: {error}");
        }
    }

    #[test]
    fn comparisons_with_lengths_of_time_are_read() {
        for (written, shown) in [("< 800ms", "< 800ms"), ("<= 1500ms", "<= 1.5s"), (">= 1m 30s", ">= 90s")] {
            assert_eq!(written.parse::<DurationCondition>().unwrap().to_string(), shown);
        }
        for wrong in ["800ms", "= 800ms", "< 800", "<800ms", "< -1s", "< 0s", "< 32d", "~ 1s", ""] {
            assert!(wrong.parse::<DurationCondition>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = text.parse::<NumberCondition>();
            let _ = text.parse::<DurationCondition>();
        }

        /// The signs agree with the numbers.
        #[test]
        fn signs_agree_with_numbers(found: i64, bound: i64) {
            let holds = |sign: &str| {
                let condition: NumberCondition = format!("{sign} {bound}").parse().unwrap();
                condition.judge(Some(Number::Whole(found.into()))) == Truth::Satisfied
            };
            let expected = [found == bound, found != bound, found < bound, found <= bound, found > bound, found >= bound];
            prop_assert_eq!(["=", "!=", "<", "<=", ">", ">="].map(holds), expected);
        }
    }
}
