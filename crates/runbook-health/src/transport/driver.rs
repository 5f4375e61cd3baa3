//! Moves a connection on in place, while something waits for it: no task is spawned, so a dropped future leaves nothing.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
};

/// A connection that has to be polled for anything to happen on it. Dropping it closes the connection.
pub(super) struct Driver(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Driver {
    /// Takes the future of a connection. What it ends with is not looked at: the connection hands its error to whoever
    /// waits for the answer.
    pub(super) fn new<T>(connection: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(async move {
            let _ = connection.await;
        })))
    }

    /// Does the work, and moves the connection on meanwhile.
    pub(super) async fn run<F: Future>(&mut self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|context| {
            if self.0.as_mut().is_some_and(|connection| connection.as_mut().poll(context).is_ready()) {
                self.0 = None;
            }
            work.as_mut().poll(context)
        })
        .await
    }
}
