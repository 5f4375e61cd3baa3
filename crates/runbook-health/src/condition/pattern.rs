//! Regular expressions as people write them: read in one place, so that each is bounded and refused in the same words.

use regex::{Regex, RegexBuilder};

use super::ConditionError;

/// How much memory an expression may take once it is compiled, and its search as much again, in bytes. It bounds the time
/// too: a search takes as long as expression and text together.
const MAX_SIZE: usize = 1024 * 1024;

/// An expression that is sought in a text.
///
/// # Errors
/// When it cannot be read, is empty, or is too large.
pub(super) fn pattern(text: &str) -> Result<Regex, ConditionError> {
    check(text)?;
    let built = RegexBuilder::new(text).size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).build();
    built.map_err(|error| refused(text, &error))
}

/// An expression that is sought in bytes, which need not be a text.
///
/// # Errors
/// As [`pattern`].
#[cfg(feature = "tcp")]
pub(crate) fn bytes_pattern(text: &str) -> Result<regex::bytes::Regex, ConditionError> {
    check(text)?;
    let built = regex::bytes::RegexBuilder::new(text).size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).build();
    built.map_err(|error| refused(text, &error))
}

fn check(text: &str) -> Result<(), ConditionError> {
    match text.trim() {
        "" => Err(wrong(text, "it is empty and would match everything")),
        _ => Ok(()),
    }
}

fn refused(text: &str, error: &regex::Error) -> ConditionError {
    if let regex::Error::CompiledTooBig(_) = error {
        return wrong(text, "it takes more than 1 MiB; repeat less, or name fewer characters ([0-9A-Za-z_] for \\w)");
    }
    // The library draws the place over several lines; its last line says what is wrong.
    let words = error.to_string();
    wrong(text, words.lines().last().unwrap_or_default().trim_start_matches("error: "))
}

fn wrong(text: &str, problem: &str) -> ConditionError {
    ConditionError::Pattern { pattern: text.to_owned(), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Below the library's own limit, which is ten times as large.
    #[test]
    fn an_expression_that_takes_too_much_memory_is_refused() {
        let words = |error: ConditionError| error.to_string();
        let large = "a{60000}";
        assert!(pattern(large).map_err(words).is_err_and(|words| words.contains("it takes more than 1 MiB")));
        assert!(pattern(r"^\w+ is \d{1,3} % full$").is_ok());
        #[cfg(feature = "tcp")]
        assert!(bytes_pattern(large).map_err(words).is_err_and(|words| words.contains("it takes more than 1 MiB")));
    }
}
