//! Which file a command's first word means.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// The program to start: a name with a `/` counts from the folder that the command runs in, whatever folder this
/// process is in; a bare name is left to the search in `PATH`.
pub(crate) fn program_path(program: &str, cwd: &Path) -> PathBuf {
    if program.contains('/') { cwd.join(program) } else { PathBuf::from(program) }
}

/// Looks for the program as starting it would, without starting it.
///
/// # Errors
/// Why it could not be started, in words.
pub(crate) fn find_program(program: &str, cwd: &Path, path: Option<&str>) -> Result<PathBuf, String> {
    if program.contains('/') {
        let file = program_path(program, cwd);
        return match fs::metadata(&file) {
            Ok(metadata) if is_program(&metadata) => Ok(file),
            Ok(_) => Err(format!("{} is not an executable file; `chmod +x` it", file.display())),
            Err(error) => Err(format!("{}: {error}", file.display())),
        };
    }
    // Without PATH, the system searches its own two.
    std::env::split_paths(path.unwrap_or("/bin:/usr/bin"))
        .map(|folder| folder.join(program))
        .find(|file| fs::metadata(file).is_ok_and(|metadata| is_program(&metadata)))
        .ok_or_else(|| format!("{program:?} is in no folder of PATH"))
}

fn is_program(metadata: &fs::Metadata) -> bool {
    metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    #[test]
    fn programs_are_found_where_they_would_be_started() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("plain"), "").unwrap();
        assert!(find_program("sh", folder.path(), Some("/nowhere:/bin")).is_ok());
        assert!(find_program("sh", folder.path(), Some("/nowhere")).is_err());
        assert!(find_program("./plain", folder.path(), None).unwrap_err().contains("chmod"));
        assert!(find_program("./missing", folder.path(), None).is_err());
        assert_eq!(find_program("/bin/sh", folder.path(), None).unwrap(), Path::new("/bin/sh"));
    }
}
