//! The example's program, against a real service: its exit code is the service's health.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic, and say what it found")]

use runbook_testkit::{HttpTarget, Reply};
use tokio::process::Command;

/// Runs the example against this address; its exit code and what it printed.
async fn run(url: &str) -> (Option<i32>, String) {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_embedded"));
    command.current_dir(temporary.path()).env_clear().kill_on_drop(true);
    let output = command.env("TMPDIR", temporary.path()).env("APP_URL", url).output().await.unwrap();
    let journal = temporary.path().join("runbook-embedded/journal/production.jsonl");
    assert!(std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("run_finished")), "the run is kept");
    (
        output.status.code(),
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
    )
}

#[tokio::test]
async fn it_ends_as_healthy_as_the_service() {
    let service = HttpTarget::start(Reply::text("fine")).await;
    let (code, said) = run(&service.url("")).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("app: healthy") && said.contains("succeeded: OPERATIONAL"), "{said}");

    service.set(Reply::new(503));
    let (code, said) = run(&service.url("")).await;
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("app: unhealthy") && said.contains("503") && said.contains("CRITICAL"), "{said}");
    assert!(service.requests().len() >= 2, "it was asked");
}

#[tokio::test]
async fn what_could_not_be_measured_is_unknown() {
    let (code, said) = run("http://no-such-host.invalid").await;
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("app: unknown"), "{said}");
}
