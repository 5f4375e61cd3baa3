//! HTTP/2 against a real server of it: agreed on over TLS, or spoken with prior knowledge.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, Version,
    body::{Bytes, Frame, Incoming},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use runbook_core::{
    Health, Reading,
    ports::{Probe, ProbeError},
    registry::ProbeDefinition,
};
use runbook_health::{HttpProbe, HttpSettings};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    authority::{Authority, Manner},
    server::{Act, Server, ok},
    support::{TOKEN, assert_reading, http, try_http},
};

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// One thing that the server does with a request, after its head.
#[derive(Debug, Clone, Copy)]
enum Says {
    /// `fine`, whole.
    Fine,
    /// Ten gigabytes are announced and sent without end.
    Forever,
    /// A byte now and then, of very many.
    Drips,
    /// Half of what it announced, then an end with an error.
    BreaksOff,
    /// Less than it announced, as if that were all.
    TooLittle,
    /// A head that is too large.
    Flood,
    /// Another place.
    Moved,
}

impl Says {
    fn body(self) -> Body {
        let piece = |bytes: &'static [u8]| Ok(Frame::data(Bytes::from_static(bytes)));
        match self {
            Self::Fine => {
                Full::new(Bytes::from_static(b"fine")).map_err(|never: Infallible| match never {}).boxed_unsync()
            }
            Self::Forever => StreamBody::new(stream::repeat_with(move || piece(&[b'x'; 4096]))).boxed_unsync(),
            Self::Drips => {
                let drip = move |()| async move {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Some((piece(b"x"), ()))
                };
                StreamBody::new(stream::unfold((), drip)).boxed_unsync()
            }
            Self::BreaksOff => {
                let end = Err(std::io::Error::other("the test's server breaks off"));
                StreamBody::new(stream::iter([piece(b"half"), end])).boxed_unsync()
            }
            Self::TooLittle => StreamBody::new(stream::iter([piece(b"half")])).boxed_unsync(),
            Self::Flood | Self::Moved => {
                Full::new(Bytes::new()).map_err(|never: Infallible| match never {}).boxed_unsync()
            }
        }
    }

    fn answer(self) -> Response<Body> {
        let mut answer = Response::new(self.body());
        let headers = answer.headers_mut();
        match self {
            Self::Forever | Self::Drips => {
                headers.insert("content-length", 10_000_000_000_u64.into());
            }
            Self::BreaksOff | Self::TooLittle => {
                headers.insert("content-length", 100.into());
            }
            Self::Flood => {
                headers.insert("x-flood", "a".repeat(100_000).parse().unwrap());
            }
            Self::Moved => {
                *answer.status_mut() = hyper::StatusCode::FOUND;
                answer.headers_mut().insert("location", "/end".parse().unwrap());
            }
            Self::Fine => {}
        }
        answer
    }
}

/// A server of HTTP/2, and of HTTP/1.1 where that was agreed on.
struct Modern {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Modern {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Modern {
    async fn start(acceptor: Option<TlsAcceptor>, says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Some(acceptor) = acceptor else { return serve(stream, Version::HTTP_2, says, seen).await };
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let is_modern = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    serve(stream, if is_modern { Version::HTTP_2 } else { Version::HTTP_11 }, says, seen).await;
                });
            }
        });
        Self { address, heard, task }
    }

    /// With prior knowledge.
    async fn plain(says: Says) -> Self {
        Self::start(None, says).await
    }

    async fn secure(authority: &Authority, protocols: &'static [&'static [u8]]) -> Self {
        let acceptor = authority.acceptor(&["localhost"], Manner { protocols, ..Manner::default() });
        Self::start(Some(acceptor), Says::Fine).await
    }

    /// Each request as `HTTP/2.0 GET https://authority/path headers body`.
    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    version: Version,
    says: Says,
    heard: Arc<Mutex<Vec<String>>>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let heard = Arc::clone(&heard);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let line = format!("{:?} {} {} {:?} {body:?}", head.version, head.method, head.uri, head.headers);
            heard.lock().unwrap().push(line);
            let is_end = head.uri.path() == "/end";
            let mut answer = if is_end { Says::Fine.answer() } else { says.answer() };
            if head.method == Method::HEAD {
                *answer.body_mut() = Says::Moved.body();
                answer.headers_mut().insert("content-length", 4.into());
            }
            Ok::<_, Infallible>(answer)
        }
    });
    if version == Version::HTTP_2 {
        let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
    } else {
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    }
}

/// Over TLS, trusting the authority.
async fn secured(authority: &Authority, server: SocketAddr, version: Option<&str>) -> Result<Reading, ProbeError> {
    let version = version.map(|version| format!(r#""version": "{version}","#)).unwrap_or_default();
    let settings = format!(
        r#"{{"url": "https://localhost:{}/health", {version} "ca_file": "ca.pem", "expect": {{"body": "fine"}}}}"#,
        server.port()
    );
    let settings: HttpSettings = serde_json::from_str(&settings).unwrap();
    HttpProbe::build(settings, &authority.scope()).unwrap().sample().await
}

/// With prior knowledge.
async fn known(server: &Modern, settings: &str) -> Reading {
    let settings = settings.replacen('{', r#"{"version": "2","#, 1).replace(",}", "}");
    http(&format!("http://{}/start", server.address), &settings).await.unwrap()
}

#[tokio::test]
async fn over_tls_both_sides_agree_on_the_version() {
    let authority = Authority::new();
    let both = Modern::secure(&authority, &[b"h2", b"http/1.1"]).await;
    let old = Modern::secure(&authority, &[b"http/1.1"]).await;
    let silent = Modern::secure(&authority, &[]).await;
    for (server, version, spoken) in [
        (&both, None, "HTTP/2.0"),
        (&both, Some("2"), "HTTP/2.0"),
        (&both, Some("1.1"), "HTTP/1.1"),
        (&old, None, "HTTP/1.1"),
        (&silent, None, "HTTP/1.1"),
        (&silent, Some("1.1"), "HTTP/1.1"),
    ] {
        let reading = secured(&authority, server.address, version).await.unwrap();
        assert_reading(&reading, Health::Healthy, "/health → 200 in");
        assert!(reading.phases.tls_ms.is_some() && reading.phases.body_ms.is_some(), "{:?}", reading.phases);
        assert!(reading.certificate_not_after.is_some());
        assert!(server.heard().last().unwrap().starts_with(spoken), "{version:?}: {:?}", server.heard());
    }
}

#[tokio::test]
async fn a_server_without_http2_is_unhealthy_where_it_is_demanded() {
    let authority = Authority::new();
    let old = Modern::secure(&authority, &[b"http/1.1"]).await;
    let reading = secured(&authority, old.address, Some("2")).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ TLS failed: the server speaks none of the protocols");
    let silent = Modern::secure(&authority, &[]).await;
    let reading = secured(&authority, silent.address, Some("2")).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ the server does not offer HTTP/2");
    assert!(silent.heard().is_empty(), "nothing was asked in another version");
    let plain = Server::answering(ok("fine")).await;
    let reading = http(&plain.url("/"), r#"{"version": "2"}"#).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ the answer is not HTTP/2 that can be read");
}

/// TLS 1.3 refuses after its handshake, when HTTP/2 has begun: that is the server's word too.
#[tokio::test]
async fn a_client_that_is_turned_away_is_unhealthy() {
    let authority = Authority::new();
    let manner = Manner { clients: Some(&authority), protocols: &[b"h2"], ..Manner::default() };
    let server = Modern::start(Some(authority.acceptor(&["localhost"], manner)), Says::Fine).await;
    let reading = secured(&authority, server.address, None).await.unwrap();
    assert_eq!(reading.health, Health::Unhealthy, "{}", reading.evidence);
    assert!(server.heard().is_empty(), "{:?}", server.heard());
}

#[tokio::test]
async fn the_request_is_what_was_configured() {
    let server = Modern::plain(Says::Fine).await;
    let settings = r#"{"method": "post", "body": "{}", "headers": {"X-Key": "value", "Host": "virtual.example"},
        "bearer_env": "API_TOKEN", "expect": {"body": "fine"}}"#;
    let reading = known(&server, settings).await;
    assert_reading(&reading, Health::Healthy, "POST http://127.0.0.1");
    let request = server.heard().remove(0);
    assert!(request.starts_with("HTTP/2.0 POST http://virtual.example/start "), "{request}");
    for part in [r#""x-key": "value""#, r#""content-length": "2""#, &format!("Bearer {TOKEN}"), r#"b"{}""#] {
        assert!(request.contains(part), "{part} is not in {request}");
    }
    assert!(!request.contains(r#""host""#), "{request}");
    let reading = known(&server, r#"{"method": "HEAD"}"#).await;
    assert_reading(&reading, Health::Healthy, "HEAD http://127.0.0.1");
}

#[tokio::test]
async fn redirects_are_followed_over_a_connection_each() {
    let server = Modern::plain(Says::Moved).await;
    let reading = known(&server, r#"{"redirects": 1, "expect": {"body": "fine"}}"#).await;
    assert_reading(&reading, Health::Healthy, "→ 1 redirect → ");
    assert_eq!(server.heard().len(), 2);
}

#[tokio::test]
async fn a_body_without_end_is_read_to_the_limit_only() {
    let server = Modern::plain(Says::Forever).await;
    let reading = known(&server, r#"{"max_body": 3000000, "expect": {"body": "~ y"}}"#).await;
    assert_reading(&reading, Health::Unknown, "but the body is larger than 3000000 bytes (`max_body`)");
}

#[tokio::test]
async fn a_body_that_drips_ends_with_the_timeout() {
    let server = Modern::plain(Says::Drips).await;
    let started = Instant::now();
    let reading = known(&server, r#"{"timeout": "300ms"}"#).await;
    assert_reading(&reading, Health::Unhealthy, "→ 200, but the answer was not complete within 300 ms");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_unhealthy() {
    let server = Modern::plain(Says::BreaksOff).await;
    // The status is lost where the end overtakes it.
    assert_reading(&known(&server, "{}").await, Health::Unhealthy, "the server broke off: ");
    let server = Modern::plain(Says::TooLittle).await;
    assert_reading(&known(&server, "{}").await, Health::Unhealthy, "→ 200, but ");
}

#[tokio::test]
async fn a_flood_of_headers_is_cut_off() {
    let server = Modern::plain(Says::Flood).await;
    assert_reading(&known(&server, "{}").await, Health::Unhealthy, "→ the answer is not HTTP/2 that can be read");
}

/// A preface, and then nothing, an end, or what is no frame.
#[tokio::test]
async fn a_server_that_says_little_or_nonsense_is_unhealthy() {
    let silent = Server::acting([Act::Hold]).await;
    let reading = http(&silent.url("/"), r#"{"version": "2", "timeout": "200ms"}"#).await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ connected, but no answer within 200 ms");
    let settings_frame = b"\0\0\0\x04\0\0\0\0\0".to_vec();
    let goaway = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x0b".to_vec();
    for (acts, words) in [
        (vec![], "→ connection reset"),
        (vec![Act::Reset], "→ connection reset"),
        (vec![Act::Say(settings_frame.clone())], "→ connection reset"),
        (vec![Act::Say(settings_frame.clone()), Act::Say(goaway), Act::Hold], "→ the server broke off: "),
        (vec![Act::Say(settings_frame), Act::Say(vec![0xff; 64]), Act::Hold], "→ the answer is not HTTP/2"),
    ] {
        let server = Server::acting(acts.clone()).await;
        let reading = http(&server.url("/"), r#"{"version": "2"}"#).await.unwrap();
        assert_eq!(reading.health, Health::Unhealthy, "{acts:?}");
        assert!(reading.evidence.contains(words), "{acts:?}: {}", reading.evidence);
    }
}

/// A dropped future leaves nothing open and no task behind: the server sees the connection end.
#[tokio::test]
async fn a_dropped_sample_closes_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let probe = try_http(&format!("http://{}", listener.local_addr().unwrap()), r#"{"version": "2"}"#).unwrap();
    let mut sample = Box::pin(probe.sample());
    let (mut stream, _) = tokio::select! {
        reading = &mut sample => panic!("nobody answered, but {reading:?}"),
        accepted = listener.accept() => accepted.unwrap(),
    };
    let mut preface = [0; 24];
    tokio::select! {
        reading = &mut sample => panic!("nobody answered, but {reading:?}"),
        read = stream.read_exact(&mut preface) => { read.unwrap(); }
    }
    drop(sample);
    let mut rest = Vec::new();
    let end = stream.read_to_end(&mut rest);
    assert!(tokio::time::timeout(Duration::from_secs(5), end).await.is_ok(), "the connection is still open");
}
