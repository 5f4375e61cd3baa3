//! One message, once: what arrived, what did not, and what nobody knows.

use std::time::Duration;

use runbook_core::LeftBehind;
use runbook_render::Renderer;
use runbook_testkit::{Behaviour, HttpTarget, Reply, conformance};
use serde_json::Value;

use crate::support::{SECRET, address, both, notify, refused, view};

const PATIENT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn they_keep_the_contract_of_the_port() {
    let target = HttpTarget::start(Reply::text("ok")).await;
    for notifier in both(&address(&target), PATIENT) {
        conformance::notifier(notifier.as_ref(), &view(), || target.requests().len()).await;
    }
    target.set(Reply::new(404).body("no_service"));
    for notifier in both(&address(&target), PATIENT) {
        conformance::refused_notifier(notifier.as_ref(), &view(), SECRET).await;
    }
}

#[tokio::test]
async fn each_sends_its_own_payload() {
    let target = HttpTarget::start(Reply::new(204)).await;
    for notifier in both(&address(&target), PATIENT) {
        notify(notifier.as_ref()).await.unwrap();
    }
    let renderer = Renderer::new().unwrap();
    let sent: Vec<Value> = target.requests().iter().map(|seen| serde_json::from_slice(&seen.body).unwrap()).collect();
    assert_eq!(sent, [renderer.slack(&view()).unwrap(), renderer.discord(&view()).unwrap()]);
    let path = format!("/services/T0/{SECRET}");
    let targets: Vec<String> = target.requests().into_iter().map(|seen| seen.target).collect();
    // Discord says what became of a message only when it is asked to wait.
    assert_eq!(targets, [path.clone(), format!("{path}?wait=true")]);
    assert!(target.requests().iter().all(|seen| seen.method == "POST"));
    assert!(target.requests().iter().all(|seen| seen.header("content-type") == Some("application/json")));
}

#[tokio::test]
async fn a_refusal_is_known_to_have_sent_nothing() {
    let target = HttpTarget::start(Reply::new(400).body(format!("invalid_payload\n\n at /services/T0/{SECRET}"))).await;
    let mut told = Vec::new();
    for notifier in both(&address(&target), PATIENT) {
        let error = refused(notifier.as_ref()).await;
        assert_eq!(error.left, LeftBehind::NoChange);
        told.push(error.message);
    }
    target.set(Reply::new(429).with("retry-after", "7"));
    target.script([Behaviour::Answer(Reply::new(403).body("x".repeat(100_000)))]);
    for notifier in both(&address(&target), PATIENT) {
        let error = refused(notifier.as_ref()).await;
        assert_eq!(error.left, LeftBehind::NoChange);
        told.push(error.message);
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn a_redirect_takes_the_message_nowhere() {
    let target = HttpTarget::start(Behaviour::RedirectLoop).await;
    for notifier in both(&address(&target), PATIENT) {
        let error = refused(notifier.as_ref()).await;
        assert_eq!(error.left, LeftBehind::NoChange);
        assert!(error.message.contains("redirects are not followed"), "{error}");
    }
    assert_eq!(target.requests().len(), 2);
}

#[tokio::test]
async fn what_may_have_arrived_is_unknown_and_not_sent_again() {
    let target = HttpTarget::start(Reply::text("ok")).await;
    let lost = [
        Behaviour::CloseWithoutAnswer,
        Behaviour::Reset,
        Behaviour::Hang,
        Behaviour::Answer(Reply::new(502)),
        Behaviour::Raw(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()),
    ];
    for behaviour in lost {
        for notifier in both(&address(&target), Duration::from_millis(300)) {
            target.script([behaviour.clone()]);
            let before = target.requests().len();
            let error = refused(notifier.as_ref()).await;
            assert_eq!(error.left, LeftBehind::Unknown, "{behaviour:?}: {error}");
            assert!(error.message.contains("may have arrived"), "{behaviour:?}: {error}");
            assert_eq!(target.requests().len(), before + 1, "{behaviour:?}");
        }
    }
}

#[tokio::test]
async fn a_chat_that_is_not_there_is_known_to_have_nothing() {
    let target = HttpTarget::start(Reply::text("ok")).await;
    target.refuse().await;
    for notifier in both(&address(&target), PATIENT) {
        let error = refused(notifier.as_ref()).await;
        assert_eq!(error.left, LeftBehind::NoChange, "{error}");
        assert!(error.message.contains("could not be reached"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_without_an_end_does_not_hold_the_run() {
    let target =
        HttpTarget::start(Behaviour::Raw(b"HTTP/1.1 404 No\r\ncontent-length: 999999999\r\n\r\nno".to_vec())).await;
    for notifier in both(&address(&target), PATIENT) {
        assert_eq!(refused(notifier.as_ref()).await.left, LeftBehind::NoChange);
    }
    target.set(Behaviour::SlowBody { reply: Reply::new(404).body("slow"), piece: 1, pause: Duration::from_secs(60) });
    for notifier in both(&address(&target), Duration::from_millis(300)) {
        assert_eq!(refused(notifier.as_ref()).await.left, LeftBehind::NoChange, "the status says it");
    }
}
