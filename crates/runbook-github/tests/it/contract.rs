//! The contract of the port, and what the outside sees of the tracker.

use runbook_core::ports::IssueTracker;
use runbook_testkit::conformance;

use crate::support::{Scene, view};

#[tokio::test]
async fn it_keeps_the_contract_of_the_port() {
    let scene = Scene::new().await;
    conformance::issue_tracker(&scene.tracker, &view(2)).await;
    assert_eq!(scene.github.issues().len(), 1);
}

#[tokio::test]
async fn links_point_to_the_pages_beside_the_api() {
    let scene = Scene::new().await;
    assert_eq!(scene.tracker.home(), format!("{}/octo-org/octo-repo", scene.github.url()));
}
