//! Conditions on what was found: the grammar that people write (`"< 5"`), and the three-valued judgement.

mod bounds;
mod grammar;
mod number;
mod order;
mod pattern;
mod schema;
mod truth;

pub use bounds::{DurationCondition, NumberCondition};
pub use grammar::{Condition, ConditionError};
pub use number::Number;
#[cfg(feature = "tcp")]
pub(crate) use pattern::bytes_pattern;
pub use truth::{Truth, Value};
