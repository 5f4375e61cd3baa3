//! The fields of charts that templates name: paths, places and words, not yet escaped.

use serde::Serialize;

/// How a service was available over time, as areas: the wider a column, the more of its time was observed; the lower its
/// area of `up`, the more of that the service was down.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AvailabilityChart {
    /// Unique on the page.
    pub id: String,
    /// What it shows, in words.
    pub title: String,
    /// What it says, in words, for whoever cannot see it.
    pub description: String,
    /// The area in which the service was up and well.
    pub up: String,
    /// The area in which it was up, but degraded.
    pub degraded: String,
    /// The area in which it was down.
    pub down: String,
    /// The area in which it was in maintenance.
    pub maintenance: String,
    /// Lines between the columns, where they are wide enough for it.
    pub separators: String,
    /// The axis of time.
    pub times: Vec<TickPicture>,
    /// What a pointer over a column is told; empty on large pages.
    pub hovers: Vec<HoverPicture>,
}

/// The latency of a service over time, as lines with gaps where nothing was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LatencyChart {
    /// Unique on the page.
    pub id: String,
    /// What it shows, in words.
    pub title: String,
    /// What it says, in words, for whoever cannot see it.
    pub description: String,
    /// The area of the columns in which a latency was measured.
    pub measured: String,
    /// The area between the median and the 95th percentile.
    pub band: String,
    /// The line of the median.
    pub p50: String,
    /// The line of the 95th percentile.
    pub p95: String,
    /// The axis of latency.
    pub values: Vec<TickPicture>,
    /// The axis of time.
    pub times: Vec<TickPicture>,
    /// What a pointer over a column is told; empty on large pages.
    pub hovers: Vec<HoverPicture>,
}

/// A place on an axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TickPicture {
    /// Where, in percent of the axis: from the left for time, from the top for values.
    pub at: String,
    /// What stands there.
    pub label: String,
}

/// One column, as a pointer finds it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HoverPicture {
    /// Where it begins, of 1000.
    pub x: String,
    /// How wide it is, of 1000.
    pub width: String,
    /// What is told.
    pub text: String,
}

/// The last hours in a strip as small as a word: a bar each, one unit wide and 100 high.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StripPicture {
    /// How many units wide it is.
    pub width: usize,
    /// The area in which the service was up.
    pub up: String,
    /// The area in which it was down.
    pub down: String,
    /// The hours in which nothing was observed.
    pub unobserved: String,
    /// What it says, in words.
    pub description: String,
}
