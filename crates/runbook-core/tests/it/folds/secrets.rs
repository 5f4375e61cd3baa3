//! Redaction leaves every event readable, whatever the secrets are, and takes them out of whatever stages add.

use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use runbook_core::{
    EffectKey, Redactor, Secret,
    event::{Draft, EffectResult, EventKind, Head, encode},
};
use serde_json::json;

use super::strategies::{any_kind, event_id, run_id};

fn draft(kind: EventKind) -> Draft {
    Draft { id: event_id(1), at: jiff::Timestamp::UNIX_EPOCH, run: run_id(0), epoch: 1, kind }
}

/// What this event is written as, when this is a secret; `None` when it can no longer be read.
fn written(kind: EventKind, secret: &str) -> Option<String> {
    let redactor = Redactor::new([&Secret::new(secret)]);
    let encoded = encode(&[draft(kind)], Head::EMPTY, &|text| redactor.redact(text)).ok()?;
    encoded.lines.into_iter().next()
}

/// A run whose event cannot be written stops where it is. A password that is also the name of a service is no rarity.
#[test]
fn a_secret_that_is_one_of_our_own_words_leaves_every_event_readable() {
    let words = [
        "worker",
        "unknown",
        "changed",
        "no_change",
        "done",
        "partly",
        "passed",
        "blocked",
        "healthy",
        "slower",
        "publish_status",
        "deploy",
        "1970",
        "production",
    ];
    let mut runner = TestRunner::deterministic();
    let kinds = any_kind();
    for _ in 0..500 {
        let said = kinds.new_tree(&mut runner).unwrap().current();
        for word in words {
            assert!(
                written(said.clone(), word).is_some(),
                "with the secret {word:?}, this cannot be written: {said:?}"
            );
        }
    }
}

/// A stage or a deployer names its facts as it likes, and `key` is what an API key is called.
#[test]
fn a_secret_in_a_detail_is_taken_out_whatever_its_field_is_called() {
    for name in ["password", "key", "id", "state", "step", "service", "kind", "when", "signal", "health"] {
        let kind = EventKind::EffectFinished {
            key: EffectKey::new("run-0/deploy/api/deploy/1").unwrap(),
            outcome: EffectResult::Done,
            detail: json!({ name: "hunter2" }),
        };
        let line = written(kind, "hunter2").unwrap();
        assert!(!line.contains("hunter2"), "{line}");
    }
    let kind = EventKind::EffectFinished {
        key: EffectKey::new("run-0/deploy/api/deploy/1").unwrap(),
        outcome: EffectResult::Done,
        detail: json!({ "by": [{ "hunter2": "is a name, too" }] }),
    };
    let line = written(kind, "hunter2").unwrap();
    assert!(line.contains(r#"{"***":"is a name, too"}"#), "{line}");
}
