//! Git over HTTPS: the real `git http-backend`, behind a server that demands a token.
#![allow(clippy::expect_used, reason = "a test cannot go on without its server, and says what failed")]

use std::{
    convert::Infallible,
    io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use data_encoding::BASE64;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    HeaderMap, Request, Response,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::{find::require, group::Group, run};
use crate::{certificate::acceptor, door::Door, http_target::Reply};

/// The longest body of a request, in bytes; a longer one is answered with 413.
const LONGEST_REQUEST: usize = 16 * 1024 * 1024;
/// The longest answer of the backend, in bytes; the rest is cut off.
const LONGEST_ANSWER: u64 = 64 * 1024 * 1024;
/// How long a client may take for its handshake, for the head of a request, and for its body.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the backend may take for one request.
const BACKEND_TIMEOUT: Duration = Duration::from_secs(30);

/// The repositories of a folder over HTTPS on a free port of 127.0.0.1, for whoever brings the token. It ends, with every
/// connection, when it is dropped.
///
/// A repository is written to where its own configuration says `http.receivepack = true`. The certificate is signed by an
/// authority of the server's own.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use runbook_testkit::{TempRepository, parts::GitHttps};
///
/// let remote = TempRepository::bare();
/// let Some(server) = GitHttps::start(remote.path(), "a-token").await else { return };
/// assert!(server.authority().is_file());
/// assert!(server.url("/").starts_with("https://127.0.0.1:"));
/// assert!(server.seen().is_empty());
/// # });
/// ```
#[derive(Debug)]
pub struct GitHttps {
    door: Door,
    folder: TempDir,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    git: PathBuf,
    root: PathBuf,
    authorization: String,
    orders: Mutex<Orders>,
}

#[derive(Debug, Default)]
struct Orders {
    instead: Option<Reply>,
    seen: Vec<String>,
}

impl GitHttps {
    /// Serves the repositories of a folder; `None`, with a loud line, where git is not installed.
    ///
    /// # Panics
    /// When no port of 127.0.0.1 could be bound, or git is missing although parts are required.
    pub async fn start(root: &Path, token: &str) -> Option<Self> {
        let git = require("git", "git")?;
        let folder = TempDir::with_prefix("runbook-git-https-").expect("failed to make a temporary folder");
        let acceptor = acceptor("127.0.0.1", "authority of the test", &folder.path().join("ca.pem"));
        // A token as forges take it (RFC 7617): any user, the token as the password.
        let authorization = format!("Basic {}", BASE64.encode(format!("x-access-token:{token}").as_bytes()));
        let orders = Mutex::new(Orders::default());
        let shared = Arc::new(Shared { git, root: root.to_owned(), authorization, orders });
        let served = Arc::clone(&shared);
        let door = Door::open(move |stream| Box::pin(connection(stream, acceptor.clone(), Arc::clone(&served)))).await;
        Some(Self { door: door.expect("failed to bind a port of 127.0.0.1 for git over HTTPS"), folder, shared })
    }

    /// The address of a path below the folder, such as `/app.git`.
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.door.address())
    }

    /// The file of the authority's certificate, for git's `http.sslCAInfo`.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Answers every request that brings the token with this, instead of asking git; with `None`, git is asked again.
    pub fn answer_instead(&self, reply: Option<Reply>) {
        self.shared.orders().instead = reply;
    }

    /// Every request so far, oldest first, each with its answer: `200 GET /app.git/HEAD`.
    pub fn seen(&self) -> Vec<String> {
        self.shared.orders().seen.clone()
    }

    /// How many requests were refused so far, because they did not bring the token.
    pub fn refusals(&self) -> usize {
        self.seen().iter().filter(|seen| seen.starts_with("401 ")).count()
    }
}

impl Shared {
    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    // An error is a client that left, or one that does not trust the certificate.
    let Ok(Ok(stream)) = timeout(CLIENT_TIMEOUT, acceptor.accept(stream)).await else { return };
    let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CLIENT_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Full<Bytes>>, Infallible> {
    let what = format!("{} {}", request.method(), request.uri());
    let reply = reply(request, &shared).await;
    shared.orders().seen.push(format!("{} {what}", reply.status));
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name.as_str(), value.as_str());
    }
    Ok(response.body(Full::new(Bytes::from(reply.body))).expect("a reply of the backend or of a test is valid"))
}

async fn reply(request: Request<Incoming>, shared: &Shared) -> Reply {
    if header(request.headers(), AUTHORIZATION.as_str()) != shared.authorization {
        let refusal = Reply::new(401).with("www-authenticate", "Basic realm=\"git\"");
        return refusal.with("content-type", "text/plain").body("this token opens nothing here\n");
    }
    let instead = shared.orders().instead.clone();
    if let Some(reply) = instead {
        return reply;
    }
    let mut backend = backend(&request, shared);
    let body = match timeout(CLIENT_TIMEOUT, Limited::new(request.into_body(), LONGEST_REQUEST).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return Reply::new(413),
        Err(_) => return Reply::new(408),
    };
    backend.env("CONTENT_LENGTH", body.len().to_string());
    // A task of its own: a client that leaves must not end what was begun.
    match tokio::spawn(timeout(BACKEND_TIMEOUT, ask(backend, body))).await {
        Ok(Ok(Ok(answer))) => parse(&answer).unwrap_or_else(|| Reply::new(502)),
        Ok(Ok(Err(_)) | Err(_)) | Err(_) => Reply::new(504),
    }
}

/// The backend for a request, as a CGI program (RFC 3875) with the variables that `git http-backend` reads:
/// <https://git-scm.com/docs/git-http-backend#_environment>.
fn backend(request: &Request<Incoming>, shared: &Shared) -> Command {
    let mut command = run::command(&shared.git);
    command.arg("http-backend").env("GIT_PROJECT_ROOT", &shared.root).env("GIT_HTTP_EXPORT_ALL", "1");
    // Nothing of the user's or the machine's settings has a say.
    command.env("HOME", &shared.root).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.env("REQUEST_METHOD", request.method().as_str()).env("PATH_INFO", request.uri().path());
    command.env("QUERY_STRING", request.uri().query().unwrap_or_default());
    command.env("REMOTE_USER", "x-access-token").env("REMOTE_ADDR", "127.0.0.1");
    for (variable, name) in [
        ("CONTENT_TYPE", CONTENT_TYPE.as_str()),
        ("HTTP_CONTENT_ENCODING", CONTENT_ENCODING.as_str()),
        ("GIT_PROTOCOL", "git-protocol"),
    ] {
        command.env(variable, header(request.headers(), name));
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0).kill_on_drop(true);
    command
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Hands the backend the body and reads what it answers. Dropped, it ends the backend with all that it started.
async fn ask(mut backend: Command, body: Bytes) -> io::Result<Vec<u8>> {
    let mut child = backend.spawn()?;
    let _group = child.id().map(Group::led_by);
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let write = async move {
        if let Some(mut stdin) = stdin {
            // One that reads no further has its reasons, and its answer tells them.
            let _ = stdin.write_all(&body).await;
        }
    };
    let read = async move {
        let mut answer = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
        }
        Ok::<_, io::Error>(answer)
    };
    let ((), answer) = tokio::join!(write, read);
    child.wait().await?;
    answer
}

/// Reads a CGI answer: headers, of which one may be the status, then the body.
fn parse(answer: &[u8]) -> Option<Reply> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let mut reply = Reply::new(200).body(&answer[end + 4..]);
    for line in std::str::from_utf8(&answer[..end]).ok()?.lines() {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            reply.status = value.split(' ').next()?.parse().ok()?;
        } else if !name.eq_ignore_ascii_case("content-length") {
            reply = reply.with(name, value);
        }
    }
    Some(reply)
}
