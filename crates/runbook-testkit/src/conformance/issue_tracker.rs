//! What every issue tracker promises.

use runbook_core::{
    StatusView,
    event::Operation,
    ports::{IssueTracker, IssueUpdate, PublishedIssue},
};

use super::permitted;

/// Drives an issue tracker, in which nobody has published this status yet, through its contract.
///
/// # Panics
/// At the first broken promise.
pub async fn issue_tracker(tracker: &dyn IssueTracker, view: &StatusView) {
    let upsert = async |known_number| upsert(tracker, view, known_number).await;
    assert!(tracker.home().starts_with("http"), "home() must be an address that links can start with");

    let first = upsert(None).await;
    assert!(first.created, "the first update must make the issue: {first:?}");
    assert!(first.url.starts_with("http"), "an issue must have a page: {first:?}");

    let again = upsert(None).await;
    assert_eq!(again.number, first.number, "an update without a known number must find the issue by its marker");
    assert!(!again.created, "an update must not make a second issue: {again:?}");

    let known = upsert(Some(first.number)).await;
    assert!(known.number == first.number && !known.created, "an update by number must go to that issue: {known:?}");

    let lost = upsert(Some(first.number + 1_000_000)).await;
    assert!(
        lost.number == first.number && !lost.created,
        "an update whose number is gone must find the issue by its marker: {lost:?}"
    );
}

async fn upsert(tracker: &dyn IssueTracker, view: &StatusView, known_number: Option<u64>) -> PublishedIssue {
    let update = IssueUpdate { view: view.clone(), known_number, known_url: None, comment: false };
    let result = permitted(Operation::PublishStatus, async |permit| tracker.upsert(&permit, &update).await).await;
    match result {
        Ok(issue) => issue,
        Err(error) => panic!("an update must work, but gave {error:?}"),
    }
}
