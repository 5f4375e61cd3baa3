//! Levels of detail of the monitoring report: what is left out, and in which order, when it would be too long.

use crate::{
    facts::Depth,
    picture::detail::{Detail, FULL},
};

/// How much of a report a page shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MonitoringDetail {
    /// Lengths and lists.
    pub base: Detail,
    /// The most services that have a card of their own.
    pub cards: usize,
    /// The most of the others that have a row.
    pub rows: usize,
    /// Whether charts are drawn.
    pub charts: bool,
    /// The most columns of all charts that still tell a pointer what they are.
    pub hovers: usize,
}

const BASE: Detail = Detail { text: 300, evidence: 2000, list: 100, depth: Depth::All, facts: 24, commits: 10, ..FULL };

/// A page of a browser.
pub(crate) const HTML: [MonitoringDetail; 4] = [
    MonitoringDetail { base: BASE, cards: 200, rows: 2000, charts: true, hovers: 6000 },
    MonitoringDetail {
        base: Detail { text: 160, evidence: 240, facts: 8, commits: 5, ..BASE },
        cards: 200,
        rows: 1000,
        charts: true,
        hovers: 0,
    },
    MonitoringDetail {
        base: Detail { text: 120, evidence: 120, list: 40, facts: 4, commits: 3, ..BASE },
        cards: 60,
        rows: 1000,
        charts: true,
        hovers: 0,
    },
    MonitoringDetail {
        base: Detail { text: 60, evidence: 60, list: 20, facts: 2, commits: 1, ..BASE },
        cards: 20,
        rows: 200,
        charts: true,
        hovers: 0,
    },
];

/// A page of Markdown: the same words without charts.
pub(crate) const MARKDOWN: [MonitoringDetail; 3] = [
    MonitoringDetail { base: Detail { evidence: 600, ..BASE }, cards: 200, rows: 1000, charts: false, hovers: 0 },
    MonitoringDetail {
        base: Detail { text: 120, evidence: 160, list: 40, facts: 4, commits: 3, ..BASE },
        cards: 100,
        rows: 500,
        charts: false,
        hovers: 0,
    },
    MonitoringDetail {
        base: Detail { text: 60, evidence: 60, list: 20, facts: 2, commits: 1, ..BASE },
        cards: 20,
        rows: 200,
        charts: false,
        hovers: 0,
    },
];
