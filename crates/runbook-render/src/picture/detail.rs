//! Levels of detail: what is left out, and in which order, when a text would be too long for its place.

use crate::facts::Depth;

/// How much of a view a picture shows. Lengths are in characters of the text before it is escaped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Detail {
    /// The longest name, reason or other line.
    pub text: usize,
    /// The longest evidence of a service; 0 leaves it out.
    pub evidence: usize,
    /// The most lines of any list that is not the table of services.
    pub list: usize,
    /// The longest command that is shown; a longer one is named, never cut.
    pub command: usize,
    /// The most rows of healthy services.
    pub healthy: usize,
    /// The most rows of services that are not healthy.
    pub unwell: usize,
    /// How much is told of what is known of a service beside its health.
    pub depth: Depth,
    /// The most such facts of a service, each as long as evidence may be; none where evidence is left out.
    pub facts: usize,
    /// The most commits that are named as suspects.
    pub commits: usize,
    /// Whether the last 24 hours are shown.
    pub trend: bool,
    /// What is kept of the document for programs.
    pub document: DocumentDetail,
}

/// How much of the document for programs is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DocumentDetail {
    /// Whether it is indented.
    pub pretty: bool,
    /// The longest text, except evidence.
    pub text: usize,
    /// The longest evidence of a service; 0 leaves it out.
    pub evidence: usize,
    /// The most reasons.
    pub reasons: usize,
    /// The most healthy services.
    pub healthy: usize,
    /// The most services that are not healthy.
    pub unwell: usize,
    /// The most alerts, and the most suspects, of a service.
    pub facts: usize,
    /// Whether the last 24 hours are kept.
    pub trend: bool,
}

const ALL: usize = usize::MAX;

pub(super) const FULL: Detail = Detail {
    text: 600,
    evidence: 240,
    list: ALL,
    command: 2000,
    healthy: ALL,
    unwell: ALL,
    depth: Depth::Detail,
    facts: 12,
    commits: 5,
    trend: true,
    document: DocumentDetail {
        pretty: true,
        text: ALL,
        evidence: ALL,
        reasons: ALL,
        healthy: ALL,
        unwell: ALL,
        facts: ALL,
        trend: true,
    },
};

/// A page on GitHub, from everything to the least: evidence gets shorter first, then healthy services are only counted,
/// then the rest. The last level fits whatever a view holds: a test fills every field to prove it.
pub(crate) const PAGE: [Detail; 8] = [
    FULL,
    Detail { evidence: 120, document: DocumentDetail { evidence: 240, trend: false, ..FULL.document }, ..FULL },
    Detail {
        evidence: 80,
        facts: 6,
        commits: 3,
        document: DocumentDetail { evidence: 80, facts: 6, trend: false, ..FULL.document },
        ..FULL
    },
    Detail { evidence: 60, facts: 4, commits: 2, document: BARE, ..FULL },
    Detail { evidence: 60, facts: 4, commits: 2, healthy: 10, document: BARE, ..FULL },
    Detail {
        text: 200,
        evidence: 60,
        list: 20,
        healthy: 0,
        unwell: 50,
        depth: Depth::Short,
        facts: 3,
        commits: 1,
        document: DocumentDetail { text: 200, reasons: 20, healthy: 0, unwell: 100, facts: 2, ..BARE },
        ..FULL
    },
    Detail {
        text: 120,
        evidence: 40,
        list: 10,
        command: 1000,
        healthy: 0,
        unwell: 20,
        depth: Depth::Short,
        facts: 2,
        commits: 1,
        document: DocumentDetail { text: 120, reasons: 10, healthy: 0, unwell: 20, facts: 1, ..BARE },
        ..FULL
    },
    Detail {
        text: 40,
        evidence: 0,
        list: 6,
        command: 600,
        healthy: 0,
        unwell: 8,
        depth: Depth::Short,
        facts: 0,
        commits: 0,
        trend: false,
        document: DocumentDetail { text: 40, reasons: 4, healthy: 0, unwell: 0, facts: 0, ..BARE },
    },
];

/// A document for programs without what is long.
const BARE: DocumentDetail = DocumentDetail { pretty: false, evidence: 0, facts: 4, trend: false, ..FULL.document };

/// A message in a chat: what is not healthy, and a count of the rest.
pub(crate) const CHAT: [Detail; 3] = [
    Detail {
        text: 240,
        evidence: 160,
        list: 8,
        healthy: 0,
        unwell: 8,
        depth: Depth::Short,
        facts: 4,
        commits: 3,
        ..FULL
    },
    Detail {
        text: 120,
        evidence: 60,
        list: 4,
        healthy: 0,
        unwell: 4,
        depth: Depth::Short,
        facts: 2,
        commits: 1,
        trend: false,
        ..FULL
    },
    Detail {
        text: 60,
        evidence: 0,
        list: 2,
        healthy: 0,
        unwell: 2,
        depth: Depth::Short,
        facts: 0,
        commits: 0,
        trend: false,
        ..FULL
    },
];
