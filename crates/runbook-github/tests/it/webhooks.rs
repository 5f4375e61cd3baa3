//! The events of a job, read from payloads that GitHub really sent: npm `@octokit/webhooks-examples`, whose `index.json`
//! `cargo xtask contract webhooks` names in `RUNBOOK_WEBHOOK_EXAMPLES`.

use std::fs;

use runbook_github::event::{Asked, EventContext, parse_event};
use serde_json::Value;

/// What comes of each example of an event, in their order: `D`o, `N`othing, `R`efused. Everything else is refused.
const EXPECTED: [(&str, &str); 7] = [
    // Tags, made and deleted; the default branch twice.
    ("push", "NNNNDDN"),
    // Of a fork; of this repository twice; not ended twice.
    ("workflow_run", "NDDNN"),
    ("deployment", "DDDD"),
    // One is in progress.
    ("deployment_status", "DNDD"),
    // Nobody commands anything.
    ("issue_comment", "NNNNNNNNN"),
    // Of a type that is meant for somebody else.
    ("repository_dispatch", "NN"),
    // Without inputs.
    ("workflow_dispatch", "DD"),
];

#[test]
#[ignore = "needs the payloads of @octokit/webhooks-examples: cargo xtask contract webhooks"]
fn every_payload_that_github_sent_is_understood_or_refused() {
    let index = std::env::var("RUNBOOK_WEBHOOK_EXAMPLES")
        .expect("RUNBOOK_WEBHOOK_EXAMPLES must name index.json: start this by `cargo xtask contract webhooks`");
    let events: Vec<Value> = serde_json::from_str(&fs::read_to_string(index).unwrap()).unwrap();
    let mut payloads = 0;
    for event in &events {
        let (name, examples) = (event["name"].as_str().unwrap(), event["examples"].as_array().unwrap());
        let outcomes: String = examples.iter().map(|payload| outcome(name, payload)).collect();
        let expected = EXPECTED.iter().find(|(known, _)| *known == name);
        let expected = expected.map_or_else(|| "R".repeat(examples.len()), |(_, outcomes)| (*outcomes).to_owned());
        assert_eq!(outcomes, expected, "{name}");
        payloads += examples.len();
    }
    assert!(events.len() >= 50 && payloads >= 280, "{payloads} payloads of {} events are too few", events.len());
    for (name, _) in EXPECTED {
        assert!(events.iter().any(|event| event["name"] == name), "there is no example of {name}");
    }
    println!("{payloads} payloads of {} events", events.len());
}

/// The workflow of the examples is one whose end counts.
fn context() -> EventContext {
    EventContext { workflows: vec!["test.yml".to_owned()], ..EventContext::default() }
}

/// What comes of one payload, as a letter. None is an error, and of none too little is left to be a payload.
fn outcome(name: &str, payload: &Value) -> char {
    let bytes = serde_json::to_vec(payload).unwrap();
    let cut = parse_event(name, &bytes[..bytes.len() / 2], &context());
    assert!(EXPECTED.iter().all(|(known, _)| *known != name) || cut.is_err(), "half a payload of {name} was read");
    match parse_event(name, &bytes, &context()) {
        Ok(Asked::Do(_)) => 'D',
        Ok(Asked::Nothing(_)) => 'N',
        Ok(Asked::Refused(refusal)) => {
            assert!(refusal.why.contains(name), "{name}: {}", refusal.why);
            'R'
        }
        Err(error) => panic!("{name}: {error}: {payload}"),
    }
}
