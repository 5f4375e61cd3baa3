//! Services across invocations: the test binary starts itself as the process that deploys, and looks at what is left
//! when that process is gone.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};

use runbook_core::{
    EffectKey, Live,
    event::Landed,
    ports::{Deployer, Order},
};
use serde_json::json;

use super::{
    machine::{eventually, is_living, number_in, scope},
    permit::with_permit,
    process_deployer::deployer,
    trees::{Trees, release},
};

/// Names the folder for the helper below, and how long it lets a service settle.
const FOLDER: &str = "RUNBOOK_TEST_FOLDER";
const SETTLE: &str = "RUNBOOK_TEST_SETTLE";
/// Names what it deploys.
const VERSION: &str = "RUNBOOK_TEST_VERSION";

fn trees() -> Arc<Trees> {
    let stubborn = "trap '' TERM; echo $$ > \"$2/pid\"; while :; do sleep 0.05; done";
    Arc::new(Trees::default().with("v1", "bin/serve", "echo $$ > \"$2/pid\"; exec sleep 300").with(
        "v2",
        "bin/serve",
        stubborn,
    ))
}

/// What another process does: it deploys a release.
#[tokio::test]
#[ignore = "the other tests of this module start it as a process of its own"]
async fn helper_that_deploys() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let scope = scope(&folder, Some(trees()));
    let deployer = deployer(&scope, json!({"settle": std::env::var(SETTLE).unwrap(), "stop_timeout": "300s"}));
    let version = std::env::var(VERSION).unwrap_or("v1".into());
    let order =
        Order { service: "api".parse().unwrap(), release: release(&version), environment: "staging".parse().unwrap() };
    with_permit(&scope, |permit| async move { deployer.deploy(&permit, &order).await }).await.unwrap();
}

fn helper(folder: &std::path::Path, settle: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["survival::helper_that_deploys", "--exact", "--ignored"])
        .env(FOLDER, folder)
        .env(SETTLE, settle)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[tokio::test]
async fn a_service_survives_its_starter_and_is_found_and_stopped_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    assert!(helper(folder.path(), "100ms").status().unwrap().success());
    let pid = number_in(&folder.path().join("pid")).await;
    assert!(is_living(pid));
    let scope = scope(folder.path(), Some(trees()));
    let next = deployer(&scope, json!({}));
    let service = "api".parse().unwrap();
    assert_eq!(next.live(&service).await.unwrap(), Live::Release(release("v1")));
    with_permit(&scope, |permit| async move {
        next.stop(&permit, &"api".parse().unwrap()).await.unwrap();
        assert_eq!(next.live(&"api".parse().unwrap()).await.unwrap(), Live::Stopped);
    })
    .await;
    eventually("the end of the service", || (!is_living(pid)).then_some(())).await;
}

#[tokio::test]
async fn after_a_starter_was_killed_the_truth_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut starter = helper(folder.path(), "300s").spawn().unwrap();
    let pid = number_in(&folder.path().join("pid")).await;
    let state = folder.path().join(".runbook/services/staging/api/state.json");
    let key: EffectKey = eventually("a record with a process", || {
        let record: serde_json::Value = serde_json::from_slice(&fs::read(&state).ok()?).ok()?;
        record["process"]["pid"].as_u64().and_then(|_| record["key"].as_str()?.parse().ok())
    })
    .await;
    let scope = scope(folder.path(), Some(trees()));
    let next = deployer(&scope, json!({}));
    let service = "api".parse().unwrap();
    let intended = Live::Release(release("v1"));
    assert_eq!(next.live(&service).await.unwrap(), Live::Unknown, "its starter is still at it");
    assert_eq!(next.state(&key, &service, &intended).await.unwrap(), Landed::Unknown);
    starter.kill().unwrap();
    starter.wait().unwrap();
    assert_eq!(next.live(&service).await.unwrap(), intended);
    assert_eq!(next.state(&key, &service, &intended).await.unwrap(), Landed::Happened);
    // A crash between the start and the record of it: the process is found by its lock alone.
    let mut record: serde_json::Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
    record["process"] = serde_json::Value::Null;
    fs::write(&state, record.to_string()).unwrap();
    // The killed run still holds the environment's lock, so the stop is one of another environment's journal.
    let elsewhere = tempfile::tempdir().unwrap();
    let journal = super::machine::scope(elsewhere.path(), None);
    with_permit(&journal, |permit| async move { next.stop(&permit, &"api".parse().unwrap()).await }).await.unwrap();
    assert!(!is_living(pid));
}

#[tokio::test]
async fn a_crash_while_the_old_release_is_stopped_leaves_a_truth_too() {
    let folder = tempfile::tempdir().unwrap();
    assert!(helper(folder.path(), "100ms").env(VERSION, "v2").status().unwrap().success());
    let pid = number_in(&folder.path().join("pid")).await;
    let mut starter = helper(folder.path(), "100ms").spawn().unwrap();
    let state = folder.path().join(".runbook/services/staging/api/state.json");
    let key: EffectKey = eventually("the stop of the old release", || {
        let record: serde_json::Value = serde_json::from_slice(&fs::read(&state).ok()?).ok()?;
        (record["phase"] == "stopping").then(|| record["key"].as_str()?.parse().ok()).flatten()
    })
    .await;
    let scope = scope(folder.path(), Some(trees()));
    let next = deployer(&scope, json!({}));
    let service = "api".parse().unwrap();
    let intended = Live::Release(release("v1"));
    assert_eq!(next.live(&service).await.unwrap(), Live::Unknown, "somebody is changing it");
    starter.kill().unwrap();
    starter.wait().unwrap();
    assert_eq!(next.state(&key, &service, &intended).await.unwrap(), Landed::DidNotHappen);
    assert_eq!(next.state(&key, &service, &Live::Stopped).await.unwrap(), Landed::DidNotHappen);
    assert_eq!(next.live(&service).await.unwrap(), Live::Release(release("v2")));
    let process = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    // The lock, and not the process: what it has started last holds it for a moment longer.
    let alive = folder.path().join(".runbook/services/staging/api/alive.lock");
    eventually("the end of the service", || fs::File::open(&alive).unwrap().try_lock_shared().ok()).await;
    // Not "it did not happen": that would say that v2 still runs.
    assert_eq!(next.state(&key, &service, &intended).await.unwrap(), Landed::Unknown);
    assert_eq!(next.live(&service).await.unwrap(), Live::Stopped);
}
