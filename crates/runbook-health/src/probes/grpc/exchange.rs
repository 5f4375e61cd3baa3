//! One call over one HTTP/2 connection. What HTTP/2 needs beside the call is kept here and moved on while something
//! waits for the answer: no task is spawned, so a dropped future leaves nothing. Deadlines are the probe's.

use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
};

use futures::{FutureExt, StreamExt, stream::FuturesUnordered};
use hyper::{client::conn::http2::Builder, rt::Executor};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::{Request, Status, codegen::http::Uri};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::transport::Fault;

/// The largest answer that is read, in bytes: one number is expected.
const MAX_ANSWER: usize = 16 * 1024;

/// How much a server may send before it is read, in bytes; the least that HTTP/2 knows (RFC 9113, section 6.9.2).
const WINDOW: u32 = 65_535;

/// The server's word on the service's health; or the status that it gave instead.
///
/// # Errors
/// See [`Fault`].
pub(super) async fn check(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    origin: Uri,
    request: Request<HealthCheckRequest>,
) -> Result<Result<i32, Status>, Fault> {
    let tasks = Tasks::default();
    let mut driver = Driver { tasks: tasks.clone(), running: FuturesUnordered::new() };
    let mut builder = Builder::new(tasks.clone());
    builder.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
    let opened = driver.run(builder.handshake::<_, tonic::body::Body>(TokioIo::new(stream))).await;
    let (sender, connection) = opened.map_err(|error| fault(&error))?;
    // The connection hands its error to whoever waits for the answer, so its own result says nothing new.
    tasks.execute(connection.map(|_| ()));
    let service = tower::service_fn(move |request| {
        let mut sender = sender.clone();
        async move {
            sender.ready().await?;
            sender.send_request(request).await
        }
    });
    let mut client = HealthClient::with_origin(service, origin).max_decoding_message_size(MAX_ANSWER);
    let answer = driver.run(client.check(request)).await;
    match answer {
        Ok(answer) => Ok(Ok(answer.into_inner().status)),
        Err(status) => match hyper_cause(&status) {
            Some(error) => Err(fault(error)),
            None => Ok(Err(status)),
        },
    }
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where hyper leaves what it would have spawned.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<Vec<Task>>>);

impl Tasks {
    fn take(&self) -> Vec<Task> {
        // A list of futures is whole at any time, whoever panicked.
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(task));
    }
}

/// Moves the connection's tasks on while something waits for it.
struct Driver {
    tasks: Tasks,
    running: FuturesUnordered<Task>,
}

impl Driver {
    async fn run<F: Future>(&mut self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|context| {
            loop {
                while let Poll::Ready(Some(())) = self.running.poll_next_unpin(context) {}
                if let Poll::Ready(output) = work.as_mut().poll(context) {
                    return Poll::Ready(output);
                }
                let new = self.tasks.take();
                if new.is_empty() {
                    return Poll::Pending;
                }
                self.running.extend(new);
            }
        })
        .await
    }
}

/// A status that no server sent has the connection's error behind it.
fn hyper_cause(status: &Status) -> Option<&hyper::Error> {
    causes(status).find_map(|cause| cause.downcast_ref())
}

/// What an error of the connection says, in words; the connection stood, so nearly all of it is the target's.
fn fault(error: &hyper::Error) -> Fault {
    let Some(cause) = causes(error).find_map(|cause| cause.downcast_ref::<h2::Error>()) else {
        return Fault::target("the connection was closed before the answer was complete");
    };
    if let Some(error) = cause.get_io() {
        return match error.kind() {
            // Such as a refusal that TLS 1.3 sends after its handshake.
            io::ErrorKind::InvalidData => Fault::Target(format!("the answer cannot be read: {error}")),
            kind => Fault::of_io(kind.into(), "read the answer"),
        };
    }
    match cause.reason() {
        Some(reason) if cause.is_remote() => Fault::Target(format!("the server broke off: {reason} ({reason:?})")),
        // Such as a greeting of another protocol.
        _ => Fault::Target(format!("the answer is not HTTP/2 that can be read: {cause}")),
    }
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |cause| cause.source())
}
