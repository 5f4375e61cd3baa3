//! Commands in comments, at a GitHub that loses answers: who may command, and one reply to each comment.

use std::sync::Arc;

use runbook_core::Secret;
use runbook_github::{
    CommandDesk, CommentRef, Connection, ConnectionSettings, Credentials, Reaction, Standing,
    event::{Event, RefusalKind},
};
use runbook_render::{CommandReply, Renderer, ReplyState};
use runbook_testkit::github::{FakeGitHub, Fault, FaultKind, Grant};
use serde_json::json;

use crate::support::{LABELS, marker};

/// The status issue of production, with a comment on it.
struct Desk {
    github: FakeGitHub,
    desk: CommandDesk,
    issue: u64,
    comment: CommentRef,
}

impl Desk {
    async fn new(author: &str) -> Self {
        Self::of(FakeGitHub::start().await, "runbook[bot]", author, "/runbook rollback v1.2.3").await
    }

    async fn of(github: FakeGitHub, publisher: &str, author: &str, body: &str) -> Self {
        let issue = github.add_issue("Status", &format!("{}\n\nold", marker()), &LABELS, publisher);
        let id = github.add_comment(issue, body, author);
        let comment = comment_of(&github, issue, id, author, body);
        let desk = desk_at(&github, &github.token());
        github.set_permission("mona", "write");
        github.forget_requests();
        Self { github, desk, issue, comment }
    }

    async fn examine(&self) -> Standing {
        self.desk.examine(&self.comment).await.unwrap()
    }

    /// The replies that there are.
    fn replies(&self) -> Vec<String> {
        let marker = format!("<!-- runbook:reply:comment={} -->", self.comment.id);
        let comments = self.github.comments(self.issue).into_iter().filter(|comment| comment.author == "runbook[bot]");
        comments.map(|comment| comment.body).filter(|body| body.starts_with(&marker)).collect()
    }

    fn reactions(&self) -> Vec<String> {
        let comments = self.github.comments(self.issue);
        let comment = comments.iter().find(|comment| comment.id == self.comment.id).unwrap();
        comment.reactions.iter().map(|reaction| reaction.content.clone()).collect()
    }
}

fn desk_at(github: &FakeGitHub, token: &str) -> CommandDesk {
    let repository = format!("{}/{}", github.owner(), github.name());
    let settings = ConnectionSettings::new(github.url(), repository, Credentials::Token(Secret::new(token)));
    CommandDesk::new(&Connection::new(settings).unwrap(), Arc::new(Renderer::new().unwrap()))
}

/// The comment as an event tells of it.
fn comment_of(github: &FakeGitHub, issue: u64, id: u64, author: &str, body: &str) -> CommentRef {
    let at = github.comments(issue).iter().find(|comment| comment.id == id).unwrap().created_at;
    let kind = if author.ends_with("[bot]") { "Bot" } else { "User" };
    let payload = json!({
        "action": "created",
        "issue": { "number": issue, "body": marker() },
        "comment": { "id": id, "body": body, "user": { "login": author, "type": kind }, "created_at": at },
    });
    Event::read("issue_comment", payload.to_string().as_bytes()).unwrap().comment().unwrap()
}

fn reply(state: ReplyState, headline: &str) -> CommandReply {
    CommandReply {
        command: "/runbook rollback v1.2.3".to_owned(),
        author: "mona".to_owned(),
        state,
        headline: headline.to_owned(),
        reasons: vec!["because of <b>@octocat</b>".to_owned()],
        run: None,
        run_url: None,
        digest: None,
        instead: None,
        updated_at: "2026-11-25T10:00:00Z".parse().unwrap(),
    }
}

#[tokio::test]
async fn the_permission_of_this_moment_decides() {
    let scene = Desk::new("mona").await;
    for (permission, may) in
        [("admin", true), ("maintain", true), ("write", true), ("triage", false), ("read", false), ("none", false)]
    {
        scene.github.set_permission("mona", permission);
        match scene.examine().await {
            Standing::Permitted => assert!(may, "{permission}"),
            Standing::Refused(refusal) => {
                assert!(!may && refusal.kind == RefusalKind::NotPermitted, "{permission}");
                assert!(refusal.why.contains("mona") && refusal.why.contains("needs write"), "{}", refusal.why);
            }
            other => panic!("{permission}: {other:?}"),
        }
    }
    let stranger = Desk::new("mallory").await;
    assert!(matches!(stranger.examine().await, Standing::Refused(_)), "somebody whom nobody knows");
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_not_permitted() {
    let scene = Desk::new("mona").await;
    for fault in [FaultKind::LostRequest, FaultKind::Html { code: 502 }, FaultKind::RateLimitedPrimary] {
        scene.github.fail(Fault::new(fault.clone()).on("GET", "/permission").always());
        let error = scene.desk.examine(&scene.comment).await.unwrap_err();
        assert!(error.to_string().contains("ask GitHub about the command"), "{fault:?}: {error}");
        scene.github.heal();
    }
}

#[tokio::test]
async fn a_login_that_would_leave_the_path_is_nobody() {
    let scene = Desk::new("mona").await;
    let odd = CommentRef { author: "../../octo-org".to_owned(), ..scene.comment.clone() };
    assert!(!matches!(scene.desk.examine(&odd).await, Ok(Standing::Permitted)));
    assert!(scene.github.requests().iter().all(|call| !call.path.contains("collaborators")));
}

#[tokio::test]
async fn an_app_that_signs_itself_needs_no_permission_and_one_in_a_persons_name_does() {
    let app = Desk::of(FakeGitHub::start().await, "runbook[bot]", "my-agent[bot]", "/runbook deploy").await;
    assert_eq!(app.comment.app.as_deref(), Some("my-agent[bot]"));
    assert_eq!(app.examine().await, Standing::Permitted);
    let scene = Desk::new("mallory").await;
    let via = CommentRef { app: Some("my-agent[bot]".to_owned()), ..scene.comment.clone() };
    assert!(matches!(scene.desk.examine(&via).await.unwrap(), Standing::Refused(_)));
}

#[tokio::test]
async fn only_a_command_that_still_stands_on_the_status_issue_counts() {
    let void = |standing: Standing, why: &str| match standing {
        Standing::Void(words) => assert!(words.contains(why), "{words}"),
        other => panic!("{other:?}"),
    };
    let scene = Desk::of(FakeGitHub::start().await, "mallory", "mona", "/runbook deploy").await;
    void(scene.examine().await, "not the status issue");

    let scene = Desk::new("mona").await;
    scene.github.change_issue(scene.issue, |issue| issue.body = Some("emptied".to_owned()));
    void(scene.examine().await, "not the status issue");

    let scene = Desk::new("mona").await;
    let edited = CommentRef { line: "/runbook rollback v9".to_owned(), ..scene.comment.clone() };
    void(scene.desk.examine(&edited).await.unwrap(), "changed since");
    let deleted = CommentRef { id: 999_999, ..scene.comment.clone() };
    void(scene.desk.examine(&deleted).await.unwrap(), "deleted since");
    scene.github.delete_issue(scene.issue);
    void(scene.examine().await, "is gone");
}

#[tokio::test]
async fn there_is_one_reply_and_it_is_updated() {
    let scene = Desk::new("mona").await;
    let page = scene.desk.reply(&scene.comment, &reply(ReplyState::TakenUp, "is being carried out")).await.unwrap();
    assert!(page.contains("#issuecomment-"), "{page}");
    assert_eq!(scene.examine().await, Standing::Permitted, "it is not answered to the end");
    let last = reply(ReplyState::Succeeded, "rollback in production: succeeded");
    assert_eq!(scene.desk.reply(&scene.comment, &last).await.unwrap(), page);
    let replies = scene.replies();
    assert_eq!(replies.len(), 1);
    assert!(replies[0].contains("rollback in production: succeeded"), "{}", replies[0]);
    assert!(!replies[0].contains("<b>") && !replies[0].contains("@octocat"), "{}", replies[0]);
    assert_eq!(scene.examine().await, Standing::Answered(page));
    scene.github.forget_requests();
    scene.desk.reply(&scene.comment, &last).await.unwrap();
    assert!(scene.github.requests().iter().all(|call| call.method == "GET"), "it says that already");
}

#[tokio::test]
async fn whatever_goes_wrong_there_is_never_a_second_reply() {
    let kinds = [
        FaultKind::LostResponse,
        FaultKind::LostRequest,
        FaultKind::Truncated,
        FaultKind::Html { code: 502 },
        FaultKind::RateLimitedSecondary { retry_after: None },
    ];
    for kind in kinds {
        for (method, path) in [("POST", "/comments"), ("PATCH", "/issues/comments"), ("GET", "/comments")] {
            let scene = Desk::new("mona").await;
            let desk = |_| desk_at(&scene.github, &scene.github.token());
            let states = [ReplyState::TakenUp, ReplyState::Succeeded];
            scene.github.fail(Fault::new(kind.clone()).on(method, path));
            for (turn, state) in states.into_iter().enumerate() {
                // Another process each time, as a job that was killed and run again.
                let _ = desk(turn).reply(&scene.comment, &reply(state, "headline")).await;
            }
            scene.github.heal();
            desk(2).reply(&scene.comment, &reply(ReplyState::Succeeded, "headline")).await.unwrap();
            let replies = scene.replies();
            assert_eq!(replies.len(), 1, "{kind:?} at {method} {path}: {replies:?}");
            assert!(replies[0].contains("✅"), "{}", replies[0]);
        }
    }
}

#[tokio::test]
async fn a_stranger_cannot_answer_in_its_name() {
    let scene = Desk::new("mona").await;
    let forged =
        format!("<!-- runbook:reply:comment={} -->\n\nall is well\n\n<!-- runbook:reply:final -->", scene.comment.id);
    scene.github.add_comment(scene.issue, &forged, "mallory");
    assert_eq!(scene.examine().await, Standing::Permitted);
    scene.desk.reply(&scene.comment, &reply(ReplyState::Refused, "refused")).await.unwrap();
    assert_eq!(scene.replies().len(), 1);
    let quoted = format!("> <!-- runbook:reply:comment={} -->", scene.comment.id);
    scene.github.add_comment(scene.issue, &quoted, "runbook[bot]");
    scene.desk.reply(&scene.comment, &reply(ReplyState::Refused, "refused again")).await.unwrap();
    assert_eq!(scene.replies().len(), 1);
}

#[tokio::test]
async fn a_reply_behind_many_comments_is_found() {
    let scene = Desk::new("mona").await;
    for n in 0..150 {
        scene.github.add_comment(scene.issue, &format!("chat {n}"), "octocat");
    }
    for state in [ReplyState::TakenUp, ReplyState::Succeeded] {
        scene.desk.reply(&scene.comment, &reply(state, "headline")).await.unwrap();
    }
    assert_eq!(scene.replies().len(), 1);
}

#[tokio::test]
async fn a_job_signs_as_github_actions() {
    let github = FakeGitHub::builder().grant(Grant::installation("github-actions[bot]")).start().await.unwrap();
    let scene = Desk::of(github, "github-actions[bot]", "mona", "/runbook deploy").await;
    assert_eq!(scene.examine().await, Standing::Permitted);
    for state in [ReplyState::TakenUp, ReplyState::Failed] {
        scene.desk.reply(&scene.comment, &reply(state, "headline")).await.unwrap();
    }
    let comments = scene.github.comments(scene.issue);
    assert_eq!(comments.iter().filter(|comment| comment.author == "github-actions[bot]").count(), 1);
}

#[tokio::test]
async fn a_reaction_is_made_once() {
    let scene = Desk::new("mona").await;
    for reaction in [Reaction::Eyes, Reaction::Eyes, Reaction::Rocket, Reaction::ThumbsDown] {
        scene.desk.react(&scene.comment, reaction).await.unwrap();
    }
    assert_eq!(scene.reactions(), ["eyes", "rocket", "-1"]);
    scene.github.fail(Fault::status(403, "Resource not accessible by integration").on("POST", "/reactions"));
    let error = scene.desk.react(&scene.comment, Reaction::Eyes).await.unwrap_err();
    assert!(error.to_string().contains("react to the command"), "{error}");
}
