//! Bodies that are too long, too slow, broken off, or not what they say.

use std::time::{Duration, Instant};

use runbook_core::{
    Health::{Healthy, Unhealthy, Unknown},
    ports::Probe as _,
};

use crate::{
    server::{Act, Server, answer, ok},
    support::{assert_reading, http, try_http},
};

/// Ten gigabytes are announced and sent without end; the probe reads no more than its limit.
#[tokio::test]
async fn a_body_without_end_is_read_to_the_limit_only() {
    let server = Server::acting([
        Act::Hear,
        Act::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n".to_vec()),
        Act::SayForever(vec![b'x'; 64 * 1024]),
    ])
    .await;
    let reading = http(&server.url("/"), "{}").await.unwrap();
    assert_reading(&reading, Healthy, "→ 200 in");
    let settings = r#"{"max_body": 1000, "expect": {"body": "~ y"}}"#;
    let reading = http(&server.url("/"), settings).await.unwrap();
    assert_reading(&reading, Unknown, "expected body ~ y, but the body is larger than 1000 bytes (`max_body`)");
    let settings = r#"{"expect": {"status": 204, "json": {"/a": 1}}}"#;
    assert_reading(
        &http(&server.url("/"), settings).await.unwrap(),
        Unhealthy,
        "expected status 204; expected /a = 1, but",
    );
}

#[tokio::test]
async fn a_body_that_drips_ends_with_the_timeout() {
    let drip = [Act::Say(b"x".to_vec()), Act::Wait(Duration::from_millis(20))];
    let mut acts = vec![Act::Hear, Act::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n".to_vec())];
    acts.extend(drip.into_iter().cycle().take(1000));
    let server = Server::acting(acts).await;
    let started = Instant::now();
    let reading = http(&server.url("/"), r#"{"timeout": "200ms"}"#).await.unwrap();
    assert_reading(&reading, Unhealthy, "→ 200, but the answer was not complete within 200 ms");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(reading.phases.first_byte_ms.is_some() && reading.phases.body_ms.is_none(), "the body never ended");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_unhealthy() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n".to_vec();
    let closing = Server::acting([Act::Hear, Act::Say(head.clone()), Act::Say(b"half".to_vec())]).await;
    let reading = http(&closing.url("/"), "{}").await.unwrap();
    assert_reading(&reading, Unhealthy, "→ 200, but the connection was closed before the answer was complete");

    let garbage = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec();
    let chunks = Server::acting([Act::Hear, Act::Say(garbage)]).await;
    let reading = http(&chunks.url("/"), "{}").await.unwrap();
    assert_reading(&reading, Unhealthy, "→ 200, but the answer's body is not valid HTTP/1.1");
}

#[tokio::test]
async fn chunks_and_bodies_until_the_end_are_read() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    for answer in [chunked, "HTTP/1.1 200 OK\r\n\r\n hello\n", "HTTP/1.0 200 OK\r\n\r\nhello"] {
        let server = Server::answering(answer).await;
        let reading = http(&server.url("/"), r#"{"expect": {"body": "hello"}}"#).await.unwrap();
        assert_reading(&reading, Healthy, "→ 200");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_unknown() {
    let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n".to_vec();
    bytes.extend([0xff, 0xfe, b'x']);
    let server = Server::answering(bytes).await;
    let reading = http(&server.url("/"), r#"{"expect": {"body": "~ x"}}"#).await.unwrap();
    assert_reading(&reading, Unknown, "expected body ~ x, but the body is not UTF-8");
    let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-name: \xff\xfe\r\n\r\n".to_vec();
    let header = Server::answering(bytes).await;
    let reading = http(&header.url("/"), r#"{"expect": {"header": {"x-name": "~ x"}}}"#).await.unwrap();
    assert_reading(&reading, Unknown, "expected header x-name ~ x, but it is not UTF-8");
    let html = Server::answering(answer("200 OK", "content-type: text/html\r\n", "<html>maintenance</html>")).await;
    let reading = http(&html.url("/"), r#"{"expect": {"json": {"/status": {"exists": false}}}}"#).await.unwrap();
    assert_reading(&reading, Unknown, "but the body is not JSON");
}

#[tokio::test]
async fn head_has_no_body_to_wait_for() {
    let server =
        Server::acting([Act::Hear, Act::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n".to_vec()), Act::Hold])
            .await;
    let reading = http(&server.url("/"), r#"{"method": "HEAD"}"#).await.unwrap();
    assert_reading(&reading, Healthy, "HEAD http://127.0.0.1");
}

/// Others wait for the runtime's thread. Here the only thread beside it is taken, so the judgement has to wait.
#[test]
fn a_large_body_is_judged_beside_the_runtimes_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let server = Server::answering(ok(&format!(r#"{{"text": "{}", "load": 3}}"#, "x".repeat(300 * 1024)))).await;
        let settings = |bound: u32| format!(r#"{{"expect": {{"body": "~ \\}}$", "json": {{"/load": "< {bound}"}}}}}}"#);
        let (release, held) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || held.recv().is_err());
        let probe = try_http(&server.url("/"), &settings(5)).unwrap();
        let mut sample = probe.sample();
        let early = tokio::time::timeout(Duration::from_millis(500), &mut sample).await;
        assert!(early.is_err(), "it was judged on the runtime's own thread: {early:?}");
        drop(release);
        assert!(busy.await.unwrap());
        assert_reading(&sample.await.unwrap(), Healthy, "→ 200 in");
        let reading = http(&server.url("/"), &settings(2)).await.unwrap();
        assert_reading(&reading, Unhealthy, "; expected /load < 2, found 3");
        assert!(reading.evidence.len() < 500, "{}", reading.evidence);
    });
}

/// Whatever a service says is one line without control characters, and short.
#[tokio::test]
async fn words_from_outside_are_made_harmless() {
    let body = format!("{{\"status\": \"\\u001b[31mdown\\r\\n::error::{}\\u202e\"}}", "x".repeat(5000));
    let server = Server::answering(ok(&body)).await;
    let reading = http(&server.url("/"), r#"{"expect": {"json": {"/status": "up"}}}"#).await.unwrap();
    assert_reading(&reading, Unhealthy, "found \" [31mdown  ::error::xxx");
    assert!(reading.evidence.chars().count() < 400, "{}", reading.evidence);
    assert!(!reading.evidence.contains(|c: char| c.is_control()), "{}", reading.evidence);
}
