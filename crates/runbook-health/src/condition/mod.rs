//! Conditions on what was found: the grammar that people write (`"< 5"`), and the three-valued judgement.

mod grammar;
mod number;
mod schema;
mod truth;

pub use grammar::{Condition, ConditionError};
pub use number::Number;
pub use truth::{Truth, Value};
