//! What a job hands to GitHub through files: the summary on the run's page, and outputs for later steps and jobs.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// What GitHub shows of one step's summary, in bytes; a longer one is refused as a whole.
/// Source: <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits>.
pub const SUMMARY_LIMIT: usize = 1024 * 1024;

/// What stands at the end of a summary that was cut.
const CUT: &str = "\n\n> The summary was cut here: GitHub shows 1 MiB of it.\n";

/// Something could not be handed to GitHub.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The file could not be written.
    #[error("failed to append to {path}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The output's name is none.
    #[error("{0:?} is no name of an output: expected a letter or _, then letters, digits, _ and -")]
    Name(String),
}

/// Appends Markdown to the summary on the run's page (`GITHUB_STEP_SUMMARY`). What does not fit into [`SUMMARY_LIMIT`],
/// together with what is there already, is cut at the end of a line, with a note.
///
/// A repeat appends again.
///
/// # Errors
/// [`OutputError::Write`].
pub fn append_step_summary(path: &Path, text: &str) -> Result<(), OutputError> {
    let failed = |source| OutputError::Write { path: path.to_owned(), source };
    let mut file = open(path).map_err(failed)?;
    let there = file.metadata().map_err(failed)?.len();
    let room = SUMMARY_LIMIT.saturating_sub(usize::try_from(there).unwrap_or(usize::MAX));
    file.write_all(fit(text, room).as_bytes()).map_err(failed)
}

/// Sets an output (`GITHUB_OUTPUT`). The value stands between two lines with a random word, so that no value, whatever
/// lines it holds, can set another output.
///
/// The last value of a name counts.
///
/// # Errors
/// [`OutputError`].
pub fn append_output(path: &Path, name: &str, value: &str) -> Result<(), OutputError> {
    let first = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    let later = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !name.bytes().next().is_some_and(first) || !name.bytes().all(later) {
        return Err(OutputError::Name(name.to_owned()));
    }
    let end = loop {
        let end = format!("end_{:032x}", rand::random::<u128>());
        if !value.contains(&end) {
            break end;
        }
    };
    // In one write: a signal in between must not leave half an output.
    let lines = format!("{name}<<{end}\n{value}\n{end}\n");
    let failed = |source| OutputError::Write { path: path.to_owned(), source };
    open(path).and_then(|mut file| file.write_all(lines.as_bytes())).map_err(failed)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// The text in at most `room` bytes, with a note where it was cut; nothing when not even the note fits.
fn fit(text: &str, room: usize) -> String {
    if text.len() <= room {
        return text.to_owned();
    }
    let Some(most) = room.checked_sub(CUT.len()) else { return String::new() };
    let kept = &text[..text.floor_char_boundary(most)];
    let kept = kept.rfind('\n').map_or(kept, |end| &kept[..end]);
    format!("{kept}{CUT}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

    use std::{collections::BTreeMap, fs};

    use super::*;
    use proptest::prelude::*;

    /// Reads a file of outputs as the runner does.
    fn outputs(text: &str) -> BTreeMap<String, String> {
        let mut outputs = BTreeMap::new();
        let mut lines = text.split('\n');
        while let Some(line) = lines.next() {
            if let Some((name, end)) = line.split_once("<<") {
                let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
                outputs.insert(name.to_owned(), value.join("\n"));
            }
        }
        outputs
    }

    #[test]
    fn summaries_add_up_to_the_limit_and_no_further() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.md");
        append_step_summary(&path, "# First\n").unwrap();
        append_step_summary(&path, &"é long line\n".repeat(200_000)).unwrap();
        let summary = fs::read_to_string(&path).unwrap();
        assert!(summary.starts_with("# First\né long line\n"));
        assert!(summary.ends_with(&format!("é long line{CUT}")));
        assert!(summary.len() <= SUMMARY_LIMIT && summary.len() > SUMMARY_LIMIT - 20);
        append_step_summary(&path, &"more\n".repeat(100)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().len(), summary.len(), "there is no room left");
    }

    #[test]
    fn no_line_is_parted_and_no_character_either() {
        assert_eq!(fit("short", 5), "short");
        assert_eq!(fit(&"é".repeat(100), CUT.len() + 3), format!("é{CUT}"));
        assert_eq!(fit("long text", 3), "");
    }

    #[test]
    fn a_name_cannot_be_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("output");
        for bad in ["", "a b", "a=b", "a\nb", "1a", "-a", "a<<b"] {
            assert!(matches!(append_output(&path, bad, "x"), Err(OutputError::Name(_))), "{bad:?} was taken");
        }
        assert!(!path.exists());
    }

    #[test]
    fn an_error_names_the_file() {
        let error = append_output(Path::new("/nowhere/at/all"), "a", "b").unwrap_err();
        assert_eq!(error.to_string(), "failed to append to /nowhere/at/all");
    }

    proptest! {
        #[test]
        fn values_set_one_output_each(values in proptest::collection::vec("(\\PC|\n|<<|end_)*", 1..4)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("output");
            for (n, value) in values.iter().enumerate() {
                append_output(&path, &format!("v{n}"), value).unwrap();
            }
            let read = outputs(&fs::read_to_string(&path).unwrap());
            let expected = values.iter().enumerate().map(|(n, value)| (format!("v{n}"), value.clone())).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
