//! The stop latch's fallback: one small file in the state directory.

use std::{fs, io, path::PathBuf};

use async_trait::async_trait;
use runbook_core::{
    EnvironmentId,
    ports::{LocalLatch, LocalLatchError},
    state::Latch,
};

use crate::files::{prepare_state_dir, sync_folder, write_atomically};

/// `stop-latch-<environment>.json` in the state directory.
///
/// The file is synced before [`set`](LocalLatch::set) returns, so it survives SIGKILL and a power cut. Its few bytes
/// are written inline and not on another thread: an emergency stop must not wait for one.
#[derive(Debug, Clone)]
pub struct FileLatch {
    state_dir: PathBuf,
    path: PathBuf,
}

impl FileLatch {
    /// The latch of an environment. Touches nothing.
    pub fn new(state_dir: impl Into<PathBuf>, environment: &EnvironmentId) -> Self {
        let state_dir = state_dir.into();
        let path = state_dir.join(format!("stop-latch-{environment}.json"));
        Self { state_dir, path }
    }

    fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> LocalLatchError {
        move |source| LocalLatchError { doing, place: self.path.display().to_string(), source }
    }

    fn stored(&self) -> io::Result<Option<Latch>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl LocalLatch for FileLatch {
    async fn set(&self, latch: &Latch) -> Result<(), LocalLatchError> {
        // One that cannot be read counts as set already, but says nothing: the new one takes its place.
        if let Ok(Some(_)) = self.stored() {
            return Ok(());
        }
        let set = || {
            prepare_state_dir(&self.state_dir).map_err(io::Error::other)?;
            write_atomically(&self.path, &serde_json::to_vec_pretty(latch)?)
        };
        set().map_err(self.failed("set"))
    }

    async fn read(&self) -> Result<Option<Latch>, LocalLatchError> {
        self.stored().map_err(self.failed("read"))
    }

    async fn clear(&self) -> Result<(), LocalLatchError> {
        let removed = match fs::remove_file(&self.path) {
            Ok(()) => sync_folder(&self.state_dir),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        removed.map_err(self.failed("lift"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at once")]
    use jiff::Timestamp;
    use runbook_core::{Actor, ActorKind};

    use super::*;

    fn latch(reason: &str) -> Latch {
        let actor = Actor { name: "grace".into(), kind: ActorKind::Person };
        Latch { actor, reason: reason.into(), since: Timestamp::UNIX_EPOCH }
    }

    #[tokio::test]
    async fn the_first_one_stays_until_it_is_lifted() {
        let folder = tempfile::tempdir().unwrap();
        let production = FileLatch::new(folder.path().join("state"), &"production".parse().unwrap());
        assert_eq!(production.read().await.unwrap(), None);
        production.clear().await.unwrap();
        production.set(&latch("smoke")).await.unwrap();
        production.set(&latch("fire")).await.unwrap();
        assert_eq!(production.read().await.unwrap(), Some(latch("smoke")));
        let staging = FileLatch::new(folder.path().join("state"), &"staging".parse().unwrap());
        assert_eq!(staging.read().await.unwrap(), None, "each environment has its own");
        production.clear().await.unwrap();
        assert_eq!(production.read().await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_an_error_and_can_be_set_anew() {
        let folder = tempfile::tempdir().unwrap();
        let latched = FileLatch::new(folder.path(), &"production".parse().unwrap());
        for garbage in ["", "{", "null", "{\"reason\": 1}"] {
            fs::write(folder.path().join("stop-latch-production.json"), garbage).unwrap();
            assert!(latched.read().await.is_err(), "{garbage:?} was taken for a latch");
        }
        latched.set(&latch("smoke")).await.unwrap();
        assert_eq!(latched.read().await.unwrap(), Some(latch("smoke")));
    }
}
