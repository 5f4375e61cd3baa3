//! Charts: small pure functions from a series of measurements to the geometry of an SVG picture.
//!
//! They give paths, places and words; the elements around them stand in the templates `monitoring-availability` and
//! `monitoring-latency`, where everything is escaped like any other text. All charts lie in a plane of 1000 × 100 that is
//! stretched to the width of the page; places on an axis are percentages, so that letters are never stretched.
//!
//! Whatever a series holds, no path has a number that is not finite, and what was not observed is never drawn as up.

mod availability;
mod columns;
mod latency;
mod model;
mod path;
mod strip;
mod time;
mod value;

pub(crate) use availability::{availability, worst};
pub(crate) use columns::{Columns, SampledSeries, sign_span};
pub(crate) use latency::latency;
pub use model::{AvailabilityChart, HoverPicture, LatencyChart, StripPicture, TickPicture};
pub(crate) use strip::strip;
