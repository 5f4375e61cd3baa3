//! The embedded templates, what each is written in, and how they are compiled: strict, and without a way around escaping.

use std::collections::{BTreeMap, BTreeSet};

use handlebars::{
    Handlebars,
    template::{HelperTemplate, Template, TemplateElement},
};
use serde::Serialize;

use crate::{
    error::{Place, RenderError},
    escape, helpers,
};

/// What a template's text is read as; it decides what escaping means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Markdown,
    Slack,
    Discord,
    Html,
}

/// One embedded template. Others call it by its `name`, overrides by its `file`.
#[derive(Debug)]
struct Embedded {
    name: &'static str,
    file: &'static str,
    dialect: Dialect,
    source: &'static str,
}

/// Declares the table of embedded templates.
macro_rules! embedded {
    ($($name:literal $file:literal $dialect:ident;)*) => {
        &[$(Embedded {
            name: $name,
            file: $file,
            dialect: Dialect::$dialect,
            source: include_str!(concat!("../templates/", $file)),
        }),*]
    };
}

const EMBEDDED: &[Embedded] = embedded! {
    "header" "header.md.hbs" Markdown;
    "stages" "stages.md.hbs" Markdown;
    "services" "services.md.hbs" Markdown;
    "status-issue" "status-issue.md.hbs" Markdown;
    "step-summary" "step-summary.md.hbs" Markdown;
    "comment" "comment.md.hbs" Markdown;
    "command-reply" "command-reply.md.hbs" Markdown;
    "pull-request" "pull-request.md.hbs" Markdown;
    "slack-text" "slack-text.hbs" Slack;
    "slack-services" "slack-services.hbs" Slack;
    "slack-context" "slack-context.hbs" Slack;
    "discord-text" "discord-text.hbs" Discord;
    "monitoring-report" "monitoring-report.md.hbs" Markdown;
    "monitoring-page" "monitoring-report.html.hbs" Html;
    "monitoring-style" "monitoring-style.css.hbs" Html;
    "monitoring-service" "monitoring-service.html.hbs" Html;
    "monitoring-availability" "monitoring-availability.html.hbs" Html;
    "monitoring-latency" "monitoring-latency.html.hbs" Html;
    "monitoring-run" "monitoring-run.html.hbs" Html;
};

/// The file names of all templates: what an override may be called.
pub fn template_names() -> impl Iterator<Item = &'static str> {
    EMBEDDED.iter().map(|template| template.file)
}

/// The file names of the templates that make pages: the status issue with its comments, the summary of a run, and the
/// monitoring report, but no messages to chats.
pub fn page_template_names() -> impl Iterator<Item = &'static str> {
    let pages = EMBEDDED.iter().filter(|template| matches!(template.dialect, Dialect::Markdown | Dialect::Html));
    pages.map(|template| template.file)
}

/// All templates, compiled: a registry for each dialect, so that its escaper cannot be the wrong one.
#[derive(Debug)]
pub(crate) struct Templates {
    markdown: Handlebars<'static>,
    slack: Handlebars<'static>,
    discord: Handlebars<'static>,
    html: Handlebars<'static>,
}

impl Templates {
    /// Compiles every template, each from `overrides` (file name → text) where it is there.
    pub(crate) fn compile(overrides: &BTreeMap<String, String>) -> Result<Self, RenderError> {
        if let Some(name) = overrides.keys().find(|name| template_names().all(|known| known != name.as_str())) {
            let known = template_names().collect::<Vec<_>>().join(", ");
            return Err(RenderError::UnknownTemplate { name: name.clone(), known });
        }
        Ok(Self {
            markdown: registry(Dialect::Markdown, overrides)?,
            slack: registry(Dialect::Slack, overrides)?,
            discord: registry(Dialect::Discord, overrides)?,
            html: registry(Dialect::Html, overrides)?,
        })
    }

    /// Renders one template, without white space around it.
    pub(crate) fn render(&self, dialect: Dialect, name: &str, data: &impl Serialize) -> Result<String, RenderError> {
        let registry = match dialect {
            Dialect::Markdown => &self.markdown,
            Dialect::Slack => &self.slack,
            Dialect::Discord => &self.discord,
            Dialect::Html => &self.html,
        };
        match registry.render(name, data) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) => Err(RenderError::Render {
                place: Place {
                    template: file_of(error.template_name.as_deref().unwrap_or(name)),
                    position: error.line_no.zip(error.column_no),
                },
                source: Box::new(error),
            }),
        }
    }
}

fn registry(dialect: Dialect, overrides: &BTreeMap<String, String>) -> Result<Handlebars<'static>, RenderError> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(match dialect {
        Dialect::Markdown => escape::markdown,
        Dialect::Slack => escape::slack,
        Dialect::Discord => escape::discord,
        Dialect::Html => escape::html,
    });
    helpers::register(&mut registry, dialect);
    let mut parts = BTreeMap::new();
    for embedded in EMBEDDED.iter().filter(|embedded| embedded.dialect == dialect) {
        let source = overrides.get(embedded.file).map_or(embedded.source, String::as_str);
        let template = Template::compile_with_name(source, embedded.name.to_owned()).map_err(|error| {
            let place = Place { template: embedded.file.to_owned(), position: error.pos() };
            RenderError::Syntax { place, source: Box::new(error) }
        })?;
        if let Some(position) = unescaped(&template) {
            let place = Place { template: embedded.file.to_owned(), position: Some(position) };
            return Err(RenderError::Unescaped { place });
        }
        let mut included = Vec::new();
        includes(&template, &mut included).map_err(|(position, problem)| RenderError::Includes {
            place: Place { template: embedded.file.to_owned(), position: Some(position) },
            problem,
        })?;
        parts.insert(embedded.name, included);
        registry.register_template(embedded.name, template);
    }
    // Handlebars would go round such a circle until the stack is used up.
    for (name, included) in &parts {
        if let Some((_, position)) = included.iter().find(|(part, _)| leads_to(&parts, part, name)) {
            let place = Place { template: file_of(name), position: Some(*position) };
            return Err(RenderError::Includes { place, problem: "includes itself, at once or by way of others" });
        }
    }
    Ok(registry)
}

/// A part that a template includes, and where it does.
type Part = (String, (usize, usize));

/// The parts that a template includes; an error where that cannot be told without rendering it.
fn includes(template: &Template, found: &mut Vec<Part>) -> Result<(), ((usize, usize), &'static str)> {
    for (element, at) in template.elements.iter().zip(&template.mapping) {
        let position = (at.0, at.1);
        let inner = match element {
            TemplateElement::Expression(helper)
            | TemplateElement::HelperBlock(helper)
            | TemplateElement::HtmlExpression(helper) => [helper.template.as_ref(), helper.inverse.as_ref()],
            TemplateElement::PartialExpression(part) | TemplateElement::PartialBlock(part) => {
                let name =
                    part.name.as_name().ok_or((position, "includes a template whose name is not written down"))?;
                found.push((name.to_owned(), position));
                [part.template.as_ref(), None]
            }
            TemplateElement::DecoratorExpression(_) | TemplateElement::DecoratorBlock(_) => {
                return Err((position, "uses a decorator, such as an inline part; make it a template of its own"));
            }
            _ => [None, None],
        };
        inner.into_iter().flatten().try_for_each(|template| includes(template, found))?;
    }
    Ok(())
}

/// Whether a template is, or includes at whatever depth, another one.
fn leads_to(parts: &BTreeMap<&str, Vec<Part>>, from: &str, to: &str) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(name) = open.pop() {
        if name == to {
            return true;
        }
        if seen.insert(name) {
            open.extend(parts.get(name).into_iter().flatten().map(|(part, _)| part.as_str()));
        }
    }
    false
}

fn file_of(name: &str) -> String {
    EMBEDDED.iter().find(|embedded| embedded.name == name).map_or(name, |embedded| embedded.file).to_owned()
}

/// Where a template says `{{{name}}}` or `{{&name}}`, which would insert outside text raw.
fn unescaped(template: &Template) -> Option<(usize, usize)> {
    let helper = |helper: &HelperTemplate| {
        helper.template.as_ref().and_then(unescaped).or_else(|| helper.inverse.as_ref().and_then(unescaped))
    };
    template.elements.iter().zip(&template.mapping).find_map(|(element, at)| match element {
        TemplateElement::HtmlExpression(_) => Some((at.0, at.1)),
        TemplateElement::Expression(inner) | TemplateElement::HelperBlock(inner) => helper(inner),
        TemplateElement::DecoratorExpression(inner)
        | TemplateElement::DecoratorBlock(inner)
        | TemplateElement::PartialExpression(inner)
        | TemplateElement::PartialBlock(inner) => inner.template.as_ref().and_then(unescaped),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(file: &str, text: &str) -> Result<Templates, RenderError> {
        Templates::compile(&BTreeMap::from([(file.to_owned(), text.to_owned())]))
    }

    #[test]
    fn raw_insertion_is_refused_wherever_it_hides() {
        for text in ["{{{actor}}}", "a\n{{&actor}}", "{{#if x}}{{else}}{{#each y}}{{{this}}}{{/each}}{{/if}}"] {
            let error = compile("comment.md.hbs", text).unwrap_err();
            assert!(matches!(error, RenderError::Unescaped { .. }), "{text}: {error}");
        }
        let error = compile("comment.md.hbs", "a\n b {{{actor}}}").unwrap_err().to_string();
        assert!(error.starts_with("template comment.md.hbs:2:4 inserts a value unescaped"), "{error}");
    }

    #[test]
    fn a_circle_is_refused_before_it_is_gone_round() {
        for (file, text) in
            [("stages.md.hbs", "a\n{{> stages}}"), ("header.md.hbs", "\n{{#if x}}{{> status-issue}}{{/if}}")]
        {
            let error = compile(file, text).unwrap_err();
            assert!(matches!(error, RenderError::Includes { .. }), "{text}: {error}");
            assert_eq!(error.reason(), "it includes itself, at once or by way of others");
        }
        for text in ["{{> (lookup this 'x')}}", "{{#*inline \"x\"}}{{> x}}{{/inline}}"] {
            let error = compile("comment.md.hbs", text).unwrap_err();
            assert!(error.to_string().starts_with("template comment.md.hbs:1:"), "{text}: {error}");
        }
        compile("comment.md.hbs", "{{> stages}}{{> stages}}{{> header}}").unwrap();
    }

    #[test]
    fn mistakes_are_found_with_their_place() {
        let error = compile("slack-text.hbs", "fine\n{{#if x}}never closed").unwrap_err().to_string();
        assert!(error.starts_with("failed to parse template slack-text.hbs:2:"), "{error}");
        let error = compile("slack-txt.hbs", "").unwrap_err().to_string();
        assert!(error.contains("\"slack-txt.hbs\"") && error.contains("slack-text.hbs"), "{error}");
    }

    #[test]
    fn a_misspelt_name_is_an_error_everywhere() {
        for text in [
            "{{actr}}",
            "{{#if actr}}a{{/if}}",
            "{{#unless actr}}a{{/unless}}",
            "{{#each actr}}a{{/each}}",
            "{{code actr}}",
        ] {
            let templates = compile("comment.md.hbs", text).unwrap();
            let error =
                templates.render(Dialect::Markdown, "comment", &serde_json::json!({ "actor": "a" })).unwrap_err();
            assert!(error.to_string().starts_with("failed to render template comment.md.hbs:1:"), "{text}: {error}");
        }
    }
}
