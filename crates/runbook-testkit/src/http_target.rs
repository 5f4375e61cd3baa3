//! An HTTP service that misbehaves on order, on plain TCP, so that its faults are real ones.
//!
//! It speaks just enough HTTP/1.1 (RFC 9112) to answer one request per connection. It knows no TLS.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{door::Door, tcp_target::until_the_client_leaves};

/// The longest request that is read, in bytes; the rest is ignored.
const LONGEST_REQUEST: usize = 1024 * 1024;
/// How long a client may take to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// So many requests are kept; older ones are forgotten.
const KEPT: usize = 10_000;

/// A plain answer.
///
/// ```
/// use runbook_testkit::Reply;
///
/// let reply = Reply::new(503).with("retry-after", "5").body("try later");
/// assert_eq!(reply.status, 503);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Headers beside `Content-Length` and `Connection: close`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// A status without a body.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// 200 with a JSON body.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::new(200).with("content-type", "application/json").body(value.to_string())
    }

    /// 200 with a text body.
    pub fn text(body: &str) -> Self {
        Self::new(200).with("content-type", "text/plain; charset=utf-8").body(body)
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body; any bytes.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Ordered\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", self.body.len()));
        head.into_bytes()
    }
}

/// How a request is treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// A plain answer.
    Answer(Reply),
    /// A plain answer whose first byte is this late.
    SlowFirstByte(Duration, Reply),
    /// The head at once, the body in pieces with a pause before each (a slow loris).
    SlowBody {
        /// The answer.
        reply: Reply,
        /// How many bytes a piece has; at least one.
        piece: usize,
        /// The pause.
        pause: Duration,
    },
    /// The head promises the whole body; half of it comes, then the connection is closed.
    CloseMidBody(Reply),
    /// The connection is closed without an answer.
    CloseWithoutAnswer,
    /// The connection is reset (RST) without an answer.
    Reset,
    /// There is never an answer; the connection stays open until the client leaves.
    Hang,
    /// A body without an end, as fast as the client takes it; at most so many bytes, then the connection is closed.
    EndlessBody(u64),
    /// Each answer redirects to another path of this target, without an end.
    RedirectLoop,
    /// These bytes instead of an answer, then the connection is closed.
    Raw(Vec<u8>),
}

impl Behaviour {
    /// 200 and `text/plain; charset=utf-8`, with a body that is not UTF-8.
    pub fn invalid_utf8() -> Self {
        Self::Answer(Reply::text("").body(*b"\xff\xfe{\"status\": \"\xc3\x28\"}"))
    }
}

impl From<Reply> for Behaviour {
    fn from(reply: Reply) -> Self {
        Self::Answer(reply)
    }
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The request target: path and query, as sent.
    pub target: String,
    /// The headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Seen {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A misbehaving HTTP service on a free port of 127.0.0.1. It ends, with every connection, when it is dropped.
///
/// ```
/// use runbook_testkit::{Behaviour, HttpTarget, Reply};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let target = HttpTarget::start(Reply::text("fine")).await;
/// // The next two requests go wrong, each in its own way; then all is well again.
/// target.script([Behaviour::Reset, Behaviour::Hang]);
/// // … probe `target.url("/health")`, then look at what was asked:
/// assert_eq!(target.requests().len(), 0);
/// # });
/// ```
#[derive(Debug)]
pub struct HttpTarget {
    door: Door,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    orders: Mutex<Orders>,
    connections: AtomicU64,
    body_bytes: AtomicU64,
}

#[derive(Debug)]
struct Orders {
    script: VecDeque<Behaviour>,
    paths: HashMap<String, Behaviour>,
    otherwise: Behaviour,
    seen: VecDeque<Seen>,
}

impl HttpTarget {
    /// Starts one that treats every request like this.
    ///
    /// # Panics
    /// When no port of 127.0.0.1 could be bound.
    #[allow(clippy::expect_used, reason = "a test cannot go on without its server")]
    pub async fn start(behaviour: impl Into<Behaviour>) -> Self {
        let orders = Orders {
            script: VecDeque::new(),
            paths: HashMap::new(),
            otherwise: behaviour.into(),
            seen: VecDeque::new(),
        };
        let shared = Arc::new(Shared {
            orders: Mutex::new(orders),
            connections: AtomicU64::new(0),
            body_bytes: AtomicU64::new(0),
        });
        let served = Arc::clone(&shared);
        let door = Door::open(move |stream| {
            let shared = Arc::clone(&served);
            Box::pin(async move {
                // Errors are clients that left, which is what many of the faults are for.
                let _ = serve(stream, &shared).await;
            })
        });
        Self { door: door.await.expect("failed to bind a port of 127.0.0.1 for an HTTP target"), shared }
    }

    /// The address of a path, such as `/health`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.door.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Treats every request like this from now on, unless a script or a path says otherwise.
    pub fn set(&self, behaviour: impl Into<Behaviour>) {
        self.shared.orders().otherwise = behaviour.into();
    }

    /// Treats requests for one path (without its query) like this from now on.
    pub fn set_path(&self, path: &str, behaviour: impl Into<Behaviour>) {
        self.shared.orders().paths.insert(path.to_owned(), behaviour.into());
    }

    /// Treats the next requests like these, one each, whatever their path. Adds to a script that is not over.
    pub fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.shared.orders().script.extend(behaviours);
    }

    /// Every request so far, oldest first; at most the newest 10,000.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.orders().seen.iter().cloned().collect()
    }

    /// How many connections were accepted so far, also those that sent no request.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many bytes of endless bodies the network took so far: shows whether a client stopped reading.
    pub fn endless_bytes(&self) -> u64 {
        self.shared.body_bytes.load(Ordering::SeqCst)
    }

    /// Refuses connections from now on, and ends those that are open. The port stays this target's.
    ///
    /// # Panics
    /// When the port could not be kept.
    #[allow(clippy::expect_used, reason = "a test whose target does not refuse would show nothing")]
    pub async fn refuse(&self) {
        self.door.close().await.expect("failed to close the port of an HTTP target");
    }

    /// Accepts connections again.
    ///
    /// # Panics
    /// When the port could not be opened again.
    #[allow(clippy::expect_used, reason = "a test cannot go on without its server")]
    pub fn accept(&self) {
        self.door.reopen().expect("failed to open the port of an HTTP target again");
    }
}

impl Shared {
    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    shared.connections.fetch_add(1, Ordering::SeqCst);
    let Some(seen) = timeout(REQUEST_TIMEOUT, read_request(&mut stream)).await?? else { return Ok(()) };
    let count;
    let behaviour = {
        let mut orders = shared.orders();
        let path = seen.target.split('?').next().unwrap_or_default();
        let by_path = orders.paths.get(path).cloned();
        let behaviour = orders.script.pop_front().or(by_path).unwrap_or_else(|| orders.otherwise.clone());
        if orders.seen.len() == KEPT {
            orders.seen.pop_front();
        }
        orders.seen.push_back(seen);
        count = orders.seen.len();
        behaviour
    };
    let mut lingering = true;
    match behaviour {
        Behaviour::Answer(reply) => send(&mut stream, &reply).await?,
        Behaviour::SlowFirstByte(wait, reply) => {
            sleep(wait).await;
            send(&mut stream, &reply).await?;
        }
        Behaviour::SlowBody { reply, piece, pause } => {
            stream.write_all(&reply.head()).await?;
            for piece in reply.body.chunks(piece.max(1)) {
                sleep(pause).await;
                stream.write_all(piece).await?;
            }
        }
        Behaviour::CloseMidBody(reply) => {
            stream.write_all(&reply.head()).await?;
            stream.write_all(&reply.body[..reply.body.len() / 2]).await?;
        }
        Behaviour::CloseWithoutAnswer => {}
        Behaviour::Reset => {
            // With a linger time of zero, closing sends RST instead of FIN.
            stream.set_zero_linger()?;
            lingering = false;
        }
        Behaviour::Hang => until_the_client_leaves(&mut stream).await?,
        Behaviour::EndlessBody(limit) => endless(&mut stream, limit, &shared.body_bytes).await?,
        Behaviour::RedirectLoop => {
            let reply = Reply::new(302).with("location", &format!("/redirected/{count}"));
            send(&mut stream, &reply).await?;
        }
        Behaviour::Raw(bytes) => stream.write_all(&bytes).await?,
    }
    if lingering {
        stream.shutdown().await?;
    }
    Ok(())
}

async fn send(stream: &mut TcpStream, reply: &Reply) -> io::Result<()> {
    stream.write_all(&reply.head()).await?;
    stream.write_all(&reply.body).await
}

/// Chunked (RFC 9112, section 7.1), without the last chunk.
async fn endless(stream: &mut TcpStream, limit: u64, sent: &AtomicU64) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 Ordered\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n").await?;
    let mut chunk = b"1000\r\n".to_vec();
    chunk.extend([b'x'; 0x1000]);
    chunk.extend(b"\r\n");
    let mut left = limit;
    while left > 0 {
        stream.write_all(&chunk).await?;
        sent.fetch_add(0x1000, Ordering::SeqCst);
        left = left.saturating_sub(0x1000);
    }
    Ok(())
}

/// Reads head and body; `None` when the client sent no whole request.
async fn read_request(stream: &mut TcpStream) -> io::Result<Option<Seen>> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if bytes.len() >= LONGEST_REQUEST || stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut seen = Seen { method, target, headers, body: bytes.split_off(head_end) };
    let length = seen.header("content-length").and_then(|value| value.parse::<usize>().ok()).unwrap_or(0);
    while seen.body.len() < length.min(LONGEST_REQUEST) {
        if stream.read_buf(&mut seen.body).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(seen))
}
