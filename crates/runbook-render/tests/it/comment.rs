//! Comments on the status issue: they notify everybody, so they are short.

use crate::views;
use runbook_render::Renderer;

#[test]
fn a_rolled_back_deploy() {
    insta::assert_snapshot!(Renderer::new().unwrap().comment(&views::rolled_back()).unwrap());
}

#[test]
fn a_stop() {
    insta::assert_snapshot!(Renderer::new().unwrap().comment(&views::stopped()).unwrap());
}

#[test]
fn a_change_of_status() {
    insta::assert_snapshot!(Renderer::new().unwrap().comment(&views::degraded()).unwrap());
}
