//! Servers that are silent, closed, or say anything but the answer.

use std::time::{Duration, Instant};

use hickory_resolver::proto::op::{Message, ResponseCode};
use runbook_core::{Health, ports::Probe};
use tokio::net::UdpSocket;

use super::{
    build, sample,
    server::{Over, Server, a, message, reply},
};
use crate::{
    server::{Act, closed_port},
    support::assert_reading,
};

/// The answer that would be taken for the right one, but for one thing.
fn forged(question: &Message, change: impl FnOnce(&mut Message)) -> Vec<u8> {
    let mut answer = message(question, ResponseCode::NoError, vec![a("api.example.", 66)]);
    change(&mut answer);
    answer.to_vec().unwrap()
}

fn with_another_id(question: &Message) -> Vec<u8> {
    forged(question, |answer| answer.metadata.id = answer.metadata.id.wrapping_add(1))
}

#[tokio::test]
async fn a_silent_server_is_unhealthy_within_the_timeout() {
    let silent = Server::replying(|_, _| vec![]).await;
    let started = Instant::now();
    let reading = sample(&silent, r#""timeout": "200ms""#).await;
    assert_reading(&reading, Health::Unhealthy, "→ no answer within 200 ms");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(reading.latency_ms, None);
    assert_eq!(silent.asked(), ["Udp A api.example."], "nothing is repeated");

    let silent = crate::server::Server::acting([Act::Hold]).await;
    let table =
        format!(r#"{{"name": "api.example", "server": "{}", "protocol": "tcp", "timeout": "200ms"}}"#, silent.address);
    let reading = build(None, &table).unwrap().sample().await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ no answer within 200 ms");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unhealthy() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let port = socket.local_addr().unwrap().port();
    drop(socket);
    let table = format!(r#"{{"name": "api.example", "server": "127.0.0.1:{port}", "timeout": "2s"}}"#);
    let reading = build(None, &table).unwrap().sample().await.unwrap();
    assert_reading(&reading, Health::Unhealthy, &format!("at 127.0.0.1:{port} → connection refused"));
    let (_held, port) = closed_port();
    let table = format!(r#"{{"name": "api.example", "server": "127.0.0.1:{port}", "protocol": "tcp"}}"#);
    let reading = build(None, &table).unwrap().sample().await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ connection refused");
}

/// `localhost` is `::1` first, where nobody listens.
#[tokio::test]
async fn the_next_address_of_a_server_is_asked() {
    let server = Server::knowing(vec![a("api.example.", 1)]).await;
    let port = server.address.port();
    let table = format!(r#"{{"name": "api.example", "server": "localhost:{port}"}}"#);
    let reading = build(None, &table).unwrap().sample().await.unwrap();
    assert_reading(&reading, Health::Healthy, &format!("dns A api.example at localhost:{port} → 10.0.0.1 in"));
}

/// Whoever guesses the port must not be able to answer in the server's place.
#[tokio::test]
async fn what_is_not_the_answer_is_passed_over() {
    let server = Server::replying(|question, _| {
        let other_name = forged(question, |answer| {
            answer.queries[0].name = "other.example.".parse().unwrap();
        });
        let garbage = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
        let right = reply(question, ResponseCode::NoError, vec![a("api.example.", 1)]);
        vec![with_another_id(question), other_name, garbage, question.to_vec().unwrap(), vec![], right]
    })
    .await;
    let reading = sample(&server, r#""expect": {"answers": ["10.0.0.1"], "only": true}"#).await;
    assert_reading(&reading, Health::Healthy, "→ 10.0.0.1 in");
}

#[tokio::test]
async fn a_server_that_never_gives_the_answer_is_unhealthy() {
    let wrong_id = Server::replying(|question, _| vec![with_another_id(question)]).await;
    let reading = sample(&wrong_id, r#""timeout": "200ms""#).await;
    let words = "→ no answer within 200 ms; a datagram came that answers a question with another id";
    assert_reading(&reading, Health::Unhealthy, words);

    let garbage = Server::replying(|_, _| vec![vec![0xff; 40], vec![0; 3]]).await;
    let reading = sample(&garbage, r#""timeout": "200ms""#).await;
    let words = "→ no answer within 200 ms; 2 datagrams came, the last of which is not a DNS message";
    assert_reading(&reading, Health::Unhealthy, words);

    let flood = Server::replying(|_, _| vec![vec![0xff; 40]; 150]).await;
    let reading = sample(&flood, r#""timeout": "20s""#).await;
    let words = "→ no answer; 100 datagrams came, the last of which is not a DNS message";
    assert_reading(&reading, Health::Unhealthy, words);
}

#[tokio::test]
async fn over_tcp_what_is_not_the_answer_ends_the_exchange() {
    let wrong_id = Server::replying(|question, over| match over {
        Over::Udp => vec![],
        Over::Tcp => vec![with_another_id(question)],
    })
    .await;
    let reading = sample(&wrong_id, r#""protocol": "tcp""#).await;
    assert_reading(&reading, Health::Unhealthy, "→ what came back answers a question with another id");
    for (said, closes, words) in [
        // "HT" is a length of 18,516 bytes.
        ("HTTP/1.1 400 Bad Request\r\n\r\n", true, "→ the connection was closed before the answer was complete"),
        ("\0\u{3}abc", false, "→ what came back is not a DNS message"),
        ("\0\0", false, "→ what came back is not a DNS message"),
        ("\0", true, "→ the connection was closed before the answer was complete"),
    ] {
        let end = (!closes).then_some(Act::Hold);
        let acts: Vec<Act> = [Act::Say(said.as_bytes().to_vec())].into_iter().chain(end).collect();
        let server = crate::server::Server::acting(acts).await;
        let table = format!(r#"{{"name": "api.example", "server": "{}", "protocol": "tcp"}}"#, server.address);
        let reading = build(None, &table).unwrap().sample().await.unwrap();
        assert_eq!(reading.health, Health::Unhealthy, "{said:?}");
        // A close with a question that nobody has read is a reset. What can be read counts in any case.
        let is_reset = closes && reading.evidence.contains("→ connection reset");
        assert!(is_reset || reading.evidence.contains(words), "{said:?}: {}", reading.evidence);
    }
    let slow = crate::server::Server::acting([Act::Say(vec![255, 255, 1, 2, 3]), Act::Hold]).await;
    let table =
        format!(r#"{{"name": "api.example", "server": "{}", "protocol": "tcp", "timeout": "300ms"}}"#, slow.address);
    let reading = build(None, &table).unwrap().sample().await.unwrap();
    assert_reading(&reading, Health::Unhealthy, "→ the answer was not complete within 300 ms");
}
