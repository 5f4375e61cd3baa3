//! CI by commands.

use std::{fs, sync::Arc, time::Duration};

use runbook_core::{
    ports::{Checkout, Ci, CiError, CiOrder, CiReport},
    registry::{BuildError, CiDefinition, Scope},
};
use runbook_process::CommandCi;
use serde_json::{Value, json};

use super::{
    machine::{Project, SECRET, eventually, living_in_group, number_in},
    trees::{Trees, commit, release},
};

fn build(scope: &Scope, settings: Value) -> Result<CommandCi, BuildError> {
    CommandCi::build(serde_json::from_value(settings).unwrap(), scope)
}

fn order(version: Option<&str>) -> CiOrder {
    CiOrder { environment: "staging".parse().unwrap(), release: version.map(release) }
}

async fn run(project: &Project, settings: Value) -> Result<CiReport, CiError> {
    build(&project.scope, settings).unwrap().run(&order(None)).await
}

#[tokio::test]
async fn commands_run_in_order_up_to_the_first_that_fails() {
    let project = Project::new(None);
    project.script("step", "echo \"out $1\"; echo \"err $1\" >&2; echo \"$1\" >> ran; exit \"$1\"");
    let report = run(&project, json!({"commands": [["./step", "0"], ["./step", "3"], ["./step", "0"]]})).await.unwrap();
    let codes: Vec<_> = report.commands.iter().map(|command| command.exit_code).collect();
    assert_eq!(codes, [Some(0), Some(3)]);
    assert_eq!(report.failure().unwrap().argv, ["./step", "3"]);
    let mut tail = report.commands[1].tail.clone();
    tail.sort();
    assert_eq!(tail, ["err 3", "out 3"]);
    assert_eq!(fs::read_to_string(project.path("ran")).unwrap(), "0\n3\n");
}

#[tokio::test]
async fn no_shell_reads_the_arguments() {
    let project = Project::new(None);
    project.script("show", "printf '%s\\n' \"$@\"");
    let arguments = ["$HOME", "`id`", "$(touch made)", "; touch made", "a b", "*", "--environment={environment}"];
    let command: Vec<&str> = ["./show"].into_iter().chain(arguments).collect();
    let report = run(&project, json!({"commands": [command]})).await.unwrap();
    let mut expected = arguments.map(str::to_owned);
    expected[6] = "--environment=staging".into();
    assert_eq!(report.commands[0].tail, expected);
    assert!(!project.path("made").exists());
}

#[tokio::test]
async fn secrets_are_in_no_report_and_no_error() {
    let project = Project::new(None);
    project.script("leak", "echo \"token: $1\"; printf 'colour \\033[31m%s\\033[0m\\n' \"$1\" >&2; sleep \"$2\"");
    let report = run(&project, json!({"commands": [["./leak", SECRET, "0"]]})).await.unwrap();
    let command = &report.commands[0];
    assert_eq!(command.argv, ["./leak", "***", "0"]);
    assert!(command.tail.contains(&"token: ***".to_owned()) && command.tail.contains(&"colour ***".to_owned()));
    let slow = run(&project, json!({"commands": [["./leak", SECRET, "60"]], "timeout": "3s"})).await.unwrap_err();
    assert!(slow.to_string().contains("token: ***"), "{slow}");
    assert!(!format!("{slow} {slow:?} {report:?}").contains(SECRET));
}

#[tokio::test]
async fn only_named_variables_reach_a_command() {
    let project = Project::new(None);
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok(), "cargo sets it for tests, so there is something to keep back");
    let settings =
        json!({"commands": [["env"]], "env": {"MODE": "ci"}, "pass_env": ["CARGO_PKG_NAME", "NOT_SET_ANYWHERE"]});
    let report = run(&project, settings).await.unwrap();
    let mut names: Vec<&str> =
        report.commands[0].tail.iter().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names
        .retain(|name| !["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "PWD", "SHLVL", "_"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["CARGO_PKG_NAME", "MODE"]);
}

#[tokio::test]
async fn a_command_that_hangs_is_ended_with_its_grandchildren() {
    let project = Project::new(None);
    // Neither listens to SIGTERM, and the grandchild holds the output.
    project.script(
        "hang",
        "trap '' TERM; echo $$ > group; sh -c 'trap \"\" TERM; sleep 300; sleep 300' & sleep 300; wait",
    );
    let error = run(&project, json!({"commands": [["./hang"]], "timeout": "300ms"})).await.unwrap_err();
    assert!(matches!(error, CiError::Timeout { .. }), "{error:?}");
    let group = number_in(&project.path("group")).await;
    eventually("the end of the whole group", || living_in_group(group).is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_dropped_future_leaves_no_orphan() {
    let project = Project::new(None);
    project.script("hang", "sleep 300 & echo $$ > group; sleep 300");
    let ci = build(&project.scope, json!({"commands": [["./hang"]]})).unwrap();
    let (order, file) = (order(None), project.path("group"));
    let group = tokio::select! {
        ended = ci.run(&order) => panic!("it hangs: {ended:?}"),
        group = number_in(&file) => group,
    };
    eventually("the end of the whole group", || living_in_group(group).is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_grandchild_that_holds_the_output_does_not_hang_the_read() {
    let project = Project::new(None);
    project.script("leave", "echo $$ > group; sleep 300 & echo done");
    let started = std::time::Instant::now();
    let report = run(&project, json!({"commands": [["./leave"]]})).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(30));
    assert_eq!(report.commands[0].exit_code, Some(0));
    assert_eq!(report.commands[0].tail, ["done", "(a process that it left behind held its output and was killed)"]);
    let group = number_in(&project.path("group")).await;
    eventually("the end of the grandchild", || living_in_group(group).is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_flood_of_output_is_bounded_and_read_to_its_end() {
    let project = Project::new(None);
    project.script("flood", "head -c 30000000 /dev/zero | tr '\\0' 'x'; echo; seq 1 200000; exit 7");
    let report = run(&project, json!({"commands": [["./flood"]]})).await.unwrap();
    let command = &report.commands[0];
    assert_eq!((command.exit_code, command.tail.len()), (Some(7), 50));
    assert_eq!(command.tail.last().unwrap(), "200000");
}

#[tokio::test]
async fn a_signal_is_no_exit_code_and_a_missing_program_is_no_failed_command() {
    let project = Project::new(None);
    project.script("die", "kill -9 $$");
    let report = run(&project, json!({"commands": [["./die"]]})).await.unwrap();
    assert_eq!(report.failure().unwrap().exit_code, None);
    let missing = run(&project, json!({"commands": [["./missing"]]})).await.unwrap_err();
    assert!(matches!(missing, CiError::Start { .. }), "{missing:?}");
    let nowhere = run(&project, json!({"commands": [["true"]], "cwd": "nowhere"})).await.unwrap_err();
    assert!(runbook_core::engine::with_causes(&nowhere).contains("nowhere is missing"), "{nowhere:?}");
}

#[tokio::test]
async fn what_is_tested_is_what_will_be_deployed() {
    let worktree = |head: &str, dirty: &[&str]| {
        let dirty = dirty.iter().map(|&path| path.to_owned()).collect();
        let worktree = Some(Checkout { branch: None, head: Some(commit(head)), dirty });
        let mut trees = Trees::default().with("v1", "test", "echo v1").with("v2", "test", "echo v2");
        trees.worktree = worktree;
        let project = Project::new(Some(Arc::new(trees)));
        project.script("test", "echo worktree");
        project
    };
    for (head, dirty, release, expected) in [
        ("v1", &[][..], Some("v1"), "worktree"),
        ("v1", &["main.py"][..], Some("v1"), "v1"),
        ("v1", &[][..], Some("v2"), "v2"),
        ("v1", &["main.py"][..], None, "worktree"),
    ] {
        let project = worktree(head, dirty);
        let ci = build(&project.scope, json!({"commands": [["./test"]]})).unwrap();
        let report = ci.run(&order(release)).await.unwrap();
        assert_eq!(report.commands[0].tail, [expected], "{release:?} at {head} with {dirty:?}");
    }
    let project = worktree("v1", &[]);
    let ci = build(&project.scope, json!({"commands": [["./test"]]})).unwrap();
    assert!(ci.run(&order(Some("v9"))).await.is_err(), "an unknown release is not tested as something else");
}

#[test]
fn ci_that_would_test_nothing_is_refused() {
    let project = Project::new(None);
    for (settings, key) in [
        (json!({"commands": []}), "commands"),
        (json!({"commands": [[]]}), "commands"),
        (json!({"commands": [["true", "{component}"]]}), "commands"),
        (json!({"commands": [["true"]], "timeout": "0s"}), "timeout"),
        (json!({"commands": [["true"]], "env": {"": "x"}}), "env"),
    ] {
        assert_eq!(build(&project.scope, settings.clone()).unwrap_err().key.as_deref(), Some(key), "{settings}");
    }
}
