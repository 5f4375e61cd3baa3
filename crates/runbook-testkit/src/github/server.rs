//! The server: sockets, bodies, and faults that only a connection can show.

use std::{
    convert::Infallible, io, net::SocketAddr, path::PathBuf, sync::Arc, sync::Mutex, sync::MutexGuard,
    sync::PoisonError, time::Duration,
};

use futures::StreamExt;
use http_body_util::{BodyExt, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Request, Response,
    body::{Bytes, Frame, Incoming},
    header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, IF_NONE_MATCH, USER_AGENT},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use runbook_core::ports::{Clock, SystemClock};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use super::{
    answer::Answer,
    call::Call,
    exchange::{self, Exchanges},
    fault::{Fault, FaultKind},
    grant::Grant,
    record::Recorded,
    world::{Visitor, World},
};

/// The longest request body, in bytes; a longer one is answered with 413.
const LONGEST_REQUEST: usize = 1024 * 1024;
/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may take to send a request's body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A fake GitHub, running.
///
/// One repository, `octo-org/octo-repo` unless the builder names others, with a branch `main`; one valid token. The
/// server runs on the runtime that it was started on (also a current-thread one) and ends when this is dropped, together
/// with every open connection. Methods that arrange or read state act on the first repository.
///
/// It differs from GitHub on purpose: every request needs a token, and links lead to the fake itself.
///
/// ```
/// use runbook_testkit::github::{FakeGitHub, Fault, FaultKind};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let github = FakeGitHub::start().await;
/// github.add_issue("an issue of somebody else", "", &["bug"], "octocat");
/// // The next created issue is made, but the client never hears of it.
/// github.fail(Fault::new(FaultKind::LostResponse).on("POST", "/issues"));
/// // … drive a client against `github.url()` with `github.token()`, then look at what it did:
/// assert!(github.requests().is_empty());
/// assert_eq!(github.issues().len(), 1);
/// # });
/// ```
#[derive(Debug)]
pub struct FakeGitHub {
    address: SocketAddr,
    token: String,
    world: Arc<Mutex<World>>,
    server: JoinHandle<()>,
}

/// Settles what a [`FakeGitHub`] starts with.
#[derive(Debug, Clone)]
pub struct FakeGitHubBuilder {
    grant: Grant,
    repositories: Vec<(String, String)>,
    clock: Arc<dyn Clock>,
    exchanges: Option<PathBuf>,
}

impl FakeGitHubBuilder {
    /// Whose token [`FakeGitHub::token`] is; by default that of a user `runbook[bot]` who may do everything.
    #[must_use]
    pub fn grant(mut self, grant: Grant) -> Self {
        self.grant = grant;
        self
    }

    /// Adds a repository. The first one is what the methods of [`FakeGitHub`] act on.
    #[must_use]
    pub fn repository(mut self, owner: impl Into<String>, name: impl Into<String>) -> Self {
        self.repositories.push((owner.into(), name.into()));
        self
    }

    /// What the fake's times come from; by default the machine's clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where every exchange is written down, each fake in a file of its own; by default the folder that the variable
    /// `RUNBOOK_RECORD_GITHUB` names, and nowhere without it. Bodies are in it, headers and so the token are not.
    #[must_use]
    pub fn exchanges(mut self, folder: impl Into<PathBuf>) -> Self {
        self.exchanges = Some(folder.into());
        self
    }

    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When no port could be bound, or the file of exchanges could not be made.
    pub async fn start(self) -> io::Result<FakeGitHub> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let mut world = World::new(format!("http://{address}"), self.clock);
        if self.repositories.is_empty() {
            world.add_repository("octo-org", "octo-repo");
        }
        for (owner, name) in &self.repositories {
            world.add_repository(owner, name);
        }
        world.exchanges = self.exchanges.as_deref().map(Exchanges::in_folder).transpose()?;
        let token = world.add_token(self.grant);
        let world = Arc::new(Mutex::new(world));
        let server = tokio::spawn(serve(listener, Arc::clone(&world)));
        Ok(FakeGitHub { address, token, world, server })
    }
}

impl FakeGitHub {
    /// Starts one with everything as by default.
    ///
    /// # Panics
    /// When no port of 127.0.0.1 could be bound; [`FakeGitHub::builder`] returns that as an error.
    #[allow(clippy::expect_used, reason = "a test cannot go on without its server; the builder is there for programs")]
    pub async fn start() -> Self {
        Self::builder().start().await.expect("failed to bind a port of 127.0.0.1 for the fake GitHub")
    }

    /// Settles first what it starts with.
    pub fn builder() -> FakeGitHubBuilder {
        FakeGitHubBuilder {
            grant: Grant::user("runbook[bot]"),
            repositories: Vec::new(),
            clock: Arc::new(SystemClock),
            exchanges: exchange::folder(),
        }
    }

    /// The base address of the API, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A valid token.
    pub fn token(&self) -> String {
        self.token.clone()
    }

    /// The state, for as long as the guard lives. Handlers hold it only while they answer, so nothing waits long.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }
}

impl Drop for FakeGitHub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A panic of one handler must not hide the state from the assertions that follow.
fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Accepts until it is aborted; the connections are its own, so they end with it.
async fn serve(listener: TcpListener, world: Arc<Mutex<World>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&world)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, world: Arc<Mutex<World>>) {
    let service = service_fn(move |request| respond(request, Arc::clone(&world)));
    // An error is a client that left, or a fault that ends the connection: both are meant.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Answers one request. An error closes the connection without an answer.
async fn respond(request: Request<Incoming>, world: Arc<Mutex<World>>) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let (path, query) = (head.uri.path().to_owned(), head.uri.query().unwrap_or_default().to_owned());
    let body = match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, LONGEST_REQUEST).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return Ok(whole(Answer::refusal(413, "Payload too large"))),
        Err(_) => return Ok(whole(Answer::refusal(408, "Request Timeout"))),
    };
    let visitor = Visitor {
        user_agent: header(&head.headers, &USER_AGENT),
        authorization: header(&head.headers, &AUTHORIZATION),
        if_none_match: header(&head.headers, &IF_NONE_MATCH),
    };
    let mut recorded = Recorded {
        method: head.method.to_string(),
        path: path.clone(),
        query: query.clone(),
        headers: head.headers.iter().map(|(name, value)| remembered(name.as_str(), value)).collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
        status: None,
    };
    let (answer, kind) = {
        let mut world = lock(&world);
        let fault = world.faults.strike(&recorded.method, &path);
        let call = Call::new(&recorded.method, &path, &query, body.to_vec());
        let (answer, kind) = carry_out(&mut world, fault, call, &visitor);
        recorded.status = answer.as_ref().map(|answer| answer.status);
        if let Some(exchanges) = &mut world.exchanges {
            exchanges.write(&recorded, answer.as_ref(), kind.as_ref());
        }
        world.log.push(recorded);
        (answer, kind)
    };
    match (answer, kind) {
        (Some(answer), Some(FaultKind::Truncated)) => Ok(truncated(answer)),
        (Some(answer), Some(FaultKind::Delay(late))) => {
            tokio::time::sleep(late).await;
            Ok(whole(answer))
        }
        (Some(answer), _) => Ok(whole(answer)),
        (None, Some(FaultKind::Hang)) => std::future::pending().await,
        (None, _) => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}

/// Changes the state, where the fault lets it, and says what the client gets: `None` is no answer at all.
fn carry_out(
    world: &mut World,
    fault: Option<Fault>,
    call: Call,
    visitor: &Visitor,
) -> (Option<Answer>, Option<FaultKind>) {
    let Some(Fault { kind, carried_out, .. }) = fault else { return (Some(world.answer(call, visitor)), None) };
    let real = carried_out.then(|| world.answer(call, visitor));
    let answer = match &kind {
        FaultKind::LostResponse | FaultKind::LostRequest | FaultKind::Hang => None,
        // Without a real answer there is nothing to be late with or to cut.
        FaultKind::Delay(_) | FaultKind::Truncated => real,
        FaultKind::Status { .. }
        | FaultKind::Html { .. }
        | FaultKind::RateLimitedPrimary
        | FaultKind::RateLimitedSecondary { .. } => Some(world.fault(&kind)),
    };
    (answer, Some(kind))
}

fn header(headers: &HeaderMap, name: &hyper::header::HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// A header as it is kept: a token never is.
fn remembered(name: &str, value: &hyper::header::HeaderValue) -> (String, String) {
    let value = String::from_utf8_lossy(value.as_bytes());
    let kept = match value.split_once(' ') {
        Some((scheme, _)) if name == "authorization" => format!("{scheme} ***"),
        None if name == "authorization" => "***".to_owned(),
        _ => value.into_owned(),
    };
    (name.to_owned(), kept)
}

fn whole(answer: Answer) -> Response<Body> {
    let body = Full::new(Bytes::from(answer.body.clone())).map_err(|never: Infallible| match never {});
    response(&answer, None, body.boxed_unsync())
}

/// Promises the whole body, sends half of it, and ends the connection.
fn truncated(answer: Answer) -> Response<Body> {
    let half = Bytes::copy_from_slice(&answer.body[..answer.body.len() / 2]);
    let sent = futures::stream::once(async move { Ok(Frame::data(half)) });
    let cut = futures::stream::once(async {
        // While the body waits, the connection sends what it has.
        tokio::task::yield_now().await;
        Err(io::ErrorKind::ConnectionAborted.into())
    });
    response(&answer, Some(answer.body.len()), StreamBody::new(sent.chain(cut)).boxed_unsync())
}

fn response(answer: &Answer, promised: Option<usize>, body: Body) -> Response<Body> {
    let mut builder = Response::builder().status(answer.status).header("server", "github.com");
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    if let Some(length) = promised {
        builder = builder.header(CONTENT_LENGTH, length);
    }
    builder.body(body).unwrap_or_else(|error| {
        // Only an ordered fault with an impossible header or status gets here; the test should see why.
        let text = Full::new(Bytes::from(format!("the ordered answer is not possible: {error}")));
        let mut broken = Response::new(text.map_err(|never: Infallible| match never {}).boxed_unsync());
        *broken.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        broken
    })
}
