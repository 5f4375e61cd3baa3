//! `runbook event`, as a job of GitHub Actions starts it: from the payload to the run, and back to whoever commanded it.

use std::fs;

use runbook_core::Verdict;
use runbook_testkit::github::{Comment, FakeGitHub, Fault, FaultKind};
use serde_json::{Value, json};

use crate::bench::{CONFIG, World};

const ORIGIN: [(&str, &str); 9] = [
    ("CI", "true"),
    ("GITHUB_ACTIONS", "true"),
    ("GITHUB_ACTOR", "github-actions[bot]"),
    ("GITHUB_JOB", "decide"),
    ("GITHUB_REF", "refs/heads/main"),
    ("GITHUB_RUN_ID", "4242"),
    ("GITHUB_SERVER_URL", "https://github.example.com"),
    ("GITHUB_WORKFLOW", "AI Agent Handoff & Autonomous Runbook"),
    ("RUNNER_ENVIRONMENT", "self-hosted"),
];

/// A world whose commands are jobs of this GitHub.
async fn job(github: &FakeGitHub, config: &str) -> World {
    let mut world = World::with(config).await;
    world.publish_to(github);
    for (name, value) in ORIGIN {
        world.set(name, value);
    }
    let (sha, output) = (world.repository.head().to_string(), world.beside("output"));
    world.set("GITHUB_SHA", sha).set("GITHUB_OUTPUT", output.display().to_string());
    github.set_permission("mona", "write");
    world
}

/// Sets the event that started the job.
fn happens(world: &mut World, name: &str, mut payload: Value) {
    payload["repository"] = json!({ "full_name": "octo-org/octo-repo", "default_branch": "main" });
    let file = world.beside("event.json");
    fs::write(&file, payload.to_string()).unwrap();
    fs::write(world.beside("output"), "").unwrap();
    world.set("GITHUB_EVENT_NAME", name).set("GITHUB_EVENT_PATH", file.display().to_string());
}

fn output_of(world: &World, name: &str) -> Option<String> {
    let text = fs::read_to_string(world.beside("output")).unwrap();
    let mut lines = text.lines();
    let end = lines.find_map(|line| line.strip_prefix(&format!("{name}<<")))?;
    Some(lines.take_while(|line| *line != end).collect::<Vec<_>>().join("\n"))
}

fn push(world: &World) -> Value {
    json!({ "ref": "refs/heads/main", "after": world.repository.head(), "deleted": false })
}

fn dispatch(inputs: Value) -> Value {
    json!({ "inputs": inputs })
}

/// Publishes the status issue, and writes a comment on it, as its event tells.
async fn comments(world: &mut World, github: &FakeGitHub, author: &str, body: &str) -> u64 {
    if github.issues().is_empty() {
        happens(world, "schedule", json!({ "schedule": "17 */6 * * *" }));
        world.run(&["event"]).await.exits(0);
    }
    let issue = github.issues()[0].clone();
    let id = github.add_comment(issue.number, body, author);
    let at = comment(github, id).created_at;
    let kind = if author.ends_with("[bot]") { "Bot" } else { "User" };
    let payload = json!({
        "action": "created",
        "issue": { "number": issue.number, "body": issue.body },
        "comment": { "id": id, "body": body, "user": { "login": author, "type": kind }, "created_at": at },
    });
    happens(world, "issue_comment", payload);
    id
}

fn comment(github: &FakeGitHub, id: u64) -> Comment {
    github.comments(github.issues()[0].number).into_iter().find(|comment| comment.id == id).unwrap()
}

fn reactions(github: &FakeGitHub, id: u64) -> Vec<String> {
    comment(github, id).reactions.into_iter().map(|reaction| reaction.content).collect()
}

/// The one reply to a comment.
#[track_caller]
fn reply(github: &FakeGitHub, id: u64) -> String {
    let replies = replies(github, id);
    assert_eq!(replies.len(), 1, "{replies:?}");
    replies[0].clone()
}

fn replies(github: &FakeGitHub, id: u64) -> Vec<String> {
    let marker = format!("<!-- runbook:reply:comment={id} -->");
    let all = github.comments(github.issues()[0].number).into_iter().map(|comment| comment.body);
    all.filter(|body| body.starts_with(&marker)).collect()
}

fn runs(world: &World) -> usize {
    world.journal().lines().filter(|line| line.contains("\"run_started\"")).count()
}

#[tokio::test]
async fn a_push_only_observes_until_its_owner_lets_it_deploy() {
    let github = FakeGitHub::start().await;
    let mut world = job(&github, CONFIG).await;
    world.put("live", "v1.0.0");
    let payload = push(&world);
    happens(&mut world, "push", payload.clone());
    let ran = world.json(&["event"]).await;
    let told = ran.exits(0).report(Verdict::Succeeded);
    assert_eq!((told.trigger.as_str(), told.action.as_str()), ("push", "deploy"));
    assert_eq!(told.commit, Some(world.repository.head()));
    assert_eq!(world.live().as_deref(), Some("v1.0.0"), "held back");

    let config = CONFIG.replace("[monitor]", "[deploy]\non_push = true\n\n[monitor]");
    let github = FakeGitHub::start().await;
    let mut world = job(&github, &config).await;
    let payload = push(&world);
    happens(&mut world, "push", payload);
    world.run(&["event"]).await.exits(0);
    assert_eq!(world.live().as_deref(), Some("v1.1.0"));
}

#[tokio::test]
async fn what_asks_for_nothing_ends_well_and_says_why() {
    let github = FakeGitHub::start().await;
    let mut world = job(&github, CONFIG).await;
    let elsewhere = json!({ "ref": "refs/heads/feature", "after": world.repository.head() });
    happens(&mut world, "push", elsewhere);
    let ran = world.run(&["event"]).await;
    ran.exits(0).shows(&["push asks for nothing", "feature"]).says(&["::notice title=push asks for nothing"]);
    assert_eq!(output_of(&world, "run").as_deref(), Some(""));
    let document = world.json(&["event"]).await.exits(0).json();
    assert_eq!((document["schema"].as_str(), document["event"].as_str()), (Some("runbook/asked/v1"), Some("push")));
    assert!(document["asked"]["nothing"].as_str().unwrap().contains("feature"), "{document}");
    assert_eq!(runs(&world), 0);
    assert!(github.requests().is_empty());
}

#[tokio::test]
async fn what_cannot_be_understood_is_a_fault_with_words() {
    let github = FakeGitHub::start().await;
    let mut world = job(&github, CONFIG).await;
    let (message, _) = world.json(&["event"]).await.exits(2).fault("usage");
    assert!(message.contains("GITHUB_EVENT_NAME is not set"), "{message}");
    happens(&mut world, "pull_request", json!({}));
    let (message, _) = world.json(&["event"]).await.exits(2).fault("usage");
    assert!(message.contains("pull_request starts nothing here"), "{message}");
    happens(&mut world, "workflow_dispatch", dispatch(json!({ "action": "delpoy" })));
    let (message, _) = world.json(&["event"]).await.exits(2).fault("usage");
    assert!(message.contains("expected one of update-status"), "{message}");
    fs::write(world.beside("event.json"), "{\"inputs\": ").unwrap();
    let (message, _) = world.json(&["event"]).await.exits(2).fault("usage");
    assert!(message.contains("not as GitHub documents it"), "{message}");
    fs::remove_file(world.beside("event.json")).unwrap();
    let (message, _) = world.json(&["event"]).await.exits(2).fault("usage");
    assert!(message.contains("event.json"), "{message}");
    assert_eq!(runs(&world), 0);
}

#[tokio::test]
async fn a_dispatch_is_carried_out_once_for_each_request_id() {
    let github = FakeGitHub::start().await;
    let mut world = job(&github, CONFIG).await;
    let inputs = json!({ "action": "deploy", "version": "v1.0.0", "request_id": "ticket-7", "reason": "try it" });
    happens(&mut world, "workflow_dispatch", dispatch(inputs));
    let first = world.json(&["event"]).await.exits(0).report(Verdict::Succeeded);
    assert_eq!(first.request_id.as_deref(), Some("ticket-7"));
    world.put("live", "v9");
    let again = world.json(&["event"]).await.exits(0).report(Verdict::Succeeded);
    assert_eq!((again.run, again.request_id), (first.run, first.request_id));
    assert_eq!(runs(&world), 1);
    assert_eq!(world.live().as_deref(), Some("v9"), "it was not deployed again");
    assert_eq!(output_of(&world, "run"), Some(first.run.to_string()));
    assert!(world.journal().contains("\"request_id\":\"ticket-7\""));
}

#[tokio::test]
async fn a_dispatch_names_its_environment() {
    let config = format!("{CONFIG}\n[environment.production]\n\n[environment.staging]\n");
    let github = FakeGitHub::start().await;
    let mut world = job(&github, &config).await;
    happens(&mut world, "workflow_dispatch", dispatch(json!({ "environment": "staging" })));
    let told = world.json(&["event"]).await.exits(0).report(Verdict::Succeeded);
    assert_eq!(told.environment.as_str(), "staging");
    let ran = world.run(&["event", "--environment", "production"]).await;
    ran.exits(0).shows(&["it is for staging, and this job is for production"]);
    happens(&mut world, "workflow_dispatch", dispatch(json!({ "action": "deploy" })));
    let (message, _) = world.json(&["event"]).await.exits(2).fault("usage");
    assert!(message.contains("several environments"), "{message}");
    let payload = json!({ "ref": "refs/heads/feature", "after": world.repository.head() });
    happens(&mut world, "push", payload);
    world.run(&["event"]).await.exits(0).shows(&["push asks for nothing"]);
}

#[tokio::test]
async fn a_plan_other_than_the_expected_one_is_refused() {
    let github = FakeGitHub::start().await;
    let mut world = job(&github, CONFIG).await;
    let inputs = |digest: &str| dispatch(json!({ "action": "deploy", "version": "v1.0.0", "plan": digest }));
    happens(&mut world, "workflow_dispatch", inputs(&"ab".repeat(32)));
    let (message, _) = world.json(&["event"]).await.exits(3).fault("plan");
    assert_eq!(runs(&world), 0);
    let digest = world.json(&["event", "--dry-run"]).await.exits(0).json()["digest"].as_str().unwrap().to_owned();
    assert!(message.contains(&digest), "{message}");
    happens(&mut world, "workflow_dispatch", inputs(&digest));
    world.run(&["event"]).await.exits(0);
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
}

#[tokio::test]
async fn a_command_in_a_comment_is_carried_out_and_answered_once() {
    let github = FakeGitHub::start().await;
    let mut world = job(&github, CONFIG).await;
    let id =
        comments(&mut world, &github, "mona", "/runbook deploy v1.0.0 --reason \"the *first*\"\r\n\r\nthanks").await;
    let ran = world.json(&["event"]).await;
    let told = ran.exits(0).report(Verdict::Succeeded);
    assert_eq!((told.trigger.as_str(), told.actor.as_str()), ("issue_comment", "mona"));
    assert_eq!(told.request_id, Some(format!("comment-{id}")));
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
    assert_eq!(reactions(&github, id), ["eyes", "rocket"]);
    let reply = reply(&github, id);
    let page = "https://github.example.com/octo-org/octo-repo/actions/runs/4242";
    for words in ["deploy in production: succeeded", "/runbook deploy v1.0.0", "mona", page] {
        assert!(reply.contains(words), "{words}: {reply}");
    }
    ran.hides(&github.token());

    // The job is run again.
    world.put("live", "v9");
    world.run(&["event"]).await.exits(0).shows(&["answered before"]);
    assert_eq!((runs(&world), world.live().as_deref()), (2, Some("v9")));
    assert_eq!(replies(&github, id), [reply]);
}

#[tokio::test]
async fn a_job_that_was_killed_after_its_run_answers_when_it_is_run_again() {
    let github = FakeGitHub::start().await;
    let mut world = job(&github, CONFIG).await;
    let id = comments(&mut world, &github, "mona", "/runbook deploy v1.0.0").await;
    // The last word is lost, and whoever would have repeated it.
    github.fail(Fault::new(FaultKind::LostRequest).on("PATCH", "/issues/comments").always());
    world.run(&["event"]).await.exits(0).says(&["failed to reply to the command"]);
    github.heal();
    assert!(reply(&github, id).contains("is being carried out"));
    let before = runs(&world);
    world.json(&["event"]).await.exits(0).report(Verdict::Succeeded);
    assert_eq!(runs(&world), before, "it was carried out before");
    assert!(reply(&github, id).contains("deploy in production: succeeded"));
}

#[tokio::test]
async fn whoever_may_not_write_commands_nothing_and_is_told() {
    let github = FakeGitHub::start().await;
    let mut world = job(&github, CONFIG).await;
    for permission in ["read", "triage"] {
        github.set_permission("mallory", permission);
        let id = comments(&mut world, &github, "mallory", "/runbook emergency-stop").await;
        let (message, _) = world.json(&["event"]).await.exits(3).fault("permission");
        assert!(message.contains("mallory") && message.contains("needs write"), "{message}");
        assert_eq!(reactions(&github, id), ["-1"]);
        assert!(reply(&github, id).contains("needs write"));
    }
    assert_eq!(runs(&world), 1, "nothing but the schedule");
    let id = comments(&mut world, &github, "mona", "/runbook emergency-stop").await;
    github.fail(Fault::status(500, "no").on("GET", "/permission").always());
    let (message, _) = world.json(&["event"]).await.exits(3).fault("permission");
    assert!(message.contains("nobody can tell whether mona may command"), "{message}");
    assert_eq!((runs(&world), reactions(&github, id).len()), (1, 0));
}

#[tokio::test]
async fn a_mistake_is_answered_with_the_grammar() {
    let github = FakeGitHub::start().await;
    let mut world = job(&github, CONFIG).await;
    let id = comments(&mut world, &github, "mona", "/runbook delpoy v1").await;
    let (message, _) = world.json(&["event"]).await.exits(2).fault("usage");
    assert!(message.contains("unknown action"), "{message}");
    assert_eq!(reactions(&github, id), ["-1"]);
    assert!(reply(&github, id).contains("update-component"), "{}", reply(&github, id));
    let id = comments(&mut world, &github, "mona", "/runbook deploy v7.7.7").await;
    world.json(&["event"]).await.exits(2).fault("version");
    assert!(reply(&github, id).contains("was not found"), "{}", reply(&github, id));
    let id = comments(&mut world, &github, "mona", "just words").await;
    world.run(&["event"]).await.exits(0).shows(&["no command"]);
    assert!(reactions(&github, id).is_empty() && replies(&github, id).is_empty());
}

#[tokio::test]
async fn a_command_whose_plan_has_changed_is_told_the_digest_of_now() {
    let github = FakeGitHub::start().await;
    let mut world = job(&github, CONFIG).await;
    let old = "ab".repeat(32);
    let id = comments(&mut world, &github, "mona", &format!("/runbook deploy v1.0.0 --expect {old}")).await;
    world.json(&["event"]).await.exits(3).fault("plan");
    let told = reply(&github, id);
    assert_eq!(reactions(&github, id), ["eyes", "-1"]);
    let digest =
        world.json(&["deploy", "v1.0.0", "--dry-run"]).await.exits(0).json()["digest"].as_str().unwrap().to_owned();
    let offered = format!("/runbook deploy v1.0.0 --expect {digest}");
    assert!(told.contains(&offered), "{offered}: {told}");
    comments(&mut world, &github, "mona", &offered).await;
    world.run(&["event"]).await.exits(0);
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
}

#[tokio::test]
async fn an_app_that_the_owner_names_commands_but_never_resumes() {
    let github = FakeGitHub::start().await;
    let config = CONFIG.replace("[monitor]", "[policy]\napps = [\"my-agent\"]\n\n[monitor]");
    let mut world = job(&github, &config).await;
    let id = comments(&mut world, &github, "my-agent[bot]", "/runbook emergency-stop --reason \"it burns\"").await;
    let told = world.json(&["event"]).await.exits(0).report(Verdict::Succeeded);
    assert_eq!(told.actor, "my-agent[bot]");
    assert_eq!(reactions(&github, id), ["eyes", "rocket"]);
    let id = comments(&mut world, &github, "my-agent[bot]", "/runbook resume --reason \"it is fine\"").await;
    world.json(&["event"]).await.exits(3).fault("permission");
    assert!(reply(&github, id).contains("only a person may resume"));
    let id = comments(&mut world, &github, "stranger[bot]", "/runbook deploy").await;
    world.run(&["event"]).await.exits(0).shows(&["policy.apps"]);
    assert!(replies(&github, id).is_empty(), "bots are not answered");
    comments(&mut world, &github, "mona", "/runbook resume --reason \"the fire is out\"").await;
    world.json(&["event"]).await.exits(0).report(Verdict::Succeeded);
}

#[tokio::test]
async fn a_dry_run_answers_nobody() {
    let github = FakeGitHub::start().await;
    let mut world = job(&github, CONFIG).await;
    let id = comments(&mut world, &github, "mona", "/runbook deploy v1.0.0").await;
    world.run(&["event", "--dry-run"]).await.exits(0).shows(&["deploy in production"]);
    assert!(reactions(&github, id).is_empty() && replies(&github, id).is_empty());
    assert_eq!(world.live(), None);
}

#[tokio::test]
async fn a_run_that_is_left_for_later_jobs_is_answered_when_it_has_ended() {
    let github = FakeGitHub::start().await;
    let mut world = job(&github, CONFIG).await;
    let id = comments(&mut world, &github, "mona", "/runbook deploy v1.0.0").await;
    let document = world.json(&["event", "--until", "safety-gate"]).await.exits(0).json();
    assert_eq!(document["verdict"], Value::Null);
    assert!(reply(&github, id).contains("goes on"), "{}", reply(&github, id));
    let run = document["run"].as_str().unwrap().to_owned();
    world.set("GITHUB_JOB", "later");
    for step in ["ci", "deploy", "monitor", "report"] {
        world.run(&["stage", step, "--run", &run]).await.exits(0);
    }
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
    assert!(reply(&github, id).contains("deploy in production: succeeded"), "{}", reply(&github, id));
    assert_eq!(reactions(&github, id), ["eyes", "rocket"]);
    world.run(&["event"]).await.exits(0).shows(&["answered before"]);
    assert_eq!(runs(&world), 2);
}

/// A stop is never left for a later job, and never refused because somebody asked for that.
#[tokio::test]
async fn a_stop_that_was_to_be_left_is_carried_out() {
    let github = FakeGitHub::start().await;
    let mut world = job(&github, CONFIG).await;
    world.deployed("v1.0.0").await;
    happens(&mut world, "workflow_dispatch", dispatch(json!({ "action": "emergency-stop", "reason": "smoke" })));
    world.run(&["event", "--until", "safety-gate"]).await.exits(0);
    assert_eq!(world.live(), None);
    assert_eq!(output_of(&world, "next").as_deref(), Some(""));
}
