//! Templates of a repository's own.

use crate::views;
use runbook_render::{Renderer, document_of_issue, page_template_names, template_names};

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

#[test]
fn what_is_wrong_with_one_costs_neither_the_others_nor_the_report() {
    let own = [
        ("comment.md.hbs", "{{#if actor}}never closed"),
        ("stages.md.hbs", "ours: {{#each stages}}{{name}} {{/each}}"),
        ("services.md.hbs", "{{> header}}"),
        ("header.md.hbs", "{{> services}}"),
        ("stagse.md.hbs", "misspelt"),
    ];
    let own = own.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    let (renderer, problems) = Renderer::tolerant(own).unwrap();
    let places: Vec<_> = problems.iter().map(|problem| problem.place().map(|place| place.template.as_str())).collect();
    assert_eq!(places, [None, Some("comment.md.hbs"), Some("header.md.hbs")], "{problems:?}");
    assert!(problems[0].reason().contains("\"stagse.md.hbs\""), "{}", problems[0].reason());
    assert!(problems.iter().all(|problem| !problem.reason().contains('\n')), "{problems:?}");

    let view = views::operational();
    let body = renderer.issue(&view).unwrap().body;
    assert!(body.contains("ours: "), "{body}");
    let embedded = Renderer::new().unwrap();
    assert_eq!(renderer.comment(&view).unwrap(), embedded.comment(&view).unwrap());
}

#[test]
fn what_cannot_be_rendered_is_made_by_the_embedded_ones() {
    let view = views::operational();
    let long = "x".repeat(70_000);
    for text in ["{{nme}}", long.as_str()] {
        let (comment, problem) = with("comment.md.hbs", text).or_embedded(|renderer| renderer.comment(&view)).unwrap();
        assert_eq!(comment, Renderer::new().unwrap().comment(&view).unwrap());
        assert!(problem.is_some(), "{text}");
    }
    let (_, problem) = with("comment.md.hbs", "fine").or_embedded(|renderer| renderer.comment(&view)).unwrap();
    assert!(problem.is_none());
}

#[test]
fn chats_take_their_templates_from_elsewhere() {
    let pages: Vec<_> = page_template_names().collect();
    assert!(pages.contains(&"status-issue.md.hbs") && pages.contains(&"monitoring-report.html.hbs"), "{pages:?}");
    assert!(!pages.iter().any(|name| name.starts_with("slack") || name.starts_with("discord")), "{pages:?}");
}
