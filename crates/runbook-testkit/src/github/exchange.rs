//! Whole exchanges, written down for a check against GitHub's own description (`cargo xtask contract`).
//!
//! A line of JSON each: `package`, `method`, `path`, `query`, `user_agent`, `request`, `status`, `content_type`,
//! `response`, `fault`. `fault` says that the answer was ordered and is not the fake's own; without an answer, `status` is
//! null. Headers are not among them, and so the token of whoever asks is not.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use serde_json::{Value, json};

use super::{answer::Answer, fault::FaultKind, record::Recorded};

/// The variable that names a folder: every fake of the process then writes a file of its own there.
const FOLDER: &str = "RUNBOOK_RECORD_GITHUB";
/// The longest file, in bytes; what comes after it is not written.
const LONGEST_FILE: usize = 64 * 1024 * 1024;

/// How many fakes of this process wrote a file.
static FILES: AtomicU64 = AtomicU64::new(0);

/// A file of exchanges.
#[derive(Debug)]
pub(super) struct Exchanges {
    file: File,
    package: String,
    written: usize,
}

/// The folder that the environment names.
pub(super) fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

impl Exchanges {
    /// A new file in this folder, which is made where it is not there.
    ///
    /// # Errors
    /// When either cannot be made.
    pub(super) fn in_folder(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let name = format!("{}-{}.jsonl", std::process::id(), FILES.fetch_add(1, Ordering::Relaxed));
        let file = OpenOptions::new().write(true).create_new(true).open(folder.join(name))?;
        // Cargo says which package's tests run.
        Ok(Self { file, package: std::env::var("CARGO_PKG_NAME").unwrap_or_default(), written: 0 })
    }

    /// Adds one exchange. An error is a line on standard error: it must not change what the fake answers.
    pub(super) fn write(&mut self, asked: &Recorded, answer: Option<&Answer>, fault: Option<&FaultKind>) {
        if self.written >= LONGEST_FILE {
            return;
        }
        let mut line = self.line(asked, answer, fault).to_string();
        line.push('\n');
        self.written += line.len();
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            eprintln!("the fake GitHub could not write an exchange down: {error}");
        }
    }

    fn line(&self, asked: &Recorded, answer: Option<&Answer>, fault: Option<&FaultKind>) -> Value {
        let content_type = |answer: &Answer| {
            let found = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            found.map(|(_, value)| value.clone())
        };
        json!({
            "package": self.package,
            "method": asked.method,
            "path": asked.path,
            "query": asked.query,
            "user_agent": asked.header("user-agent"),
            "request": asked.body,
            "status": answer.map(|answer| answer.status),
            "content_type": answer.and_then(content_type),
            "response": answer.map(|answer| String::from_utf8_lossy(&answer.body).into_owned()),
            "fault": fault.is_some_and(replaces),
        })
    }
}

/// Whether a fault puts something else in the place of the fake's own answer.
fn replaces(kind: &FaultKind) -> bool {
    !matches!(kind, FaultKind::Delay(_) | FaultKind::Truncated)
}
