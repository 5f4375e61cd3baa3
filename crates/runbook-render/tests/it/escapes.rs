//! Whether escaped text is plain text, by the judgement of a real parser of GitHub's Markdown.

use comrak::{Arena, Options, nodes::NodeValue, parse_document};
use proptest::prelude::*;
use runbook_render::escape;

fn options() -> Options<'static> {
    let mut options = Options::default();
    let extension = &mut options.extension;
    (extension.strikethrough, extension.table, extension.autolink, extension.tasklist) = (true, true, true, true);
    (extension.alerts, extension.math_dollars, extension.footnotes) = (true, true, true);
    options
}

/// What a reader sees outside of code and HTML comments, and where links lead.
pub fn prose_and_links(markdown: &str) -> (String, Vec<String>) {
    let arena = Arena::new();
    let (mut prose, mut links) = (String::new(), Vec::new());
    let mut code = false;
    for node in parse_document(&arena, markdown, &options()).descendants() {
        match &node.data.borrow().value {
            NodeValue::HtmlInline(tag) => code = tag == "<code>",
            NodeValue::Text(text) if !code => prose.push_str(text),
            NodeValue::Link(link) => links.push(link.url.clone()),
            NodeValue::SoftBreak | NodeValue::Paragraph => prose.push('\n'),
            _ => {}
        }
    }
    (prose, links)
}

/// The text of a paragraph or cell, when it holds nothing else than text; else what was found in it.
fn only_text(markdown: &str) -> Result<String, String> {
    let arena = Arena::new();
    let mut seen = String::new();
    for node in parse_document(&arena, markdown, &options()).descendants() {
        match &node.data.borrow().value {
            NodeValue::Text(text) => seen.push_str(text),
            NodeValue::Document | NodeValue::Paragraph | NodeValue::List(_) | NodeValue::Item(_) => {}
            NodeValue::Table(_) | NodeValue::TableRow(_) | NodeValue::TableCell => {}
            other => return Err(format!("{other:?} in {markdown:?}")),
        }
    }
    Ok(seen)
}

/// Text that is full of what could act.
fn lively() -> impl Strategy<Value = String> {
    let parts = [
        "@octocat",
        "#12",
        "GH-3",
        "o/r#4",
        "https://evil.example",
        "www.evil.example",
        "a@b.example",
        "<!-- x -->",
        "<b>",
        "&amp;",
        "[x](y)",
        "![i](u)",
        "*b*",
        "_i_",
        "~~s~~",
        "`c`",
        "```",
        "$x$",
        "|",
        "\\",
        "\n",
        "- ",
        "# ",
        "1. ",
        "1)",
        "+ ",
        "===",
        "---",
        "> ",
        "[!NOTE]",
        "[ ] ",
        "[^1]",
        "\t",
        "    ",
        ":",
        "//",
        "é",
        "👩‍🚀",
        "\u{202e}",
        "word",
        " ",
    ];
    let part = prop_oneof![3 => proptest::sample::select(parts.to_vec()).prop_map(str::to_owned), 1 => ".{0,3}"];
    proptest::collection::vec(part, 0..10).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn escaped_text_is_text_in_a_line_a_list_and_a_table(text in lively()) {
        let escaped = escape::markdown(&text);
        let expected = escape::line(&text);
        prop_assume!(!expected.is_empty());
        let visible = |text: String| text.replace('\u{200b}', "");
        let (expected, in_list) = (visible(expected), only_text(&format!("- {escaped}\n")));
        let shown = in_list.clone().unwrap_or_default();
        prop_assert_eq!(in_list.map(visible), Ok(expected.clone()));
        let in_line = only_text(&format!("{escaped}\n"));
        prop_assert_eq!(in_line.map(visible), Ok(expected.clone()));
        let in_table = only_text(&format!("| a | b |\n| --- | --- |\n| {escaped} | end |\n"));
        prop_assert_eq!(in_table.map(visible), Ok(format!("ab{expected}end")));
        // What GitHub looks for in the text after the parser is done.
        for part in shown.split('@').skip(1) {
            prop_assert!(!part.starts_with(|c: char| c.is_ascii_alphanumeric()), "{:?}", shown);
        }
        let lower = shown.to_ascii_lowercase();
        for part in lower.split('#').skip(1).chain(lower.split("gh-").skip(1)) {
            prop_assert!(!part.starts_with(|c: char| c.is_ascii_digit()), "{:?}", shown);
        }
        prop_assert!(!escaped.contains("<!--"));
    }

    #[test]
    fn code_is_shown_as_it_is_in_a_line_and_in_a_table(text in lively()) {
        let code = escape::markdown_code(&text);
        let expected = escape::line(&text);
        prop_assert!(!code.contains("<!--"));
        for page in [format!("a {code} b\n"), format!("| a | b |\n| --- | --- |\n| {code} | end |\n")] {
            let arena = Arena::new();
            let mut shown = String::new();
            let mut inside = false;
            for node in parse_document(&arena, &page, &options()).descendants() {
                match &node.data.borrow().value {
                    NodeValue::Code(code) => shown.push_str(&code.literal),
                    NodeValue::HtmlInline(tag) => inside = tag == "<code>",
                    NodeValue::Text(text) if inside => shown.push_str(text),
                    _ => {}
                }
            }
            prop_assert_eq!(&shown, &expected, "{}", page);
        }
    }

    #[test]
    fn a_fence_holds_its_text(text in lively()) {
        let arena = Arena::new();
        let page = format!("{}\n\nafter\n", escape::fence(&text, "bash"));
        let kinds: Vec<_> = parse_document(&arena, &page, &options()).children().map(|node| node.data.borrow().value.clone()).collect();
        prop_assert_eq!(kinds.len(), 2, "{}", page);
        prop_assert!(matches!(&kinds[0], NodeValue::CodeBlock(block) if block.info == "bash"));
    }
}

#[test]
fn the_parser_finds_what_is_not_escaped() {
    for text in ["*b*", "https://evil.example", "<b>", "[x](y)", "`c`", "# h"] {
        assert!(only_text(text).is_err(), "{text}: the tests above would see nothing");
    }
}
