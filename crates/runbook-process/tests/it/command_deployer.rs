//! Deploying by commands.

use std::{fs, sync::Arc};

use runbook_core::{
    LeftBehind, Live, Release,
    event::Landed,
    ports::{DeployError, Deployed, Deployer, Order, Rehearsal},
    registry::DeployerDefinition,
};
use runbook_process::CommandDeployer;
use runbook_testkit::conformance::{self, DeployerCase};
use serde_json::{Value, json};

use super::{
    machine::{Project, SECRET, eventually, living_in_group, number_in},
    permit::{set_latch, with_permit},
    trees::{Trees, release},
};

/// A tool that keeps what is live in a file, and does what its second argument says.
const TOOL: &str = r#"
case "$1" in
  live) cat live; exit 0 ;;
  stop) echo - > live; exit 0 ;;
esac
echo "$RUNBOOK_EFFECT_KEY" >> keys
case "$2" in
  good) echo "$1" > live ;;
  half) echo "$1" > live; echo "lost the connection" >&2; exit 4 ;;
  bad) echo "refused" >&2; exit 5 ;;
  hang) sleep 300 ;;
  other) echo v0 > live; exit 6 ;;
esac
"#;

fn project() -> Project {
    let project = Project::new(Some(Arc::new(Trees::default().with("v1", "x", "").with("v2", "x", ""))));
    project.script("tool", TOOL);
    fs::write(project.path("live"), "v1\n").unwrap();
    project
}

fn deployer(project: &Project, settings: Value) -> Arc<CommandDeployer> {
    Arc::new(CommandDeployer::build(serde_json::from_value(settings).unwrap(), &project.scope).unwrap())
}

fn order(version: &str) -> Order {
    Order { service: "api".parse().unwrap(), release: release(version), environment: "staging".parse().unwrap() }
}

async fn deploy(project: &Project, settings: Value) -> Result<Deployed, DeployError> {
    let deployer = deployer(project, settings);
    with_permit(&project.scope, |permit| async move { deployer.deploy(&permit, &order("v2")).await }).await
}

#[tokio::test]
async fn exit_code_0_means_done_and_the_key_is_handed_over() {
    let project = project();
    let done = deploy(&project, json!({"deploy": ["./tool", "{version}", "good"]})).await.unwrap();
    assert_eq!(done.detail["exit_code"], 0);
    assert_eq!(fs::read_to_string(project.path("live")).unwrap(), "v2\n");
    let key = fs::read_to_string(project.path("keys")).unwrap();
    assert!(key.trim().parse::<runbook_core::EffectKey>().is_ok(), "{key:?} is the effect's key");
}

#[tokio::test]
async fn after_a_failure_only_what_was_measured_is_claimed() {
    for (behaviour, measured, left) in [
        ("bad", false, LeftBehind::Unknown),
        ("bad", true, LeftBehind::NoChange),
        ("half", true, LeftBehind::Changed),
        ("other", true, LeftBehind::Changed),
        ("hang", false, LeftBehind::Unknown),
        ("hang", true, LeftBehind::NoChange),
    ] {
        let project = project();
        let mut settings = json!({"deploy": ["./tool", "{version}", behaviour]});
        if behaviour == "hang" {
            settings["timeout"] = json!("1s");
        }
        if measured {
            settings["live"] = json!(["./tool", "live"]);
        }
        let error = deploy(&project, settings).await.unwrap_err();
        assert_eq!(error.left, left, "{behaviour}, measured {measured}: {error}");
    }
}

#[tokio::test]
async fn errors_read_well_and_hold_no_secret() {
    let project = project();
    project.script("leak", &format!("echo 'using {SECRET}'; echo 'no space left' >&2; exit 9"));
    let leak = deploy(&project, json!({"deploy": ["./leak"], "live": ["./tool", "live"]})).await.unwrap_err();
    let missing = deploy(&project, json!({"deploy": ["./missing"]})).await.unwrap_err();
    let no_stop = {
        let deployer = deployer(&project, json!({"deploy": ["./tool"]}));
        let service = "api".parse().unwrap();
        with_permit(&project.scope, |permit| async move { deployer.stop(&permit, &service).await }).await.unwrap_err()
    };
    assert_eq!((missing.left, no_stop.left), (LeftBehind::NoChange, LeftBehind::NoChange));
    let words: Vec<String> =
        [leak, missing, no_stop].iter().map(|error| runbook_core::engine::with_causes(error)).collect();
    // The two streams of a process reach their reader in no certain order.
    insta::assert_snapshot!(
        words
            .join("\n")
            .replace("\"using ***\" (before that: no space left)", "\"no space left\" (before that: using ***)")
    );
}

#[tokio::test]
async fn live_is_the_last_line_and_is_asked_of_the_repository() {
    let project = project();
    let service = "api".parse().unwrap();
    for (script, expected) in [
        ("echo checking; echo v1; echo; echo", Some(Live::Release(release("v1")))),
        (
            "echo v1.9-unknown-here",
            Some(Live::Release(Release { id: "v1.9-unknown-here".parse().unwrap(), commit: None })),
        ),
        ("echo -", Some(Live::Stopped)),
        ("true", Some(Live::Unknown)),
        ("echo v1 >&2", Some(Live::Unknown)),
        ("echo not a version", None),
        ("echo v1; exit 1", None),
    ] {
        project.script("ask", script);
        let live = deployer(&project, json!({"deploy": ["x"], "live": ["./ask"]})).live(&service).await;
        assert_eq!(live.ok(), expected, "{script}");
    }
    assert_eq!(deployer(&project, json!({"deploy": ["x"]})).live(&service).await.unwrap(), Live::Unknown);
}

#[tokio::test]
async fn stopping_is_believed_only_when_it_is_not_contradicted() {
    let project = project();
    let stop = async |settings: Value| {
        let deployer = deployer(&project, settings);
        let service = "api".parse().unwrap();
        with_permit(&project.scope, |permit| async move { deployer.stop(&permit, &service).await }).await
    };
    let lying = json!({"deploy": ["x"], "stop": ["true"], "live": ["./tool", "live"]});
    assert_eq!(stop(lying).await.unwrap_err().left, LeftBehind::Unknown);
    stop(json!({"deploy": ["x"], "stop": ["./tool", "stop"], "live": ["./tool", "live"]})).await.unwrap();
}

#[tokio::test]
async fn an_emergency_stop_after_the_permit_still_holds() {
    let project = project();
    let deployer = deployer(&project, json!({"deploy": ["./tool", "{version}", "good"]}));
    let scope = project.scope.clone();
    let refused = with_permit(&project.scope, |permit| async move {
        set_latch(&scope).await;
        deployer.deploy(&permit, &order("v2")).await
    })
    .await
    .unwrap_err();
    assert_eq!(refused.left, LeftBehind::NoChange);
    assert!(refused.to_string().contains("smoke in the server room"), "{refused}");
    assert_eq!(fs::read_to_string(project.path("live")).unwrap(), "v1\n");
}

#[tokio::test]
async fn an_emergency_stop_ends_a_command_that_is_at_work() {
    let project = project();
    project.script("hang", "echo $$ > group; sleep 300");
    let deployer = deployer(&project, json!({"deploy": ["./hang"], "live": ["./tool", "live"]}));
    let (scope, file) = (project.scope.clone(), project.path("group"));
    let (error, group) = with_permit(&project.scope, |permit| async move {
        let order = order("v2");
        let stop = async {
            let group = number_in(&file).await;
            set_latch(&scope).await;
            group
        };
        tokio::join!(deployer.deploy(&permit, &order), stop)
    })
    .await;
    let error = error.unwrap_err();
    assert_eq!(error.left, LeftBehind::NoChange);
    assert!(error.to_string().starts_with("the command was killed, because the stop latch is set"), "{error}");
    eventually("the end of the command", || living_in_group(group).is_empty().then_some(())).await;
}

#[tokio::test]
async fn it_keeps_what_every_deployer_promises() {
    let project = project();
    let settings = json!({
        "deploy": ["./tool", "{version}", "good"], "stop": ["./tool", "stop"], "live": ["./tool", "live"],
    });
    let deployer = deployer(&project, settings);
    let case = DeployerCase {
        deployer: &*deployer,
        service: "api".parse().unwrap(),
        environment: "staging".parse().unwrap(),
        releases: [release("v1"), release("v2")],
    };
    conformance::deployer(case).await;
}

#[tokio::test]
async fn activate_has_a_command_of_its_own() {
    let project = project();
    project.script("back", "echo \"back to $1 $2\" > live");
    let settings =
        json!({"deploy": ["./tool", "{version}", "good"], "rollback_command": ["./back", "{version}", "{commit}"]});
    let deployer = deployer(&project, settings);
    with_permit(&project.scope, |permit| async move { deployer.activate(&permit, &order("v1")).await }).await.unwrap();
    let live = fs::read_to_string(project.path("live")).unwrap();
    assert_eq!(live, format!("back to v1 {}\n", release("v1").commit.unwrap()));
}

#[tokio::test]
async fn after_a_crash_the_outside_world_is_asked() {
    let project = project();
    let key: runbook_core::EffectKey = "run/deploy/api/deploy/1".parse().unwrap();
    let service = "api".parse().unwrap();
    let intended = Live::Release(release("v1"));
    let state = async |settings: Value| deployer(&project, settings).state(&key, &service, &intended).await.unwrap();
    assert_eq!(state(json!({"deploy": ["x"]})).await, Landed::Unknown);
    assert_eq!(state(json!({"deploy": ["x"], "live": ["./tool", "live"]})).await, Landed::Happened);
    fs::write(project.path("live"), "v2\n").unwrap();
    assert_eq!(state(json!({"deploy": ["x"], "live": ["./tool", "live"]})).await, Landed::Unknown);
    project.script("state", r#"[ "$RUNBOOK_EFFECT_KEY" = run/deploy/api/deploy/1 ] && echo did-not-happen"#);
    assert_eq!(state(json!({"deploy": ["x"], "state": ["./state"]})).await, Landed::DidNotHappen);
    project.script("state", "echo happened; exit 1");
    assert_eq!(state(json!({"deploy": ["x"], "state": ["./state"]})).await, Landed::Unknown);
}

#[tokio::test]
async fn a_rehearsal_looks_and_starts_nothing() {
    let project = project();
    let rehearse =
        async |settings: Value, version: &str| deployer(&project, settings).rehearse(&order(version)).await.unwrap();
    let possible = rehearse(json!({"deploy": ["./tool", "{version}", "good"]}), "v2").await;
    assert!(matches!(possible, Rehearsal::Possible(_)), "{possible:?}");
    for (settings, version) in [
        (json!({"deploy": ["./tool"]}), "v9"),
        (json!({"deploy": ["./missing"]}), "v2"),
        (json!({"deploy": ["./tool"], "activate": ["no-such-program-anywhere"]}), "v2"),
    ] {
        let impossible = rehearse(settings.clone(), version).await;
        assert!(matches!(impossible, Rehearsal::Impossible(_)), "{settings}: {impossible:?}");
    }
    assert!(!project.path("keys").exists(), "nothing was started");
}

#[test]
fn a_placeholder_without_a_value_is_refused_when_it_is_built() {
    let project = project();
    let build = |settings: Value| CommandDeployer::build(serde_json::from_value(settings).unwrap(), &project.scope);
    let error = build(json!({"deploy": ["x"], "stop": ["x", "{version}"]})).unwrap_err();
    assert_eq!(error.key.as_deref(), Some("stop"));
    assert!(build(json!({"deploy": []})).is_err());
}
