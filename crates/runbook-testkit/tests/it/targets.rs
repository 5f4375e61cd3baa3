//! The faults of the HTTP and TCP targets are seen by real clients.

use std::time::{Duration, Instant};

use runbook_testkit::{Behaviour, HttpTarget, Reply, TcpBehaviour, TcpTarget};
use tokio::{io::AsyncReadExt, net::TcpStream};

fn client() -> reqwest::Client {
    let limit = Duration::from_millis(400);
    reqwest::Client::builder().no_proxy().timeout(limit).pool_max_idle_per_host(0).build().unwrap()
}

#[tokio::test]
async fn plain_answers_and_what_was_asked() {
    let target =
        HttpTarget::start(Reply::json(&serde_json::json!({ "status": "healthy" })).with("x-version", "v1")).await;
    let response = client().post(target.url("/health?deep=1")).header("x-a", "b").body("payload").send().await.unwrap();
    assert_eq!(response.headers()["x-version"], "v1");
    assert_eq!(response.text().await.unwrap(), r#"{"status":"healthy"}"#);
    let seen = &target.requests()[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str(), seen.header("X-A")), ("POST", "/health?deep=1", Some("b")));
    assert_eq!((seen.body.as_slice(), target.connections()), (b"payload".as_slice(), 1));
}

#[tokio::test]
async fn a_script_comes_first_then_the_path_then_the_rest() {
    let target = HttpTarget::start(Reply::new(200)).await;
    target.set_path("/version", Reply::new(404));
    target.script([Reply::new(503).into(), Reply::new(500).into()]);
    let mut statuses = Vec::new();
    for path in ["/version", "/", "/version?x", "/"] {
        statuses.push(client().get(target.url(path)).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [503, 500, 404, 200]);
    target.set(Reply::new(418));
    assert_eq!(client().get(target.url("/")).send().await.unwrap().status(), 418);
}

#[tokio::test]
async fn slow_ones() {
    let late = Duration::from_millis(120);
    let target = HttpTarget::start(Behaviour::SlowFirstByte(late, Reply::text("fine"))).await;
    let started = Instant::now();
    assert_eq!(client().get(target.url("/")).send().await.unwrap().text().await.unwrap(), "fine");
    assert!(started.elapsed() >= late);

    target.set(Behaviour::SlowBody { reply: Reply::text("drip"), piece: 1, pause: Duration::from_millis(30) });
    let response = client().get(target.url("/")).send().await.unwrap();
    let started = Instant::now();
    assert_eq!(response.text().await.unwrap(), "drip");
    assert!(started.elapsed() >= Duration::from_millis(80), "the body drips");

    target.set(Behaviour::Hang);
    assert!(client().get(target.url("/")).send().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn cut_ones() {
    let target = HttpTarget::start(Behaviour::CloseMidBody(Reply::text("half of this"))).await;
    let response = client().get(target.url("/")).send().await.unwrap();
    assert_eq!(response.content_length(), Some(12));
    assert!(response.bytes().await.is_err());
    for behaviour in [Behaviour::CloseWithoutAnswer, Behaviour::Reset, Behaviour::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec())]
    {
        target.set(behaviour.clone());
        let result = client().get(target.url("/")).send().await;
        assert!(result.is_err(), "{behaviour:?} gave {result:?}");
    }
    target.set(Behaviour::invalid_utf8());
    let bytes = client().get(target.url("/")).send().await.unwrap().bytes().await.unwrap();
    assert!(std::str::from_utf8(&bytes).is_err());
}

#[tokio::test]
async fn endless_ones() {
    let target = HttpTarget::start(Behaviour::RedirectLoop).await;
    assert!(client().get(target.url("/")).send().await.unwrap_err().is_redirect());
    assert!(target.requests().len() > 5);

    target.set(Behaviour::EndlessBody(1 << 30));
    let mut response = client().get(target.url("/")).send().await.unwrap();
    response.chunk().await.unwrap().unwrap();
    drop(response);
    let sent = settled(|| target.endless_bytes()).await;
    assert!(sent > 0 && sent < 1 << 30, "it stops when the client leaves, after {sent} bytes");
    target.set(Behaviour::EndlessBody(8192));
    assert!(client().get(target.url("/")).send().await.unwrap().bytes().await.is_err(), "the last chunk never comes");
}

/// The value once it has stopped changing.
async fn settled(read: impl Fn() -> u64) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut last = read();
    while Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = read();
        if now == last {
            return now;
        }
        last = now;
    }
    panic!("it still changes after ten seconds");
}

#[tokio::test]
async fn a_port_can_be_closed_and_opened_again() {
    let target = HttpTarget::start(Reply::text("fine")).await;
    let url = target.url("/");
    assert!(client().get(&url).send().await.is_ok());
    for _ in 0..3 {
        target.refuse().await;
        target.refuse().await;
        assert!(client().get(&url).send().await.unwrap_err().is_connect());
        target.accept();
        target.accept();
        assert!(client().get(&url).send().await.is_ok());
    }
}

#[tokio::test]
async fn plain_connections() {
    let target = TcpTarget::start(TcpBehaviour::Banner(b"220 ready\r\n".to_vec())).await;
    let read = async || {
        let mut text = Vec::new();
        let mut stream = TcpStream::connect(target.address()).await.unwrap();
        let result = tokio::time::timeout(Duration::from_millis(200), stream.read_to_end(&mut text)).await;
        result.map(|result| result.map(|_| text))
    };
    assert_eq!(read().await.unwrap().unwrap(), b"220 ready\r\n");
    target.set(TcpBehaviour::Close);
    assert_eq!(read().await.unwrap().unwrap(), b"");
    target.set(TcpBehaviour::Hold);
    assert!(read().await.is_err(), "nothing comes, and nothing ends");
    target.set(TcpBehaviour::Reset);
    assert!(read().await.unwrap().is_err(), "a reset is an error, not an end");
    assert_eq!(target.connections(), 4);
}
