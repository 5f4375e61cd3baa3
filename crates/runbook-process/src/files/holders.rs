//! Who holds a lock, as Linux tells in `/proc/<pid>/fdinfo`. Asked only when something does not end in the ordinary
//! way; on other systems the answer is nobody.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use crate::procfs;

/// A process that holds the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    pub(crate) group: u32,
}

/// The processes that hold the lock for writing through a descriptor of theirs; never this one, and never one that
/// only has the file open.
pub(crate) fn holders(lock: &Path) -> Vec<Holder> {
    let Ok(file) = fs::metadata(lock) else { return Vec::new() };
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid: &u32| pid != std::process::id() && holds(pid, &file))
        .filter_map(|pid| Some(Holder { pid, group: procfs::stat(pid).ok()?.group }))
        .collect()
}

/// Processes of other users cannot be looked into; they were not started from here either.
fn holds(pid: u32, lock: &fs::Metadata) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.flatten().any(|descriptor| {
        let is_lock =
            fs::metadata(descriptor.path()).is_ok_and(|file| (file.dev(), file.ino()) == (lock.dev(), lock.ino()));
        let info = || fs::read_to_string(Path::new(&format!("/proc/{pid}/fdinfo")).join(descriptor.file_name()));
        is_lock && info().is_ok_and(|info| info.lines().any(is_exclusive))
    })
}

/// `lock:  1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF`: this descriptor's own lock (proc_pid_fdinfo(5)).
fn is_exclusive(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    words.next() == Some("lock:") && words.any(|word| word == "FLOCK") && words.any(|word| word == "WRITE")
}
