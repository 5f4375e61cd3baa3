//! What each event asks for, and what it does not: each reason to do nothing is a test.

use runbook_core::{Action, ActorKind};
use runbook_github::event::{Asked, Event, EventContext, EventError, MAX_PAYLOAD, RefusalKind, Wish, parse_event};
use runbook_render::issue_marker;
use serde_json::{Value, json};

const SHA: &str = "0123456789abcdef0123456789abcdef01234567";
const ZERO: &str = "0000000000000000000000000000000000000000";

fn context() -> EventContext {
    EventContext {
        repository: Some("octo/forge".to_owned()),
        workflow_file: Some("ai-agent-handoff-runbook.yml".to_owned()),
        workflow_name: Some("AI Agent Handoff & Autonomous Runbook".to_owned()),
        workflows: vec!["CI".to_owned()],
        environments: vec!["production".parse().unwrap(), "staging".parse().unwrap()],
        apps: vec!["my-agent".to_owned()],
        ..EventContext::default()
    }
}

fn asked(name: &str, payload: &Value) -> Asked {
    parse_event(name, payload.to_string().as_bytes(), &context()).unwrap()
}

#[track_caller]
fn wish(name: &str, payload: &Value) -> Wish {
    match asked(name, payload) {
        Asked::Do(wish) => *wish,
        other => panic!("{name} asks for {other:?}: {payload}"),
    }
}

#[track_caller]
fn nothing(name: &str, payload: &Value) -> String {
    match asked(name, payload) {
        Asked::Nothing(why) => why,
        other => panic!("{name} asks for {other:?}: {payload}"),
    }
}

#[track_caller]
fn refused(name: &str, payload: &Value) -> (RefusalKind, String) {
    match asked(name, payload) {
        Asked::Refused(refusal) => (refusal.kind, refusal.why),
        other => panic!("{name} asks for {other:?}: {payload}"),
    }
}

fn repository() -> Value {
    json!({ "full_name": "octo/forge", "default_branch": "main" })
}

/// A payload with some fields changed, by their pointers.
fn changed(mut payload: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        *payload.pointer_mut(pointer).unwrap_or_else(|| panic!("there is no {pointer}")) = value.clone();
    }
    payload
}

fn push(git_ref: &str, after: &str) -> Value {
    json!({ "ref": git_ref, "after": after, "deleted": after == ZERO, "repository": repository() })
}

#[test]
fn a_schedule_asks_for_a_fresh_status() {
    let wish = wish("schedule", &json!({ "schedule": "17 */6 * * *", "repository": repository() }));
    assert_eq!((wish.action, wish.reason.as_deref()), (Action::UpdateStatus, Some("the schedule 17 */6 * * *")));
    assert_eq!(self::wish("schedule", &json!({})).action, Action::UpdateStatus);
}

#[test]
fn only_a_push_to_the_default_branch_asks_for_a_deploy() {
    let wish = wish("push", &push("refs/heads/main", SHA));
    assert_eq!((wish.action, wish.branch.as_deref()), (Action::Deploy, Some("main")));
    assert_eq!(wish.commit.unwrap().as_str(), SHA);
    assert!(nothing("push", &push("refs/heads/feature/main", SHA)).contains("not the default branch"));
    assert!(nothing("push", &push("refs/tags/v1.0.0", SHA)).contains("no branch"));
    assert!(nothing("push", &push("refs/heads/main", ZERO)).contains("deleted"));
    let unknown = json!({ "ref": "refs/heads/main", "after": SHA });
    assert!(refused("push", &unknown).1.contains("default branch"));
    assert_eq!(refused("push", &push("refs/heads/main", "abc")).0, RefusalKind::Usage);
}

#[test]
fn an_event_of_another_repository_asks_for_nothing() {
    let fork = changed(push("refs/heads/main", SHA), &[("/repository/full_name", "mallory/forge".into())]);
    assert!(nothing("push", &fork).contains("mallory/forge"));
}

#[test]
fn a_dispatch_is_read_with_all_its_inputs() {
    assert_eq!(wish("workflow_dispatch", &json!({ "inputs": null })).action, Action::UpdateStatus);
    let inputs = json!({ "inputs": {
        "action": "update-component", "target_component": "fastapi", "version": "v1.2.3", "environment": "staging",
        "reason": " mend\nit ", "request_id": "ticket-1:2", "plan": format!("e30.{}", "ab".repeat(32)), "rollback_version": "",
    } });
    let wish = wish("workflow_dispatch", &inputs);
    assert_eq!((wish.action, wish.version.as_deref()), (Action::UpdateComponent, Some("v1.2.3")));
    assert_eq!(wish.component, Some("fastapi".parse().unwrap()));
    assert_eq!(wish.environment, Some("staging".parse().unwrap()));
    assert_eq!((wish.reason.as_deref(), wish.request_id.as_deref()), (Some("mend it"), Some("ticket-1:2")));
    assert_eq!(wish.expect.unwrap().to_string(), "ab".repeat(32));
    assert_eq!(wish.actor, None, "the job knows who dispatched it");
}

#[test]
fn the_component_narrows_whatever_can_be_narrowed() {
    let of = |action: &str, component: &str| {
        let wish = wish("workflow_dispatch", &json!({ "inputs": { "action": action, "target_component": component } }));
        (wish.action, wish.component.map(|component| component.to_string()))
    };
    assert_eq!(of("deploy", "all"), (Action::Deploy, None));
    assert_eq!(of("deploy", "api"), (Action::UpdateComponent, Some("api".to_owned())));
    assert_eq!(of("update-component", ""), (Action::UpdateComponent, None));
    assert_eq!(of("rollback", "api"), (Action::Rollback, Some("api".to_owned())));
    assert_eq!(of("emergency-stop", "api"), (Action::EmergencyStop, None), "a stop stops everything");
}

#[test]
fn a_dispatch_that_does_not_fit_says_what_was_expected() {
    for (inputs, why) in [
        (json!({ "action": "delpoy" }), "expected one of update-status, deploy"),
        (json!({ "action": 1 }), "is a number: expected text"),
        (json!({ "action": "deploy", "version": "$(reboot)" }), "is not a release"),
        (json!({ "action": "deploy", "rollback_version": "v1" }), "belongs to rollback"),
        (json!({ "action": "update-status", "version": "v1" }), "belongs to deploy"),
        (json!({ "action": "rollback", "rollback_version": "v1", "version": "v2" }), "goes to one release"),
        (json!({ "target_component": "API;rm" }), "is not a service id"),
        (json!({ "environment": "../x" }), "is not an environment name"),
        (json!({ "reason": "x".repeat(501) }), "longer than 500"),
        (json!({ "request_id": "a b" }), "is no name"),
        (json!({ "request_id": "a".repeat(101) }), "is no name"),
        (json!({ "plan": "soon" }), "is not a SHA-256"),
    ] {
        for (name, payload) in [
            ("workflow_dispatch", json!({ "inputs": inputs })),
            ("repository_dispatch", json!({ "action": "runbook", "client_payload": inputs })),
        ] {
            let (kind, words) = refused(name, &payload);
            assert!(kind == RefusalKind::Usage && words.contains(why), "{payload}: {words}");
        }
    }
}

#[test]
fn a_dispatch_by_a_program_has_its_own_type() {
    let payload =
        |of: &str| json!({ "action": of, "client_payload": { "action": "rollback" }, "repository": repository() });
    assert_eq!(wish("repository_dispatch", &payload("runbook")).action, Action::Rollback);
    assert!(nothing("repository_dispatch", &payload("something-else")).contains("meant for somebody else"));
}

fn workflow_run() -> Value {
    json!({
        "action": "completed",
        "workflow_run": {
            "name": "CI", "path": ".github/workflows/ci.yml", "event": "push", "head_branch": "main", "head_sha": SHA,
            "conclusion": "failure", "head_repository": { "full_name": "octo/forge" },
        },
        "workflow": { "name": "CI", "path": ".github/workflows/ci.yml" },
        "repository": repository(),
    })
}

#[test]
fn the_end_of_a_named_workflow_asks_for_a_fresh_status() {
    let wish = wish("workflow_run", &workflow_run());
    assert_eq!((wish.action, wish.branch.as_deref()), (Action::UpdateStatus, Some("main")));
    assert_eq!(wish.reason.as_deref(), Some("the workflow CI ended with failure"));
    assert_eq!(wish.commit.unwrap().as_str(), SHA);
}

#[test]
fn of_workflow_runs_few_count() {
    let own = "AI Agent Handoff & Autonomous Runbook";
    for (changes, why) in [
        (vec![("/action", json!("requested"))], "has not ended"),
        (vec![("/workflow_run/name", json!(own))], "this workflow itself"),
        (
            vec![("/workflow_run/path", json!(".github/workflows/ai-agent-handoff-runbook.yml@main"))],
            "this workflow itself",
        ),
        (vec![("/workflow_run/name", json!("Lint"))], "not named"),
        (vec![("/workflow_run/event", json!("pull_request_target"))], "for a pull request"),
        (vec![("/workflow_run/head_repository/full_name", json!("mallory/forge"))], "another repository"),
        (vec![("/workflow_run/head_repository", Value::Null)], "another repository"),
        (vec![("/workflow_run/head_branch", json!("feature"))], "not the default branch"),
        (vec![("/workflow_run/conclusion", json!("skipped"))], "did nothing"),
    ] {
        let words = nothing("workflow_run", &changed(workflow_run(), &changes));
        assert!(words.contains(why), "{changes:?}: {words}");
    }
    let nobody = EventContext { workflows: Vec::new(), ..context() };
    let asked = parse_event("workflow_run", workflow_run().to_string().as_bytes(), &nobody).unwrap();
    assert!(matches!(asked, Asked::Nothing(why) if why.contains("[workflow] after")), "none is named, none counts");
}

fn deployment() -> Value {
    json!({
        "action": "created",
        "deployment": {
            "environment": "Production", "task": "deploy", "sha": SHA, "ref": "main", "payload": {},
            "creator": { "login": "vercel[bot]", "type": "Bot" }, "transient_environment": false,
        },
        "deployment_status": { "state": "success", "creator": { "login": "vercel[bot]", "type": "Bot" } },
        "workflow_run": null,
        "workflow": null,
        "repository": repository(),
    })
}

#[test]
fn a_deployment_of_somebody_else_asks_for_a_fresh_status_where_it_went() {
    let ended = wish("deployment_status", &deployment());
    assert_eq!((ended.action, ended.environment), (Action::UpdateStatus, Some("production".parse().unwrap())));
    assert_eq!(ended.reason.as_deref(), Some("a deployment to Production ended with success, by vercel[bot]"));
    let mut begun = deployment();
    begun.as_object_mut().unwrap().remove("deployment_status");
    assert!(wish("deployment", &begun).reason.unwrap().contains("was begun"));
    let elsewhere = changed(deployment(), &[("/deployment/environment", "github-pages".into())]);
    assert_eq!(wish("deployment_status", &elsewhere).environment, None);
}

#[test]
fn its_own_deployments_previews_and_what_is_under_way_ask_for_nothing() {
    let own_run = json!({ "name": "x", "path": ".github/workflows/ai-agent-handoff-runbook.yml" });
    for (changes, why) in [
        (vec![("/deployment/payload", json!({ "runbook": { "run": "1" } }))], "Runbook's own"),
        (vec![("/deployment/payload", json!("{\"runbook\": {}}"))], "Runbook's own"),
        (vec![("/deployment/task", json!("runbook"))], "Runbook's own"),
        (vec![("/workflow_run", own_run)], "Runbook's own"),
        (vec![("/deployment/transient_environment", json!(true))], "a preview"),
        (vec![("/deployment_status/state", json!("in_progress"))], "changes nothing"),
        (vec![("/deployment_status/state", json!("inactive"))], "changes nothing"),
    ] {
        let words = nothing("deployment_status", &changed(deployment(), &changes));
        assert!(words.contains(why), "{changes:?}: {words}");
    }
    let own = EventContext { own_logins: vec!["Vercel[bot]".to_owned()], ..context() };
    let asked = parse_event("deployment_status", deployment().to_string().as_bytes(), &own).unwrap();
    assert!(matches!(asked, Asked::Nothing(_)), "{asked:?}");
}

fn comment(body: &str) -> Value {
    json!({
        "action": "created",
        "issue": { "number": 7, "body": format!("{}\n\nOPERATIONAL", issue_marker(&"staging".parse().unwrap())), "pull_request": null },
        "comment": {
            "id": 42, "body": body, "user": { "login": "mona", "type": "User" }, "created_at": "2026-11-25T10:00:00Z",
            "performed_via_github_app": null,
        },
        "repository": repository(),
    })
}

#[test]
fn a_new_comment_on_the_status_issue_commands_with_its_first_line() {
    let payload = comment("/runbook rollback v1.2.3 --reason \"it is slow\"\r\n\r\nmore words\r\n/runbook deploy v9");
    let wish = wish("issue_comment", &payload);
    assert_eq!((wish.action, wish.version.as_deref()), (Action::Rollback, Some("v1.2.3")));
    assert_eq!(wish.environment, Some("staging".parse().unwrap()), "that of the issue");
    assert_eq!(wish.request_id.as_deref(), Some("comment-42"));
    let actor = wish.actor.unwrap();
    assert_eq!((actor.name.as_str(), actor.kind), ("mona", ActorKind::Person));
    let event = Event::read("issue_comment", payload.to_string().as_bytes()).unwrap();
    let on = event.comment().unwrap();
    assert_eq!((on.id, on.issue, on.author.as_str(), on.app), (42, 7, "mona", None));
    assert_eq!(on.line, "/runbook rollback v1.2.3 --reason \"it is slow\"");
}

#[test]
fn quotes_code_edits_pull_requests_and_other_issues_command_nothing() {
    for body in [
        "> /runbook deploy",
        "```\n/runbook deploy\n```",
        "`/runbook deploy`",
        "please /runbook deploy",
        "\n/runbook deploy",
        "    /runbook deploy",
        "",
    ] {
        assert!(nothing("issue_comment", &comment(body)).contains("no command"), "{body:?}");
    }
    for (pointer, value, why) in [
        ("/action", json!("edited"), "only a new comment"),
        ("/action", json!("deleted"), "only a new comment"),
        ("/issue/pull_request", json!({ "url": "x" }), "pull request"),
        ("/issue/body", json!("words"), "not the status issue"),
        ("/issue/body", json!(format!("> {}", issue_marker(&"staging".parse().unwrap()))), "not the status issue"),
        ("/comment/user", Value::Null, "not the status issue, or the author is gone"),
    ] {
        let payload = changed(comment("/runbook deploy"), &[(pointer, value)]);
        let words = nothing("issue_comment", &payload);
        assert!(words.contains(why), "{words}");
        let answered = Event::read("issue_comment", payload.to_string().as_bytes()).unwrap().comment();
        assert_eq!(answered, None, "{payload}");
    }
}

#[test]
fn a_command_that_does_not_fit_is_refused_with_the_grammar() {
    let (kind, words) = refused("issue_comment", &comment("/runbook delpoy"));
    assert_eq!(kind, RefusalKind::Usage);
    assert!(words.contains("unknown action") && words.contains("/runbook ACTION"), "{words}");
    let (_, words) = refused("issue_comment", &comment("/runbook deploy --environment production"));
    assert!(words.contains("the status issue of staging"), "{words}");
}

#[test]
fn apps_command_only_where_they_are_named_and_never_resume() {
    let bot = |login: &str, body: &str| {
        changed(comment(body), &[("/comment/user", json!({ "login": login, "type": "Bot" }))])
    };
    assert!(nothing("issue_comment", &bot("stranger[bot]", "/runbook deploy")).contains("policy.apps"));
    let wish = wish("issue_comment", &bot("my-agent[bot]", "/runbook emergency-stop"));
    assert_eq!(wish.actor.unwrap().kind, ActorKind::Agent);
    let (kind, words) = refused("issue_comment", &bot("my-agent[bot]", "/runbook resume --reason x"));
    assert!(kind == RefusalKind::NotPermitted && words.contains("only a person"), "{words}");
    // In a person's name it is an app all the same.
    let via = |slug: &str| {
        changed(
            comment("/runbook resume --reason x"),
            &[("/comment/performed_via_github_app", json!({ "slug": slug }))],
        )
    };
    assert!(nothing("issue_comment", &via("stranger")).contains("policy.apps"));
    assert_eq!(refused("issue_comment", &via("my-agent")).0, RefusalKind::NotPermitted);
}

#[test]
fn everything_else_is_refused_in_words() {
    for name in ["pull_request", "issues", "release", "workflow_call", ""] {
        let (kind, words) = refused(name, &json!({ "anything": true }));
        assert_eq!(kind, RefusalKind::Usage);
        assert!(words.contains("starts nothing here") && words.contains("issue_comment"), "{words}");
    }
}

#[test]
fn what_is_no_payload_is_told_with_its_place() {
    let read = |name: &str, bytes: &[u8]| Event::read(name, bytes).map(drop);
    for (name, text) in [("push", ""), ("push", "{"), ("push", "[]"), ("push", "{\"ref\": 1}"), ("issue_comment", "{}")]
    {
        assert!(matches!(read(name, text.as_bytes()), Err(EventError::Payload { .. })), "{name}: {text:?}");
    }
    let long = vec![b' '; usize::try_from(MAX_PAYLOAD).unwrap() + 1];
    assert!(matches!(read("push", &long), Err(EventError::TooLong)));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("event.json");
    let error = Event::open("push", &missing).unwrap_err().to_string();
    assert!(error.contains("event.json"), "{error}");
    assert!(Event::open("push", folder.path()).is_err());
    std::fs::write(&missing, push("refs/heads/main", SHA).to_string()).unwrap();
    assert_eq!(Event::open("push", &missing).unwrap().name(), "push");
}

#[test]
fn words_from_outside_are_bounded_everywhere() {
    let long = "x\u{1b}[31m\n".repeat(10_000);
    for (name, payload) in [
        ("schedule", json!({ "schedule": long })),
        ("push", changed(push("refs/heads/main", SHA), &[("/ref", json!(format!("refs/heads/{long}")))])),
        ("workflow_run", changed(workflow_run(), &[("/workflow_run/name", json!(long))])),
        ("workflow_run", changed(workflow_run(), &[("/workflow_run/conclusion", json!(long))])),
        ("deployment_status", changed(deployment(), &[("/deployment/environment", json!(long))])),
        ("deployment_status", changed(deployment(), &[("/deployment/creator/login", json!(long))])),
        ("repository_dispatch", json!({ "action": long })),
        ("workflow_dispatch", json!({ "inputs": { "action": long } })),
        ("issue_comment", comment(&format!("/runbook {}", long.replace('\n', "")))),
    ] {
        let said = serde_json::to_string(&asked(name, &payload)).unwrap();
        assert!(said.chars().count() < 2_000, "{name}: {said}");
        assert!(!said.contains("\\u001b"), "{name}: {said}");
    }
}
