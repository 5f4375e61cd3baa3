//! What a rule found: where, what, why it matters and how to mend it.

use std::fmt;

/// One thing that is not as it was promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file, from the root of the checkout.
    pub(crate) file: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) what: String,
    /// Why it matters.
    pub(crate) why: &'static str,
    /// How to mend it.
    pub(crate) mend: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what, why, mend } = self;
        write!(formatter, "{file}:{line}: {what}\n      why:  {why}\n      mend: {mend}")
    }
}
