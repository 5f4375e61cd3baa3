//! A generated workflow and a file: whether they agree, and how it gets there.

use std::{fs, io, io::Write, path::Path};

use runbook_render::WORKFLOW_MARK;
use serde::Serialize;

use crate::{fault::Fault, project::shown};

/// No workflow is longer; GitHub reads at most a mebibyte.
const MOST_BYTES: u64 = 4 << 20;

/// The first line at which a file is not what would be generated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Drift {
    /// The line, from 1.
    pub(crate) line: usize,
    /// What the file says there; `None`: it has ended, or is not there.
    pub(crate) found: Option<String>,
    /// What it should say; `None`: it should have ended.
    pub(crate) expected: Option<String>,
}

/// Where a file differs from this text; `None`: nowhere. How lines end does not count, because git may change it.
///
/// # Errors
/// When the file is there and cannot be read.
pub(crate) fn compare(file: &Path, text: &str) -> Result<Option<Drift>, Fault> {
    let found = read(file)?;
    let mut found = found.as_deref().unwrap_or_default().lines();
    let mut expected = text.lines();
    let mut line = 1;
    loop {
        match (found.next(), expected.next()) {
            (None, None) => return Ok(None),
            (found, expected) if found == expected => line += 1,
            (found, expected) => {
                let owned = |text: Option<&str>| text.map(str::to_owned);
                return Ok(Some(Drift { line, found: owned(found), expected: owned(expected) }));
            }
        }
    }
}

/// Writes the text, and the folders above it. A file that was not generated stays as it is, unless forced. It is replaced
/// as a whole, so a crash leaves the old one or the new one.
///
/// # Errors
/// When the file is somebody's own, or cannot be written.
pub(crate) fn write(file: &Path, text: &str, force: bool) -> Result<(), Fault> {
    may_write(file, force)?;
    let failed = |error: io::Error| Fault::usage(format!("failed to write {}: {error}", shown(file).display()));
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let written = fs::File::create(&beside)
        .and_then(|mut out| out.write_all(text.as_bytes()).and_then(|()| out.sync_all()))
        .and_then(|()| fs::rename(&beside, file));
    written.map_err(|error| {
        // What is left of it would be taken for a workflow by nobody, but is nobody's wish either.
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}

/// Whether the file may be written: it is not there, it was generated, or it is forced.
///
/// # Errors
/// When it is somebody's own.
pub(crate) fn may_write(file: &Path, force: bool) -> Result<(), Fault> {
    match read(file)? {
        Some(text) if !force && !text.starts_with(WORKFLOW_MARK) => {
            Err(Fault::usage(format!("{} was not generated; it was left as it is", shown(file).display()))
                .hint("--force overwrites it, and --output writes somewhere else"))
        }
        _ => Ok(()),
    }
}

fn read(file: &Path) -> Result<Option<String>, Fault> {
    let failed =
        |error: &dyn std::fmt::Display| Fault::usage(format!("failed to read {}: {error}", shown(file).display()));
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
        Ok(metadata) if !metadata.is_file() => return Err(failed(&"it is no file")),
        Ok(metadata) if metadata.len() > MOST_BYTES => return Err(failed(&"it is too long for a workflow")),
        Ok(_) => {}
    }
    // Whatever is no text is not what would be generated.
    fs::read(file).map(|bytes| Some(String::from_utf8_lossy(&bytes).into_owned())).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named_and_line_ends_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yml");
        let missing = Drift { line: 1, found: None, expected: Some("a".to_owned()) };
        assert_eq!(compare(&file, "a\nb\n").unwrap(), Some(missing));
        fs::write(&file, "a\r\nb\r\n").unwrap();
        assert_eq!(compare(&file, "a\nb\n").unwrap(), None);
        let longer = Drift { line: 2, found: Some("b".to_owned()), expected: None };
        assert_eq!(compare(&file, "a\n").unwrap(), Some(longer));
        let other = Drift { line: 2, found: Some("b".to_owned()), expected: Some("c".to_owned()) };
        assert_eq!(compare(&file, "a\nc\n").unwrap(), Some(other));
    }

    #[test]
    fn only_what_was_generated_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("workflows/a.yml");
        let text = format!("{WORKFLOW_MARK}` new\n");
        write(&file, &format!("{WORKFLOW_MARK}` old\n"), false).unwrap();
        write(&file, &text, false).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        fs::write(&file, "name: mine\n").unwrap();
        let fault = write(&file, &text, false).unwrap_err();
        assert!(fault.message.contains("was not generated"), "{}", fault.message);
        assert_eq!(fs::read_to_string(&file).unwrap(), "name: mine\n");
        write(&file, &text, true).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    }
}
