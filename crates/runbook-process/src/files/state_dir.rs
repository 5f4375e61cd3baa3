//! The state directory: made for its owner alone, and ignored by git.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use super::write_atomically;

/// The state directory cannot be used; nothing was done.
#[derive(Debug, thiserror::Error)]
#[error("failed to prepare the state directory {path}; make it writable, or name another one in RUNBOOK_STATE_DIR")]
pub struct StateDirError {
    /// Where it is.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Makes the state directory where it is missing (mode 0700: logs and checkouts are nobody else's business), with a
/// `.gitignore` that ignores all of it. One that exists keeps its mode. Calling it again changes nothing.
///
/// # Errors
/// When it cannot be made or written, such as on a read-only file system.
pub fn prepare_state_dir(path: &Path) -> Result<(), StateDirError> {
    prepare(path).map_err(|source| StateDirError { path: path.to_owned(), source })
}

fn prepare(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let ignore = path.join(".gitignore");
    if fs::exists(&ignore)? {
        return Ok(());
    }
    // Whole or not at all: an empty one, as a full disk or a kill would leave it, ignores nothing and is never mended.
    write_atomically(&ignore, b"*\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at once")]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_private_and_ignores_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".runbook");
        prepare_state_dir(&path).unwrap();
        prepare_state_dir(&path).unwrap();
        assert_eq!(fs::read_to_string(path.join(".gitignore")).unwrap(), "*\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn what_cannot_be_made_is_a_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = prepare_state_dir(&file.join("state")).unwrap_err();
        assert!(error.to_string().contains("RUNBOOK_STATE_DIR"), "{error}");
    }
}
