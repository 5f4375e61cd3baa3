//! Numbers as conditions compare them: whole numbers exactly, others as floating point, never NaN.

use std::{cmp::Ordering, fmt};

/// A finite number.
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// Exact.
    Whole(i128),
    /// Finite.
    Float(f64),
}

impl Number {
    /// A floating-point number that is one.
    pub fn float(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self::Float(value))
    }

    /// Reads `5`, `-1.5`, `2e3`; nothing that is not finite.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // Rust also reads `inf` and `nan`, which nobody means here.
        if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
            return None;
        }
        text.parse().map(Self::Whole).ok().or_else(|| Self::float(text.parse().ok()?))
    }

    /// The numeric order; both zeros are alike.
    pub fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            // Both are finite, and `+ 0.0` makes zeros alike, so the total order is the numeric one.
            (a, b) => (a.as_float() + 0.0).total_cmp(&(b.as_float() + 0.0)),
        }
    }

    fn as_float(self) -> f64 {
        match self {
            // Whole numbers beyond 2^53 lose digits here; beside a floating-point number there are none to keep.
            Self::Whole(value) => value as f64,
            Self::Float(value) => value,
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
        }
    }
}
