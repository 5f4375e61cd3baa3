//! Arguments of the commands that have any of their own.

use std::{ffi::OsString, fmt};

/// The command was called wrongly: exit code 2.
#[derive(Debug)]
pub(crate) struct Misuse(pub(crate) String);

impl fmt::Display for Misuse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

/// What stdout carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Human,
    Json,
}

/// Takes `--format human|json` out of the arguments; the rest are words, and no other option is known.
pub(crate) fn format_and_rest(arguments: &[OsString]) -> Result<(Format, Vec<String>), Misuse> {
    let mut format = Format::Human;
    let mut words = Vec::new();
    let mut rest = arguments.iter().map(|argument| argument.to_string_lossy());
    while let Some(argument) = rest.next() {
        let value = match argument.strip_prefix("--format") {
            Some("") => rest.next(),
            Some(value) => value.strip_prefix('=').map(|value| value.to_owned().into()),
            None if argument.starts_with('-') => return Err(Misuse(format!("there is no option {argument}"))),
            None => {
                words.push(argument.into_owned());
                continue;
            }
        };
        format = match value.as_deref() {
            Some("human") => Format::Human,
            Some("json") => Format::Json,
            _ => return Err(Misuse("--format takes human or json".to_owned())),
        };
    }
    Ok((format, words))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    fn parse(line: &str) -> Result<(Format, Vec<String>), Misuse> {
        format_and_rest(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_format_may_stand_anywhere() {
        assert_eq!(parse("").unwrap(), (Format::Human, vec![]));
        assert_eq!(parse("engine --format json").unwrap(), (Format::Json, vec!["engine".to_owned()]));
        assert_eq!(parse("--format=json engine").unwrap(), (Format::Json, vec!["engine".to_owned()]));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert!(parse("--format").is_err() && parse("--format xml").is_err() && parse("--formats json").is_err());
        assert_eq!(parse("--fast").unwrap_err().to_string(), "there is no option --fast");
    }
}
