//! Whether a program is installed, and what happens when it is not.

use std::{
    env, fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// The variable that makes a missing part a failure: set to `1` where everything must be tested.
pub const REQUIRE_PARTS: &str = "RUNBOOK_REQUIRE_PARTS";

/// Where Debian keeps servers that are in no user's `PATH`.
const SYSTEM: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/bin"];

/// Where Debian keeps one folder of programs for each version of PostgreSQL.
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// Finds a program, or says that tests which need it are skipped.
///
/// It is sought in `PATH`, then where Debian keeps servers. `package` is the Debian package that has it, for the line
/// that is printed. That line goes straight to standard error, past the test harness, which would swallow it.
///
/// ```
/// let Some(shell) = runbook_testkit::parts::require("sh", "dash") else { return };
/// assert!(shell.is_absolute());
/// ```
///
/// # Panics
/// When it is missing and [`REQUIRE_PARTS`] is `1`.
pub fn require(program: &str, package: &str) -> Option<PathBuf> {
    let found = find(program);
    if found.is_none() {
        let missing = format!("{program} is not installed (apt-get install {package})");
        assert!(!parts_are_required(env::var(REQUIRE_PARTS).ok().as_deref()), "{missing}, and {REQUIRE_PARTS} is set");
        // A test goes on without the line when standard error is closed.
        let _ = writeln!(std::io::stderr().lock(), "SKIPPED: {missing}");
    }
    found
}

/// The program's absolute path, without a word when it is missing.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).filter(|folder| folder.is_absolute()).chain(SYSTEM.map(PathBuf::from));
    folders.chain(postgresql_folders()).map(|folder| folder.join(program)).find(|file| is_executable(file))
}

/// The newest version first.
fn postgresql_folders() -> Vec<PathBuf> {
    let versions = fs::read_dir(POSTGRESQL).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// An empty variable counts as unset, and 0 as no.
fn parts_are_required(value: Option<&str>) -> bool {
    !matches!(value, None | Some("" | "0" | "false"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_its_name() {
        assert!(find("sh").unwrap().is_absolute());
        assert_eq!(find("no-such-program-of-anybody"), None);
        assert_eq!(find("."), None, "a folder is no program");
    }

    #[test]
    fn one_means_that_parts_are_required() {
        assert!(parts_are_required(Some("1")));
        for no in [None, Some(""), Some("0"), Some("false")] {
            assert!(!parts_are_required(no), "{no:?}");
        }
    }
}
