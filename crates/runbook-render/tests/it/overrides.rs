//! Templates of a repository's own.

use crate::views;
use runbook_render::{Renderer, document_of_issue, template_names};

fn with(name: &str, text: &str) -> Renderer {
    Renderer::with_overrides(&[(name.to_owned(), text.to_owned())].into()).unwrap()
}

#[test]
fn an_override_replaces_one_template_and_is_escaped_like_ours() {
    let mut view = views::operational();
    view.actor = "@octo*cat*".into();
    let comment = with("comment.md.hbs", "{{actor}}: {{> stages}}").comment(&view).unwrap();
    assert!(comment.starts_with("@\u{200b}octo\\*cat\\*: | Job | Outcome |"), "{comment}");
}

#[test]
fn no_override_can_lose_marker_or_document() {
    let view = views::operational();
    let draft = with("status-issue.md.hbs", "All is {{status.word}}.").issue(&view).unwrap();
    assert!(draft.body.starts_with(&format!("{}\n\nAll is OPERATIONAL.\n", draft.marker)));
    assert_eq!(document_of_issue(&draft.body).unwrap(), view.document);
}

#[test]
fn a_part_can_be_overridden_and_its_mistakes_name_it() {
    let error =
        with("stages.md.hbs", "one\n{{#each stages}}{{nme}}{{/each}}").issue(&views::operational()).unwrap_err();
    assert_eq!(error.to_string(), "failed to render template stages.md.hbs:2:17");
}

#[test]
fn an_override_that_is_too_long_says_so() {
    let error = with("comment.md.hbs", &"x".repeat(70_000)).comment(&views::operational()).unwrap_err();
    let expected = "the comment has 70000 characters where 65000 are allowed; shorten the overridden template";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn every_template_can_be_overridden() {
    for name in template_names() {
        with(name, "{{project}}");
    }
}
