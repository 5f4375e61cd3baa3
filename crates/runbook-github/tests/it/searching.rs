//! Which issue is ours, and which only looks like it.

use runbook_core::LeftBehind;
use runbook_testkit::github::{FakeGitHub, Fault, FaultKind, Grant};

use crate::support::{LABELS, Scene, marker, update, update_of, update_of_known};

#[tokio::test]
async fn found_by_its_marker_behind_150_others() {
    let scene = Scene::new().await;
    for n in 0..150 {
        scene.github.add_issue(&format!("runbook idea {n}"), "no marker", &["runbook"], "octocat");
    }
    let ours = scene.add_status_issue("runbook[bot]");
    scene.github.add_issue("another", "", &["runbook"], "octocat");

    let published = scene.publish(&update()).await.unwrap();
    assert_eq!((published.number, published.created), (ours, false));
    assert_eq!(scene.github.issues().len(), 152, "nothing was made");
}

#[tokio::test]
async fn found_after_people_took_its_labels_off() {
    let scene = Scene::new().await;
    let ours = scene.published().await;
    for n in 0..120 {
        scene.github.add_issue(&format!("issue {n}"), "", &[], "octocat");
    }
    scene.github.change_issue(ours, |issue| issue.labels.clear());

    assert_eq!(scene.published().await, ours);
    assert_eq!(scene.github.issue(ours).unwrap().labels, LABELS);
}

#[tokio::test]
async fn a_known_issue_is_found_behind_150_others() {
    let scene = Scene::new().await;
    let ours = scene.add_status_issue("runbook[bot]");
    for n in 0..150 {
        scene.github.add_issue(&format!("issue {n}"), "no marker", &[], "octocat");
    }
    let published = scene.publish(&update_of_known(&scene.github, ours)).await.unwrap();
    assert_eq!((published.number, published.created, published.requests), (ours, false, 3));
}

#[tokio::test]
async fn a_second_one_by_hand_is_seen_beside_the_known_one() {
    for labels in [&LABELS[..], &[]] {
        let scene = Scene::new().await;
        scene.github.set_permission("mona", "write");
        let ours = scene.published().await;
        let copy = scene.github.issue(ours).unwrap().body.unwrap();
        let second = scene.github.add_issue("Status, too", &copy, labels, "mona");

        assert_eq!(scene.publish(&update_of_known(&scene.github, ours)).await.unwrap().number, ours);
        let closed = scene.github.issue(second).unwrap();
        assert_eq!((closed.open, closed.state_reason.as_deref()), (false, Some("not_planned")), "{labels:?}");
        assert!(scene.github.comments(second)[0].body.contains(&format!("is kept in #{ours}")), "{labels:?}");
        assert!(scene.github.issue(ours).unwrap().open);
    }
}

#[tokio::test]
async fn an_older_one_is_kept_also_where_the_journal_knows_the_newer() {
    let scene = Scene::new().await;
    let older = scene.add_status_issue("runbook[bot]");
    let newer = scene.add_status_issue("runbook[bot]");
    assert_eq!(scene.publish(&update_of_known(&scene.github, newer)).await.unwrap().number, older);
    let open: Vec<u64> = scene.github.issues().iter().filter(|issue| issue.open).map(|issue| issue.number).collect();
    assert_eq!(open, [older]);
}

#[tokio::test]
async fn a_known_issue_that_somebody_emptied_is_filled_again() {
    for body in [None, Some("nothing to see here".to_owned())] {
        let scene = Scene::new().await;
        let ours = scene.published().await;
        scene.github.change_issue(ours, |issue| (issue.body, issue.title) = (body, "gone".to_owned()));
        let published = scene.publish(&update_of_known(&scene.github, ours)).await.unwrap();
        assert_eq!((published.number, published.created), (ours, false));
        assert!(scene.github.issue(ours).unwrap().body.unwrap().starts_with(&marker()));
        assert_eq!(scene.github.issues().len(), 1);
    }
}

#[tokio::test]
async fn a_known_number_that_is_another_issue_is_not_overwritten() {
    let scene = Scene::new().await;
    let other = scene.github.add_issue("a bug", "of somebody", &[], "octocat");
    let published = scene.publish(&update_of(other)).await.unwrap();
    assert!(published.created && published.number != other);
    assert_eq!(scene.github.issue(other).unwrap().body.as_deref(), Some("of somebody"));
}

#[tokio::test]
async fn deleted_and_forgotten_issues_are_made_anew() {
    let scene = Scene::new().await;
    let deleted = scene.published().await;
    scene.github.delete_issue(deleted);
    let forgotten = scene.publish(&update_of(deleted)).await.unwrap();
    assert!(forgotten.created);
    scene.github.forget_issue(forgotten.number);
    let third = scene.publish(&update_of(forgotten.number)).await.unwrap();
    assert!(third.created);
    assert_eq!(scene.github.issues().len(), 1);
}

#[tokio::test]
async fn a_transferred_issue_is_not_followed() {
    let scene = Scene::of(FakeGitHub::builder().repository("octo", "forge").repository("octo", "archive")).await;
    let first = scene.published().await;
    scene.github.transfer_issue(first, "octo", "archive");
    let second = scene.publish(&update_of_known(&scene.github, first)).await.unwrap();
    assert!(second.created);
    assert_eq!(scene.github.issues().len(), 1, "the new one is in the repository itself");
}

#[tokio::test]
async fn of_two_the_older_stays_and_the_other_leads_to_it() {
    let scene = Scene::new().await;
    let older = scene.add_status_issue("runbook[bot]");
    let newer = scene.add_status_issue("runbook[bot]");
    scene.github.close_issue(older);

    assert_eq!(scene.published().await, older);
    let (older_now, newer_now) = (scene.github.issue(older).unwrap(), scene.github.issue(newer).unwrap());
    assert!(older_now.open && !newer_now.open);
    let said = scene.github.comments(newer);
    assert_eq!(said.len(), 1);
    assert!(said[0].body.contains(&format!("is kept in #{older}")), "{}", said[0].body);

    assert_eq!(scene.published().await, older);
    assert_eq!(scene.github.comments(newer).len(), 1, "a closed one is left in peace");
}

#[tokio::test]
async fn a_duplicate_that_could_not_be_closed_is_closed_next_time() {
    let scene = Scene::new().await;
    let older = scene.add_status_issue("runbook[bot]");
    let newer = scene.add_status_issue("runbook[bot]");
    scene.github.fail(Fault::status(500, "no").on("PATCH", &format!("/issues/{newer}")));
    let error = scene.publish(&update()).await.unwrap_err();
    assert_eq!(error.left, LeftBehind::Unknown);
    assert!(error.message.contains(&format!("close #{newer}")), "{error}");

    assert_eq!(scene.published().await, older);
    assert!(!scene.github.issue(newer).unwrap().open);
    assert_eq!(scene.github.comments(newer).len(), 1, "the link is there once");
}

#[tokio::test]
async fn a_forged_marker_of_a_stranger_is_ignored() {
    let scene = Scene::new().await;
    let forged = scene.add_status_issue("mallory");
    let pull = scene.github.add_pull_request("pull", &marker(), "runbook[bot]");
    let before = (scene.github.issue(forged), scene.github.issue(pull));

    let published = scene.publish(&update()).await.unwrap();
    assert!(published.created);
    assert!(scene.publish(&update_of(forged)).await.unwrap().number == published.number, "not even by its number");
    assert_eq!((scene.github.issue(forged), scene.github.issue(pull)), before, "they were not touched");
}

#[tokio::test]
async fn an_issue_of_a_collaborator_counts() {
    let scene = Scene::new().await;
    scene.github.set_permission("mona", "write");
    let adopted = scene.add_status_issue("mona");
    assert_eq!(scene.published().await, adopted);
    assert!(!scene.calls("GET").contains(&"/user".to_owned()), "who we are made no difference");
}

#[tokio::test]
async fn a_collaborator_who_may_not_write_is_a_stranger() {
    for permission in ["read", "triage"] {
        let scene = Scene::new().await;
        scene.github.set_permission("eve", permission);
        let planted = scene.add_status_issue("eve");
        let before = scene.github.issue(planted);
        let published = scene.publish(&update()).await.unwrap();
        assert!(published.created && published.number != planted, "{permission}");
        assert_eq!(scene.github.issue(planted), before, "{permission}");
    }
}

#[tokio::test]
async fn a_job_knows_its_own_issue() {
    let scene = Scene::of(FakeGitHub::builder().grant(Grant::installation("github-actions[bot]"))).await;
    let first = scene.publish(&update()).await.unwrap();
    // `GET /user` refuses a job's token, so nobody asks: its form says whose it is.
    let second = scene.publish(&update()).await.unwrap();
    assert_eq!((second.number, second.created), (first.number, false));
    assert!(!scene.calls("GET").contains(&"/user".to_owned()), "{:?}", scene.calls("GET"));
}

#[tokio::test]
async fn a_list_that_failed_is_not_an_empty_list() {
    for nth in 1..=4 {
        let scene = Scene::new().await;
        for n in 0..120 {
            scene.github.add_issue(&format!("runbook idea {n}"), "", &["runbook"], "octocat");
        }
        scene.github.fail(Fault::status(500, "Server Error").on("GET", "/issues").nth(nth));
        let error = scene.publish(&update()).await.unwrap_err();
        assert_eq!((error.left, error.retryable), (LeftBehind::NoChange, true), "{error}");
        assert_eq!(scene.calls("POST"), [""; 0], "page {nth} failed");
        assert_eq!(scene.github.issues().len(), 120);
    }
}

#[tokio::test]
async fn an_identity_that_cannot_be_asked_is_not_a_stranger() {
    let scene = Scene::new().await;
    let ours = scene.add_status_issue("runbook[bot]");
    scene.github.fail(Fault::new(FaultKind::LostRequest).on("GET", "/user"));
    assert_eq!(scene.publish(&update()).await.unwrap_err().left, LeftBehind::NoChange);
    assert_eq!(scene.published().await, ours);
}
