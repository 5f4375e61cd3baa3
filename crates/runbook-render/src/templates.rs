//! The embedded templates, what each is written in, and how they are compiled: strict, and without a way around escaping.

use std::collections::BTreeMap;

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
        registry.register_template(embedded.name, template);
    }
    Ok(registry)
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
