//! Services as processes of this machine.

use std::{fs, net::TcpListener, sync::Arc};

use runbook_core::{
    EffectKey, LeftBehind, Live,
    event::Landed,
    ports::{DeployError, Deployed, Deployer, Order, Rehearsal},
    registry::{DeployerDefinition, Scope},
};
use runbook_process::LocalProcessDeployer;
use runbook_testkit::conformance::{self, DeployerCase};
use serde_json::{Value, json};

use super::{
    machine::{Project, SECRET, eventually, is_living, living_in_group, number_in},
    permit::{latch, set_latch, with_permit},
    trees::{Trees, release},
};

/// A service that says where and as what it runs, and lives until it is told to end.
const SERVICE: &str = "echo \"$1 in $PWD\"; echo $$ > \"$2/pid\"; exec sleep 300";

fn project_of(v1: &str, v2: &str) -> Project {
    Project::new(Some(Arc::new(Trees::default().with("v1", "bin/serve", v1).with("v2", "bin/serve", v2))))
}

fn project() -> Project {
    project_of(SERVICE, SERVICE)
}

pub fn deployer(scope: &Scope, more: Value) -> Arc<LocalProcessDeployer> {
    let mut settings =
        json!({"argv": ["./bin/serve", "{version}", scope.root], "settle": "150ms", "stop_timeout": "5s"});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Arc::new(LocalProcessDeployer::build(serde_json::from_value(settings).unwrap(), scope).unwrap())
}

fn order(version: &str) -> Order {
    Order { service: "api".parse().unwrap(), release: release(version), environment: "staging".parse().unwrap() }
}

async fn put(project: &Project, deployer: &Arc<LocalProcessDeployer>, version: &str) -> Result<Deployed, DeployError> {
    let (deployer, order) = (Arc::clone(deployer), order(version));
    with_permit(&project.scope, |permit| async move { deployer.deploy(&permit, &order).await }).await
}

async fn stop(project: &Project, deployer: &Arc<LocalProcessDeployer>) -> Result<Deployed, DeployError> {
    let deployer = Arc::clone(deployer);
    with_permit(&project.scope, |permit| async move { deployer.stop(&permit, &"api".parse().unwrap()).await }).await
}

async fn live(deployer: &LocalProcessDeployer) -> Live {
    deployer.live(&"api".parse().unwrap()).await.unwrap()
}

fn pid(deployed: &Deployed) -> u32 {
    deployed.detail["pid"].as_u64().unwrap().try_into().unwrap()
}

#[tokio::test]
async fn a_release_starts_is_replaced_and_stops() {
    let project = project();
    let deployer = deployer(&project.scope, json!({}));
    assert_eq!(live(&deployer).await, Live::Stopped);
    let first = pid(&put(&project, &deployer, "v1").await.unwrap());
    assert_eq!(live(&deployer).await, Live::Release(release("v1")));
    said(&project, "v1 in").await;
    let second = pid(&put(&project, &deployer, "v2").await.unwrap());
    assert!(!is_living(first) && is_living(second));
    assert_eq!(live(&deployer).await, Live::Release(release("v2")));
    let log = said(&project, "v2 in").await;
    let lines: Vec<&str> = log.lines().collect();
    let checkout =
        |version: &str| project.scope.state_dir.join("checkouts").join(release(version).commit.unwrap().as_str());
    assert_eq!(lines, [format!("v1 in {}", checkout("v1").display()), format!("v2 in {}", checkout("v2").display()),]);
    assert_eq!(stop(&project, &deployer).await.unwrap().detail["was_running"], true);
    assert!(!is_living(second));
    assert_eq!(live(&deployer).await, Live::Stopped);
    assert_eq!(stop(&project, &deployer).await.unwrap().detail["was_running"], false, "stopped stays stopped");
}

#[tokio::test]
async fn a_killed_service_is_seen_as_down_whatever_the_record_says() {
    let project = project();
    let deployer = deployer(&project.scope, json!({}));
    let pid = pid(&put(&project, &deployer, "v1").await.unwrap());
    kill(pid);
    eventually("the end of the service", || (!is_living(pid)).then_some(())).await;
    assert!(fs::read_to_string(project.service_file("state.json")).unwrap().contains("\"running\""));
    assert_eq!(live(&deployer).await, Live::Stopped);
    // A recycled process id changes nothing: the test's own process has it now, and is neither alive nor ended.
    let record = fs::read_to_string(project.service_file("state.json")).unwrap();
    let record = record.replace(&pid.to_string(), &std::process::id().to_string());
    fs::write(project.service_file("state.json"), record).unwrap();
    assert_eq!(live(&deployer).await, Live::Stopped);
    put(&project, &deployer, "v2").await.unwrap();
    assert_eq!(live(&deployer).await, Live::Release(release("v2")));
    stop(&project, &deployer).await.unwrap();
}

#[tokio::test]
async fn the_same_key_starts_a_release_once() {
    let project = project();
    let deployer = deployer(&project.scope, json!({}));
    let again = Arc::clone(&deployer);
    let (first, second) = with_permit(&project.scope, |permit| async move {
        let first = again.deploy(&permit, &order("v1")).await.unwrap();
        (first, again.deploy(&permit, &order("v1")).await.unwrap())
    })
    .await;
    assert_eq!(pid(&first), pid(&second));
    let third = put(&project, &deployer, "v1").await.unwrap();
    assert_ne!(pid(&third), pid(&first), "another key is another deploy");
    stop(&project, &deployer).await.unwrap();
}

#[tokio::test]
async fn a_service_that_does_not_listen_is_killed_with_its_group_and_its_runaways() {
    let stubborn = "trap '' TERM; setsid sleep 301 & echo $! > \"$2/runaway\"; (trap '' TERM; sleep 302; sleep 302) & \
                    echo $$ > \"$2/pid\"; while :; do sleep 1; done";
    let project = project_of(stubborn, SERVICE);
    let deployer = deployer(&project.scope, json!({"stop_timeout": "300ms"}));
    let group = pid(&put(&project, &deployer, "v1").await.unwrap());
    let runaway = number_in(&project.path("runaway")).await;
    stop(&project, &deployer).await.unwrap();
    assert_eq!(live(&deployer).await, Live::Stopped);
    eventually("the end of everything", || (living_in_group(group).is_empty() && !is_living(runaway)).then_some(()))
        .await;
}

#[tokio::test]
async fn a_service_that_ends_at_once_is_an_error_with_its_last_words() {
    let project = project_of(&format!("echo 'no module named app' >&2; echo {SECRET}; exit 3"), SERVICE);
    let deployer = deployer(&project.scope, json!({"settle": "20s"}));
    let error = put(&project, &deployer, "v1").await.unwrap_err();
    assert_eq!(error.left, LeftBehind::NoChange, "nothing ran before, and nothing runs now");
    let words = error
        .to_string()
        .replace("\"***\" (before that: no module named app)", "\"no module named app\" (before that: ***)");
    insta::assert_snapshot!(words);
    assert_eq!(live(&deployer).await, Live::Stopped);
    let running = self::deployer(&project.scope, json!({}));
    put(&project, &running, "v2").await.unwrap();
    let error = put(&project, &deployer, "v1").await.unwrap_err();
    assert_eq!(error.left, LeftBehind::Changed, "v2 is gone");
}

#[tokio::test]
async fn what_cannot_be_prepared_leaves_the_old_release_running() {
    let project = project();
    let with_v1 = deployer(&project.scope, json!({}));
    let old = pid(&put(&project, &with_v1, "v1").await.unwrap());
    let unknown = put(&project, &with_v1, "v9").await.unwrap_err();
    let no_program = deployer(&project.scope, json!({"argv": ["./bin/missing"]}));
    let no_program = put(&project, &no_program, "v2").await.unwrap_err();
    for error in [unknown, no_program] {
        assert_eq!(error.left, LeftBehind::NoChange, "{error}");
    }
    assert!(is_living(old));
    assert_eq!(live(&with_v1).await, Live::Release(release("v1")));
    stop(&project, &with_v1).await.unwrap();
}

#[tokio::test]
async fn a_port_of_somebody_else_is_respected() {
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let project = project().with_url(format!("http://localhost:{port}"));
    let deployer = deployer(&project.scope, json!({"start_timeout": "200ms"}));
    let error = put(&project, &deployer, "v1").await.unwrap_err();
    assert_eq!(error.left, LeftBehind::NoChange);
    let words = error.to_string().replace(&port.to_string(), "PORT");
    assert_eq!(words, "port PORT is occupied by another process; stop it or set API_URL to another port");
    assert_eq!(deployer.rehearse(&order("v1")).await.unwrap(), Rehearsal::Impossible(error.to_string()));
    drop(somebody);
    put(&project, &deployer, "v1").await.unwrap();
    // Somebody takes it while the service runs: the old release is gone by the time that shows.
    let _somebody = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let error = put(&project, &deployer, "v2").await.unwrap_err();
    assert_eq!(error.left, LeftBehind::Changed);
    assert_eq!(live(&deployer).await, Live::Stopped);
}

#[tokio::test]
async fn an_emergency_stop_holds_before_and_in_the_middle_of_a_deploy() {
    // The old release sets the latch as its last deed: after it has ended, and before the new one starts.
    let last_deed = "trap 'cp \"$2/latch\" \"$2/.runbook/stop-latch-staging.json\"; exit 0' TERM; echo $$ > \"$2/pid\"; \
                     while :; do sleep 0.05; done";
    let project = project_of(last_deed, SERVICE);
    let deployer = deployer(&project.scope, json!({}));
    put(&project, &deployer, "v1").await.unwrap();
    number_in(&project.path("pid")).await;
    let (scope, refused) = (project.scope.clone(), Arc::clone(&deployer));
    let refused = with_permit(&project.scope, |permit| async move {
        set_latch(&scope).await;
        refused.deploy(&permit, &order("v2")).await
    });
    assert_eq!(refused.await.unwrap_err().left, LeftBehind::NoChange);
    assert_eq!(live(&deployer).await, Live::Release(release("v1")));

    fs::remove_file(project.scope.state_dir.join("stop-latch-staging.json")).unwrap();
    fs::write(project.path("latch"), serde_json::to_vec(&latch()).unwrap()).unwrap();
    let error = put(&project, &deployer, "v2").await.unwrap_err();
    assert_eq!(error.left, LeftBehind::Changed, "{error}");
    assert!(error.to_string().starts_with("nothing was started: the stop latch is set"), "{error}");
    assert_eq!(live(&deployer).await, Live::Stopped);
}

#[tokio::test]
async fn an_emergency_stop_does_not_wait_out_the_grace_of_a_service() {
    let stubborn = "trap '' TERM; echo $$ > \"$2/pid\"; while :; do sleep 0.05; done";
    let project = project_of(stubborn, SERVICE);
    let deployer = deployer(&project.scope, json!({"stop_timeout": "300s"}));
    put(&project, &deployer, "v1").await.unwrap();
    let old = number_in(&project.path("pid")).await;
    let stop = async {
        let state = project.service_file("state.json");
        eventually("the stop", || fs::read_to_string(&state).ok()?.contains("\"stopping\"").then_some(())).await;
        set_latch(&project.scope).await;
        std::time::Instant::now()
    };
    let (error, since) = tokio::join!(put(&project, &deployer, "v2"), stop);
    assert!(since.elapsed() < std::time::Duration::from_secs(20), "it took {:?}", since.elapsed());
    let error = error.unwrap_err();
    assert_eq!(error.left, LeftBehind::Changed);
    assert!(error.to_string().starts_with("nothing was started: the stop latch is set"), "{error}");
    assert!(!is_living(old));
}

#[tokio::test]
async fn an_emergency_stop_does_not_wait_until_a_service_has_settled() {
    let project = project();
    let deployer = deployer(&project.scope, json!({"settle": "300s"}));
    let stop_emergency = async {
        number_in(&project.path("pid")).await;
        set_latch(&project.scope).await;
    };
    let (error, ()) = tokio::join!(put(&project, &deployer, "v1"), stop_emergency);
    let error = error.unwrap_err();
    assert_eq!(error.left, LeftBehind::Changed);
    assert!(error.to_string().starts_with("v1 was started and is left as it is: the stop latch is set"), "{error}");
    assert_eq!(live(&deployer).await, Live::Release(release("v1")));
    fs::remove_file(project.scope.state_dir.join("stop-latch-staging.json")).unwrap();
    stop(&project, &deployer).await.unwrap();
}

#[tokio::test]
async fn it_keeps_what_every_deployer_promises() {
    let project = project();
    let deployer = deployer(&project.scope, json!({}));
    let case = DeployerCase {
        deployer: &*deployer,
        service: "api".parse().unwrap(),
        environment: "staging".parse().unwrap(),
        releases: [release("v1"), release("v2")],
    };
    conformance::deployer(case).await;
}

#[tokio::test]
async fn recovery_is_told_what_became_of_an_effect() {
    let project = project();
    let deployer = deployer(&project.scope, json!({}));
    let service = "api".parse().unwrap();
    let strange: EffectKey = "run/deploy/api/deploy/1".parse().unwrap();
    let intended = Live::Release(release("v1"));
    let state = async |key: &EffectKey, intended: &Live| deployer.state(key, &service, intended).await.unwrap();
    assert_eq!(state(&strange, &intended).await, Landed::DidNotHappen);
    assert_eq!(state(&strange, &Live::Stopped).await, Landed::Happened);

    let starting = Arc::clone(&deployer);
    let key = with_permit(&project.scope, |permit| async move {
        starting.deploy(&permit, &order("v1")).await.unwrap();
        permit.key().clone()
    })
    .await;
    assert_eq!(state(&key, &intended).await, Landed::Happened);
    assert_eq!(state(&strange, &intended).await, Landed::DidNotHappen);
    assert_eq!(state(&strange, &Live::Stopped).await, Landed::DidNotHappen);

    let lock = fs::File::open(project.service_file("deploy.lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(state(&strange, &intended).await, Landed::Unknown, "somebody is in the middle of something");
    assert_eq!(live(&deployer).await, Live::Unknown);
    lock.unlock().unwrap();

    kill(number_in(&project.path("pid")).await);
    eventually("the end of the service", || {
        fs::File::open(project.service_file("alive.lock")).unwrap().try_lock_shared().ok()
    })
    .await;
    assert_eq!(state(&key, &intended).await, Landed::Unknown, "it happened, and is over: neither word would be true");
    assert_eq!(live(&deployer).await, Live::Stopped, "and this is what is recorded instead");
    fs::write(project.service_file("state.json"), "{").unwrap();
    assert_eq!(state(&strange, &intended).await, Landed::Unknown, "a record that cannot be read proves nothing");
}

#[tokio::test]
async fn two_at_once_do_not_change_a_service_together() {
    let project = project();
    let (one, other) = (deployer(&project.scope, json!({})), deployer(&project.scope, json!({})));
    let results = with_permit(&project.scope, |permit| async move {
        let (v1, v2) = (order("v1"), order("v2"));
        tokio::join!(one.deploy(&permit, &v1), other.deploy(&permit, &v2))
    })
    .await;
    // The same key: whoever came second found it done.
    assert_eq!(pid(&results.0.unwrap()), pid(&results.1.unwrap()));
    let any = deployer(&project.scope, json!({}));
    let running: u32 = number_in(&project.path("pid")).await;
    assert_eq!(living_in_group(running), [running]);
    stop(&project, &any).await.unwrap();
}

#[tokio::test]
async fn a_service_gets_only_named_variables() {
    let project = project_of("(env; echo done) > \"$2/env\"; exec sleep 300", SERVICE);
    let deployer = deployer(&project.scope, json!({"env": {"MODE": "live"}, "pass_env": ["CARGO_PKG_NAME"]}));
    put(&project, &deployer, "v1").await.unwrap();
    let env = eventually("the service's report", || {
        fs::read_to_string(project.path("env")).ok().filter(|env| env.ends_with("done\n"))
    })
    .await;
    assert!(
        env.contains("MODE=live") && env.contains("CARGO_PKG_NAME=") && !env.contains("CARGO_MANIFEST_DIR="),
        "{env}"
    );
    stop(&project, &deployer).await.unwrap();
}

#[tokio::test]
async fn a_service_that_closes_its_lock_is_told_what_to_do() {
    // Whoever daemonises closes every descriptor; a shell cannot close this one, so it takes another language.
    let project = project();
    let closing = "import os, time\nos.close(97)\ntime.sleep(300)";
    let deployer = deployer(&project.scope, json!({"argv": ["python3", "-c", closing], "settle": "20s"}));
    let error = put(&project, &deployer, "v1").await.unwrap_err();
    assert!(error.to_string().contains("run it in the foreground"), "{error}");
}

#[tokio::test]
async fn a_long_log_is_put_aside() {
    let project = project();
    let deployer = deployer(&project.scope, json!({}));
    put(&project, &deployer, "v1").await.unwrap();
    stop(&project, &deployer).await.unwrap();
    let log = fs::OpenOptions::new().write(true).open(project.service_file("output.log")).unwrap();
    log.set_len(11 * 1024 * 1024).unwrap();
    put(&project, &deployer, "v2").await.unwrap();
    assert!(fs::metadata(project.service_file("output.log")).unwrap().len() < 1_000);
    assert_eq!(fs::metadata(project.service_file("output.1.log")).unwrap().len(), 11 * 1024 * 1024);
    stop(&project, &deployer).await.unwrap();
}

#[tokio::test]
async fn a_rehearsal_says_what_it_checked() {
    let project = project().with_url("http://127.0.0.1:1".into());
    let subject = deployer(&project.scope, json!({}));
    let before = subject.rehearse(&order("v1")).await.unwrap();
    put(&project, &subject, "v1").await.unwrap();
    let after = subject.rehearse(&order("v1")).await.unwrap();
    let unknown = subject.rehearse(&order("v9")).await.unwrap();
    let missing = deployer(&project.scope, json!({"argv": ["no-such-program"]})).rehearse(&order("v2")).await.unwrap();
    insta::assert_debug_snapshot!([before, after, unknown, missing]);
    stop(&project, &subject).await.unwrap();
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let project = project();
    let build = |settings: Value, scope: &Scope| {
        LocalProcessDeployer::build(serde_json::from_value(settings).unwrap(), scope).unwrap_err()
    };
    for cwd in ["/etc", "../other"] {
        assert_eq!(build(json!({"argv": ["x"], "cwd": cwd}), &project.scope).key.as_deref(), Some("cwd"));
    }
    assert_eq!(build(json!({"argv": ["x", "{port}"]}), &project.scope).key.as_deref(), Some("argv"));
    let scope = Scope { service: None, ..project.scope.clone() };
    assert!(build(json!({"argv": ["x"]}), &scope).to_string().contains("one service"));
}

/// The service's log, once these words are in it.
async fn said(project: &Project, words: &str) -> String {
    let log = project.service_file("output.log");
    eventually(words, || fs::read_to_string(&log).ok().filter(|log| log.contains(words))).await
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
