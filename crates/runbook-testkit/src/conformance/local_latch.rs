//! What every local stop latch promises.

use jiff::Timestamp;
use runbook_core::{Actor, ActorKind, ports::LocalLatch, state::Latch};

/// Drives a local latch through its contract. `open` opens the same place each time, as another process would; it is
/// not set at first.
///
/// # Panics
/// At the first broken promise.
pub async fn local_latch<L: LocalLatch>(open: impl AsyncFn() -> L) {
    let latch = open().await;
    assert_eq!(read(&latch).await, None, "a latch that nobody set must not be set");
    done(latch.clear().await, "to lift what is not set must be no error");

    let (first, second) = (by("first", "fire\nand \"water\" 🔥"), by("second", "too late"));
    done(latch.set(&first).await, "to set the latch must work");
    assert_eq!(read(&latch).await.as_ref(), Some(&first), "a set latch must tell who set it, why and when");
    assert_eq!(read(&open().await).await.as_ref(), Some(&first), "a set latch must be there for another process");

    done(open().await.set(&second).await, "to set a set latch must be no error");
    assert_eq!(read(&latch).await, Some(first), "to set the latch twice must keep the first");

    done(open().await.clear().await, "to lift the latch must work");
    assert_eq!(read(&latch).await, None, "a lifted latch must not be set, for whoever looks");
    done(latch.clear().await, "to lift the latch twice must be no error");

    done(latch.set(&second).await, "to set a lifted latch must work");
    assert_eq!(read(&open().await).await, Some(second), "a latch that is set again must tell of the new stop");
}

async fn read(latch: &impl LocalLatch) -> Option<Latch> {
    match latch.read().await {
        Ok(latch) => latch,
        Err(error) => panic!("to read the latch must work, but gave {error:?}"),
    }
}

fn done<E: std::fmt::Debug>(result: Result<(), E>, promise: &str) {
    if let Err(error) = result {
        panic!("{promise}, but gave {error:?}");
    }
}

fn by(name: &str, reason: &str) -> Latch {
    let actor = Actor { name: name.to_owned(), kind: ActorKind::Person };
    Latch { actor, reason: reason.to_owned(), since: Timestamp::UNIX_EPOCH }
}
