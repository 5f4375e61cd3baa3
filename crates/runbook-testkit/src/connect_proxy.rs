//! A proxy: `CONNECT`, and then bytes in both directions.
#![allow(clippy::expect_used, reason = "a test cannot go on without its server, and says what failed")]

use std::{
    io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use crate::{certificate::acceptor, door::Door};

/// The longest head of a request, in bytes.
const LONGEST_HEAD: usize = 8 * 1024;
/// How long a client may take for the head of its request, and for its handshake.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(10);

/// A proxy on a free port of 127.0.0.1, which answers for one host: whoever asks to be connected to it over TLS is
/// shown a certificate for that name, and is connected to another address without TLS. Every other host is refused with
/// 502. It ends, with every connection, when it is dropped.
///
/// ```
/// use runbook_testkit::{ConnectProxy, HttpTarget, Reply};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let folder = tempfile::tempdir().unwrap();
/// let target = HttpTarget::start(Reply::text("fine")).await;
/// let authority = folder.path().join("ca.pem");
/// let proxy = ConnectProxy::start("git.example.com", target.address(), &authority, None).await;
/// // … a client that trusts `authority` asks for https://git.example.com through `proxy.url()`, and then:
/// assert!(proxy.heads().is_empty());
/// # });
/// ```
#[derive(Debug)]
pub struct ConnectProxy {
    door: Door,
    heads: Arc<Mutex<Vec<String>>>,
}

impl ConnectProxy {
    /// Starts one for `host` (port 443), whose bytes go to `to`. The certificate of its authority is written to a file.
    /// With a `password`, user and password (`mona:secret`, as RFC 7617 has them) are demanded, and 407 is the answer to
    /// whoever does not bring them.
    ///
    /// # Panics
    /// When no port of 127.0.0.1 could be bound, or no certificate could be made.
    pub async fn start(host: &str, to: SocketAddr, authority: &Path, password: Option<&str>) -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let acceptor = acceptor(host, "authority of the proxy", authority);
        let line = format!("CONNECT {host}:443 HTTP/1.1");
        let wanted = password.map(|p| format!("Basic {}", data_encoding::BASE64.encode(p.as_bytes())));
        let kept = Arc::clone(&heads);
        let door = Door::open(move |stream| {
            let (acceptor, line, wanted, kept) = (acceptor.clone(), line.clone(), wanted.clone(), Arc::clone(&kept));
            Box::pin(async move {
                // An error is a client that left, or one that does not trust the certificate.
                let _ = connection(stream, acceptor, to, &line, wanted.as_deref(), &kept).await;
            })
        });
        Self { door: door.await.expect("failed to bind a port of 127.0.0.1 for the proxy"), heads }
    }

    /// Its address, such as `http://127.0.0.1:3128`.
    pub fn url(&self) -> String {
        format!("http://{}", self.door.address())
    }

    /// Its address with user and password in it.
    pub fn url_with(&self, password: &str) -> String {
        format!("http://{password}@{}", self.door.address())
    }

    /// The head of every request so far, oldest first.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn connection(
    mut stream: TcpStream,
    acceptor: TlsAcceptor,
    to: SocketAddr,
    line: &str,
    wanted: Option<&str>,
    heads: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let head = timeout(CLIENT_TIMEOUT, head(&mut stream)).await??;
    let brings = |wanted: &str| {
        head.lines().any(|field| {
            field
                .split_once(": ")
                .is_some_and(|(name, v)| name.eq_ignore_ascii_case("proxy-authorization") && v == wanted)
        })
    };
    let refusal = if head.lines().next() != Some(line) {
        Some("502 Bad Gateway")
    } else if !wanted.is_none_or(brings) {
        Some("407 Proxy Authentication Required")
    } else {
        None
    };
    heads.lock().unwrap_or_else(PoisonError::into_inner).push(head);
    if let Some(status) = refusal {
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        return stream.write_all(answer.as_bytes()).await;
    }
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    let mut inside = timeout(CLIENT_TIMEOUT, acceptor.accept(stream)).await??;
    let mut target = TcpStream::connect(to).await?;
    tokio::io::copy_bidirectional(&mut inside, &mut target).await.map(drop)
}

/// Everything up to the empty line, and not a byte more: what follows is the client's handshake.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).trim_end().to_owned())
}
