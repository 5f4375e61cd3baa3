//! What tests see of the machine, and the scope that they build adapters in.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use runbook_core::{
    Redactor, Secret, ServiceFacts,
    ports::VersionControl,
    registry::{Lookup, Scope, ServiceScope},
};
use tempfile::TempDir;

/// The longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// The value that must never be seen.
pub const SECRET: &str = "hunter2-in-disguise";

/// A project folder with its state directory, gone at the end of the test.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
    /// What adapters are built with.
    pub scope: Scope,
}

impl Project {
    /// A project with one service, `api`, in the environment `staging`.
    pub fn new(version_control: Option<Arc<dyn VersionControl>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scope = scope(folder.path(), version_control);
        Self { folder, scope }
    }

    /// The same project, with this URL for its service.
    pub fn with_url(mut self, url: String) -> Self {
        self.scope.service.as_mut().unwrap().url = Some(url);
        self
    }

    /// A path in the project's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes an executable file.
    pub fn script(&self, name: &str, text: &str) {
        write_script(&self.path(name), text);
    }

    /// The folder of the service in the state directory.
    pub fn service_file(&self, name: &str) -> PathBuf {
        self.scope.state_dir.join("services/staging/api").join(name)
    }
}

/// The scope of the service `api` in `staging`, in this folder.
pub fn scope(folder: &Path, version_control: Option<Arc<dyn VersionControl>>) -> Scope {
    let id = "api".parse().unwrap();
    let facts = ServiceFacts { id, name: "API".into(), critical: true, port: None };
    Scope {
        service: Some(ServiceScope { facts, url: None, out_of_reach: None }),
        variables: Lookup::new(|name| std::env::var(name).ok()),
        redactor: Redactor::new(&[Secret::new(SECRET)]),
        version_control,
        ..Scope::bare("Test", "staging".parse().unwrap(), folder)
    }
}

/// Writes an executable file.
pub fn write_script(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Waits until `look` finds something.
pub async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The number in a file, once it is there.
pub async fn number_in(path: &Path) -> u32 {
    eventually(&format!("a number in {}", path.display()), || fs::read_to_string(path).ok()?.trim().parse().ok()).await
}

/// The processes of a group that are not over. Zombies that nobody reaps do not count.
pub fn living_in_group(group: u32) -> Vec<u32> {
    processes().into_iter().filter(|process| process.group == group).map(|process| process.pid).collect()
}

/// Whether a process exists and is not over.
pub fn is_living(pid: u32) -> bool {
    processes().iter().any(|process| process.pid == pid)
}

struct Process {
    pid: u32,
    group: u32,
}

fn processes() -> Vec<Process> {
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
            let state = fields.next()?;
            let group = fields.nth(1)?.parse().ok()?;
            (state != "Z").then_some(Process { pid, group })
        })
        .collect()
}
