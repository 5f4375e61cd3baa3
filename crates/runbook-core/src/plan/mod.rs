//! What will happen, to what, by which rule: a [`Plan`] is data, printable and with a digest.
//!
//! `model` holds the words, `make` (with the `engine` feature) the pure function that makes a plan of a
//! request, `digest` its fingerprint and `print` its printed form.

#[cfg(feature = "engine")]
mod digest;
#[cfg(feature = "engine")]
mod make;
mod model;
mod print;

#[cfg(feature = "engine")]
pub use digest::plan_digest;
#[cfg(feature = "engine")]
pub use make::{PlanError, World, plan};
pub use model::{Access, Plan, PlanPolicy, PlannedService, Step, Watch, When, stage_kind};
