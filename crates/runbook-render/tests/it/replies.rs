//! The reply to a command in a comment: short, escaped, and always with what to do next.

use runbook_render::{CommandReply, Renderer, ReplyState};

fn reply(state: ReplyState) -> CommandReply {
    CommandReply {
        command: "/runbook rollback v1.2.3 --reason \"it is slow\"".into(),
        author: "mona".into(),
        state,
        headline: "rollback in production: succeeded".into(),
        reasons: vec!["v1.2.3 live and watched to the end of the window".into()],
        run: Some("0190a1b2-0000-7000-8000-000000000001".into()),
        run_url: Some("https://github.com/octo/forge/actions/runs/42".into()),
        digest: Some("ab".repeat(32)),
        instead: None,
        updated_at: "2026-11-25T10:15:00Z".parse().unwrap(),
    }
}

fn text(reply: &CommandReply) -> String {
    Renderer::new().unwrap().command_reply(reply).unwrap()
}

#[test]
fn a_command_that_succeeded() {
    insta::assert_snapshot!(text(&reply(ReplyState::Succeeded)));
}

#[test]
fn a_command_that_was_refused() {
    let refused = CommandReply {
        headline: "refused".into(),
        reasons: vec!["the plan is another one by now".into(), String::new(), "nothing was done".into()],
        run: None,
        instead: Some("/runbook rollback v1.2.3 --expect 0123".into()),
        ..reply(ReplyState::Refused)
    };
    insta::assert_snapshot!(text(&refused));
}

#[test]
fn only_what_went_wrong_is_to_be_written_again() {
    for (state, again) in [
        (ReplyState::TakenUp, false),
        (ReplyState::Succeeded, false),
        (ReplyState::Refused, true),
        (ReplyState::Failed, true),
    ] {
        assert_eq!(text(&reply(state)).contains("in a new comment"), again, "{state:?}");
        assert_eq!(state.is_final(), state != ReplyState::TakenUp);
    }
}

#[test]
fn text_from_outside_is_data_and_bounded() {
    let long = "<!-- runbook:reply:final --> @octocat [x](http://x) \n".repeat(2_000);
    let hostile = CommandReply {
        command: long.clone(),
        author: long.clone(),
        headline: long.clone(),
        reasons: vec![long.clone(); 50],
        run: Some(long.clone()),
        run_url: Some("javascript:alert(1)".into()),
        digest: Some(long.clone()),
        instead: Some(long),
        ..reply(ReplyState::Failed)
    };
    let text = text(&hostile);
    assert!(text.chars().count() < 30_000, "{}", text.chars().count());
    // In a code span nothing has a meaning; outside of one, no comment begins.
    assert!(text.lines().all(|line| !line.trim_start().starts_with("<!--")), "{text}");
    assert!(!text.contains("javascript:"), "{text}");
}
