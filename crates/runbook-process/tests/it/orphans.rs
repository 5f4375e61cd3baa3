//! Commands whose starter was killed: the test binary starts itself as the process that runs them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use runbook_core::{
    EffectKey, LeftBehind, Live,
    event::Landed,
    ports::{DeployError, Deployed, Deployer, Order},
    registry::{DeployerDefinition, Scope},
};
use runbook_process::CommandDeployer;
use serde_json::json;

use super::{
    machine::{eventually, living_in_group, number_in, scope, write_script},
    permit::with_permit,
    trees::{Trees, release},
};

const FOLDER: &str = "RUNBOOK_TEST_FOLDER";

/// Works until it is told to end, and leaves a service running in the background.
const TOOL: &str = "echo $$ > group; while [ ! -e go ]; do sleep 0.05; done; echo v2 > live; \
                    sleep 300 >/dev/null 2>&1 & echo $! > background";

fn scope_of(folder: &Path) -> Scope {
    scope(folder, Some(Arc::new(Trees::default().with("v1", "x", "").with("v2", "x", ""))))
}

fn deployer(scope: &Scope, timeout: &str) -> CommandDeployer {
    let settings = json!({"deploy": ["./tool"], "live": ["cat", "live"], "timeout": timeout});
    CommandDeployer::build(serde_json::from_value(settings).unwrap(), scope).unwrap()
}

/// The journal is one of another folder: the killed run still holds its environment.
async fn deploy(scope: &Scope, timeout: &str) -> Result<Deployed, DeployError> {
    let elsewhere = tempfile::tempdir().unwrap();
    let deployer = deployer(scope, timeout);
    let order =
        Order { service: "api".parse().unwrap(), release: release("v2"), environment: "staging".parse().unwrap() };
    let journal = super::machine::scope(elsewhere.path(), None);
    with_permit(&journal, |permit| async move { deployer.deploy(&permit, &order).await }).await
}

#[tokio::test]
#[ignore = "the other tests of this module start it as a process of its own"]
async fn helper_that_runs_a_command() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    deploy(&scope_of(&folder), "300s").await.unwrap();
}

#[tokio::test]
async fn a_command_of_a_killed_runbook_is_known_to_be_at_work_and_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let scope = scope_of(folder.path());
    write_script(&folder.path().join("tool"), TOOL);
    fs::write(folder.path().join("live"), "v1\n").unwrap();
    let mut starter = Command::new(std::env::current_exe().unwrap())
        .args(["orphans::helper_that_runs_a_command", "--exact", "--ignored"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let group = number_in(&folder.path().join("group")).await;
    starter.kill().unwrap();
    starter.wait().unwrap();
    assert!(!living_in_group(group).is_empty(), "it outlives its starter");

    let asked = deployer(&scope, "20s");
    let service = "api".parse().unwrap();
    let key: EffectKey = "run/deploy/api/deploy/1".parse().unwrap();
    assert_eq!(asked.live(&service).await.unwrap(), Live::Unknown, "v1 is live, but not for long");
    assert_eq!(asked.state(&key, &service, &Live::Release(release("v1"))).await.unwrap(), Landed::Unknown);
    let error = deploy(&scope, "300ms").await.unwrap_err();
    assert_eq!(error.left, LeftBehind::NoChange);
    let words = "a deploy command of an interrupted run is still at work (pid ";
    assert!(error.to_string().starts_with(words) && error.to_string().contains(&group.to_string()), "{error}");

    let waiting = deploy(&scope, "20s");
    let end = async {
        fs::remove_file(folder.path().join("group")).unwrap();
        fs::write(folder.path().join("go"), "").unwrap();
        let background = number_in(&folder.path().join("background")).await;
        let second = number_in(&folder.path().join("group")).await;
        (background, second)
    };
    let (deployed, (background, second)) = tokio::join!(waiting, end);
    deployed.unwrap();
    assert_ne!(second, group);
    assert_eq!(asked.live(&service).await.unwrap(), Live::Release(release("v2")));
    for pid in living_in_group(group).into_iter().chain(living_in_group(second)) {
        assert!(pid != group, "the orphan is over; what it left in the background ({background}) is not waited for");
        let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
    eventually("the end of everything", || {
        (living_in_group(group).is_empty() && living_in_group(second).is_empty()).then_some(())
    })
    .await;
}
