//! Measuring by commands.

use std::time::Duration;

use runbook_core::{
    Health, Reading,
    engine::with_causes,
    ports::{Probe, ProbeError},
    registry::{BuildError, Lookup, ProbeDefinition, Scope},
};
use runbook_process::CommandProbe;
use runbook_testkit::conformance::{self, ProbeCases};
use serde_json::{Value, json};

use super::machine::{Project, SECRET, eventually, living_in_group, number_in};

/// A check that says what it is told to, with the exit code that it is told.
const CHECK: &str = r#"echo "$2"; exit "$1""#;

fn project() -> Project {
    let project = Project::new(None);
    project.script("check", CHECK);
    project
}

fn build(scope: &Scope, settings: Value) -> Result<CommandProbe, BuildError> {
    CommandProbe::build(serde_json::from_value(settings).unwrap(), scope)
}

async fn sample(project: &Project, settings: Value) -> Result<Reading, ProbeError> {
    build(&project.scope, settings).unwrap().sample().await
}

/// The evidence without the time that it took.
fn shown(reading: &Reading) -> String {
    let (before, rest) = reading.evidence.split_once(" in ").unwrap();
    let (_, after) = rest.split_once("ms").unwrap();
    format!("{}: {before}{after}", reading.health)
}

#[tokio::test]
async fn it_does_what_every_probe_promises() {
    let project = project();
    let probe = |settings: Value| build(&project.scope, settings).unwrap();
    let hung = json!({"argv": ["sleep", "300"], "timeout": "300ms"});
    conformance::probe(ProbeCases {
        healthy: &probe(json!({"argv": ["./check", "0", "ok"], "expect": {"output": "ok"}})),
        unhealthy: &probe(json!({"argv": ["./check", "2", "down"]})),
        unmeasurable: Some(&probe(json!({"argv": ["./missing"]}))),
        silent: Some(&probe(hung)),
        limit: Duration::from_secs(20),
    })
    .await;
}

#[tokio::test]
async fn exit_code_and_output_say_how_the_service_is() {
    let project = project();
    let mut readings = Vec::new();
    for (code, says, more) in [
        ("0", "all good", json!({})),
        ("1", "1 job failed", json!({})),
        ("1", "WARNING - 120 waiting", json!({"nagios": true})),
        ("2", "CRITICAL - 900 waiting", json!({"nagios": true})),
        ("5", "", json!({"expect": {"exit_code": [0, 4]}})),
        ("4", "lag 3 s", json!({"expect": {"exit_code": 4, "output": "~ ^lag \\d s$"}})),
        ("0", "lag 30 s", json!({"expect": {"output": "~ ^lag \\d s$"}})),
        ("0", "lag 30 s", json!({"degrade": {"output": "~ ^lag \\d s$"}})),
    ] {
        let mut settings = json!({"argv": ["./check", code, says]});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reading = sample(&project, settings).await.unwrap();
        assert!(reading.latency_ms.is_some_and(|ms| ms > 0.0), "{reading:?}");
        readings.push(shown(&reading));
    }
    insta::assert_snapshot!(readings.join("\n"));
}

/// A check that did not run, or did not get to its end, measured nothing of the service.
#[tokio::test]
async fn a_check_that_measured_nothing_is_unknown() {
    let project = project();
    project.script("die", "echo first; kill -9 $$");
    std::fs::write(project.path("plain"), "no program").unwrap();
    let mut words = Vec::new();
    for settings in [
        json!({"argv": ["./missing"]}),
        json!({"argv": ["./plain"]}),
        json!({"argv": ["true"], "cwd": "nowhere"}),
        json!({"argv": ["./die"]}),
        json!({"argv": ["sh", "-c", "./missing 2> missing.log"]}),
        json!({"argv": ["./check", "3", "UNKNOWN - no route"], "nagios": true}),
        json!({"argv": ["./check", "64", "wrong arguments"], "nagios": true}),
        json!({"argv": ["./check", "9", "cannot tell"], "unknown_codes": [9]}),
        json!({"argv": ["sh", "-c", "echo waiting; sleep 300"], "timeout": "300ms"}),
    ] {
        let error = sample(&project, settings).await.unwrap_err();
        words.push(with_causes(&error).replace(project.path("").to_str().unwrap(), "ROOT/"));
    }
    insta::assert_snapshot!(words.join("\n"));
}

#[tokio::test]
async fn a_check_that_hangs_is_killed_at_once_with_its_grandchildren() {
    let project = project();
    // Neither listens to SIGTERM, and the grandchild holds the output.
    project.script(
        "hang",
        "trap '' TERM; echo $$ > group; sh -c 'trap \"\" TERM; sleep 300; sleep 300' & sleep 300; wait",
    );
    let started = std::time::Instant::now();
    let error = sample(&project, json!({"argv": ["./hang"], "timeout": "300ms"})).await.unwrap_err();
    assert!(error.message.contains("did not end within 300ms and was killed"), "{error}");
    assert!(started.elapsed() < Duration::from_millis(3_200), "a check gets no time to put things right");
    let group = number_in(&project.path("group")).await;
    eventually("the end of the whole group", || living_in_group(group).is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_dropped_sample_leaves_no_orphan() {
    let project = project();
    project.script("hang", "sleep 300 & echo $$ > group; sleep 300");
    let probe = build(&project.scope, json!({"argv": ["./hang"]})).unwrap();
    let file = project.path("group");
    let group = tokio::select! {
        ended = probe.sample() => panic!("it hangs: {ended:?}"),
        group = number_in(&file) => group,
    };
    eventually("the end of the whole group", || living_in_group(group).is_empty().then_some(())).await;
}

#[tokio::test]
async fn output_without_an_end_is_bounded_and_compares_with_nothing() {
    let project = project();
    project.script("flood", "head -c 30000000 /dev/zero | tr '\\0' 'x'; echo; seq 1 100000; echo ok");
    let plain = sample(&project, json!({"argv": ["./flood"]})).await.unwrap();
    assert_eq!(plain.health, Health::Healthy, "without a condition, the exit code is all that counts");
    assert!(plain.evidence.len() < 1_000, "{}", plain.evidence.len());
    assert!(plain.evidence.ends_with("\"ok\" (before that: 100000 | 99999 | 99998 | 99997)"), "{}", plain.evidence);
    let asked = sample(&project, json!({"argv": ["./flood"], "expect": {"output": "~ ok$"}})).await.unwrap();
    assert_eq!(asked.health, Health::Unknown);
    assert!(asked.evidence.contains("expected output ~ ok$, but it is longer than 65536 bytes"), "{}", asked.evidence);
    let bytes = json!({"argv": ["printf", "ok\\377"], "expect": {"output": "~ ok"}});
    let bytes = sample(&project, bytes).await.unwrap();
    assert_eq!(bytes.health, Health::Unknown);
    assert!(bytes.evidence.contains("but it is not UTF-8"), "{}", bytes.evidence);
}

#[tokio::test]
async fn secrets_and_terminal_codes_are_in_no_evidence() {
    let project = project();
    project.script("leak", "printf 'token: %s\\033[31m red \\033[0m\\342\\200\\256\\a\\n' \"$1\"; exit \"$2\"");
    let reading = sample(&project, json!({"argv": ["./leak", SECRET, "0"]})).await.unwrap();
    assert_eq!(shown(&reading), "healthy: ./leak *** 0 → exit code 0: \"token: *** red\"");
    let slow = json!({"argv": ["sh", "-c", "./leak \"$1\" 0; sleep 300", "x", SECRET], "timeout": "2s"});
    let probe = build(&project.scope, slow).unwrap();
    let slow = probe.sample().await.unwrap_err();
    assert!(slow.message.contains("token: *** red"), "{slow}");
    assert!(!format!("{slow} {slow:?} {reading:?} {probe:?}").contains(SECRET));
    // What a condition looks at is what was printed.
    let met = json!({"argv": ["./leak", SECRET, "0"], "expect": {"output": format!("~ {SECRET}")}});
    assert_eq!(sample(&project, met).await.unwrap().health, Health::Healthy);
    let unmet = json!({"argv": ["true"], "expect": {"output": format!("~ {SECRET}")}});
    let unmet = sample(&project, unmet).await.unwrap();
    assert_eq!(shown(&unmet), "unhealthy: true → exit code 0; expected output ~ ***");
}

/// Nobody can tell any more which of them came from a secret variable.
#[tokio::test]
async fn values_that_a_program_is_told_by_variables_are_in_no_evidence() {
    let mut project = project();
    project.scope.variables = Lookup::fixed([("PATH", "/usr/bin:/bin"), ("PASSED", "passed-and-secret"), ("N", "7")]);
    project.script("leak", "echo \"dsn $DSN passed $PASSED mode $MODE n $N\"; exit 1");
    let settings = json!({
        "argv": ["./leak", "--dsn=dsn-that-is-secret"],
        "env": {"DSN": "dsn-that-is-secret", "MODE": "check"},
        "pass_env": ["PASSED", "N"],
        "expect": {"output": "~ passed-and-secret!"},
    });
    let probe = build(&project.scope, settings).unwrap();
    let reading = probe.sample().await.unwrap();
    assert_eq!(
        shown(&reading),
        "unhealthy: ./leak --dsn=*** → exit code 1: \"dsn *** passed *** mode check n 7\"; expected exit code 0; \
         expected output ~ ***!"
    );
    assert!(!format!("{probe:?}").contains("--dsn=dsn-that-is-secret"), "{probe:?}");
    let hung = json!({"argv": ["sh", "-c", "echo $PASSED; sleep 300"], "pass_env": ["PASSED"], "timeout": "2s"});
    let error = sample(&project, hung).await.unwrap_err();
    assert!(error.message.contains("its last words: \"***\""), "{error}");
}

#[tokio::test]
async fn no_shell_reads_the_arguments_and_only_named_variables_reach_the_program() {
    let project = project();
    project
        .script("sub/show", "printf '%s|' \"$@\" \"$MODE\" \"$CARGO_PKG_NAME\" \"$CARGO_MANIFEST_DIR\" \"${PWD##*/}\"");
    let reading = sample(
        &project,
        json!({
            "argv": ["./show", "$HOME `id`; touch made", "{component}@{environment}", "{{}}"],
            "cwd": "sub",
            "env": {"MODE": "check"},
            "pass_env": ["CARGO_PKG_NAME"],
            "expect": {"output": "$HOME `id`; touch made|api@staging|{}|check|runbook-process||sub|"},
        }),
    )
    .await
    .unwrap();
    assert_eq!(reading.health, Health::Healthy, "{}", reading.evidence);
    assert!(!project.path("sub/made").exists());
}

#[tokio::test]
async fn a_service_out_of_reach_is_not_asked_about() {
    let mut project = project();
    project.script("check", "touch ran");
    project.scope.service.as_mut().unwrap().out_of_reach = Some("API_URL is not set".to_owned());
    let error = sample(&project, json!({"argv": ["./check"]})).await.unwrap_err();
    assert_eq!(error.message, "API_URL is not set");
    assert!(!project.path("ran").exists());
    // A control probe belongs to no service.
    project.scope.service = None;
    assert_eq!(sample(&project, json!({"argv": ["./check"]})).await.unwrap().health, Health::Healthy);
    assert!(project.path("ran").exists());
}

#[test]
fn settings_that_cannot_be_used_name_their_key() {
    let mut project = project();
    for (settings, key) in [
        (json!({"argv": []}), "argv"),
        (json!({"argv": ["check", "{version}"]}), "argv"),
        (json!({"argv": ["check"], "timeout": "0s"}), "timeout"),
        (json!({"argv": ["check"], "env": {"A=B": "x"}}), "env"),
        (json!({"argv": ["check"], "pass_env": [""]}), "pass_env"),
        (json!({"argv": ["check"], "expect": {"output": "~ ("}}), "expect.output"),
        (json!({"argv": ["check"], "unknown_codes": [0]}), "unknown_codes"),
    ] {
        assert_eq!(build(&project.scope, settings.clone()).unwrap_err().key.as_deref(), Some(key), "{settings}");
    }
    project.scope.service = None;
    let control = build(&project.scope, json!({"argv": ["check", "{component}"]})).unwrap_err();
    assert_eq!(control.key.as_deref(), Some("argv"), "a control probe has no component");
}
