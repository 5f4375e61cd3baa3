//! Conditions on what was found: the grammar that people write (`"< 5"`), and the three-valued judgement.

mod grammar;
mod number;
mod schema;
mod truth;

pub use grammar::{Condition, ConditionError};
pub(crate) use number::Number;
pub(crate) use truth::{Truth, Value};
