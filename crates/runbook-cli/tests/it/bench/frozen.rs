//! A world to go back to: many crashes can start from the same moment, and none meets what another one left.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::World;

/// Machine, state and repository as they were at one moment. The worktree is not part of it.
#[derive(Debug)]
pub(crate) struct Frozen(TempDir);

impl World {
    fn places(&self) -> [PathBuf; 3] {
        [self.beside("machine"), self.state_dir(), self.repository.path().join(".git")]
    }

    /// Keeps this moment. Nothing may be at work.
    pub(crate) fn freeze(&self) -> Frozen {
        let kept = tempfile::tempdir().unwrap();
        for (at, place) in self.places().iter().enumerate().filter(|(_, place)| place.exists()) {
            copy(place, &kept.path().join(at.to_string()));
        }
        Frozen(kept)
    }

    /// Goes back to that moment. Nothing may be at work.
    pub(crate) fn thaw(&self, frozen: &Frozen) {
        for (at, place) in self.places().iter().enumerate() {
            if place.exists() {
                fs::remove_dir_all(place).unwrap();
            }
            let kept = frozen.0.path().join(at.to_string());
            if kept.exists() {
                copy(&kept, place);
            }
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
