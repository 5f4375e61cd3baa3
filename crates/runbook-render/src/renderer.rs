//! [`Renderer`]: the one way from a view to text. It picks the most detailed form that its place allows.

use std::collections::BTreeMap;

use runbook_core::StatusView;
use serde_json::Value;

use crate::{
    chat::{self, DiscordTexts, SlackTexts},
    document,
    error::RenderError,
    issue::{IssueDraft, frame, issue_marker, issue_title},
    monitoring::{self, MonitoringReport},
    picture::{CHAT, Detail, HTML, MARKDOWN, MonitoringDetail, MonitoringPicture, PAGE, Picture},
    pull_request::{self, PullRequestDraft, PullRequestPicture, RollbackFacts},
    reply::{CommandReply, ReplyPicture},
    templates::{Dialect, Templates},
    text::length,
};

/// The most characters of an issue or comment. GitHub allows 65,536; the rest is left for what a proxy may add.
pub const PAGE_LIMIT: usize = 65_000;

/// The most characters of the monitoring report as Markdown. GitHub's summary of a job allows a mebibyte.
pub const MARKDOWN_LIMIT: usize = 250_000;

/// The most bytes of the monitoring report as a page of HTML.
pub const HTML_LIMIT: usize = 5_000_000;

/// Turns views into text. Templates are compiled once; rendering is pure and never changes the renderer.
#[derive(Debug)]
pub struct Renderer {
    templates: Templates,
    /// Whether any of them is not the embedded one.
    overridden: bool,
}

impl Renderer {
    /// A renderer with the embedded templates.
    ///
    /// # Errors
    /// [`RenderError::Syntax`] or [`RenderError::Unescaped`], when an embedded template is wrong: a defect of this crate.
    pub fn new() -> Result<Self, RenderError> {
        Self::with_overrides(&BTreeMap::new())
    }

    /// A renderer that takes some templates from elsewhere: file name (see [`template_names`](crate::template_names)) →
    /// text. What a template can show are the fields of [`Picture`].
    ///
    /// # Errors
    /// When a name is not that of a template, or a text is not a template or inserts values unescaped; each with its place.
    pub fn with_overrides(overrides: &BTreeMap<String, String>) -> Result<Self, RenderError> {
        Ok(Self { templates: Templates::compile(overrides)?, overridden: !overrides.is_empty() })
    }

    /// A renderer that takes those of these templates that can be used, and what is wrong with the others: in their place
    /// the embedded ones stand, so that a mistake in one never costs a report.
    ///
    /// # Errors
    /// As for [`Renderer::new`].
    pub fn tolerant(mut overrides: BTreeMap<String, String>) -> Result<(Self, Vec<RenderError>), RenderError> {
        let mut problems = Vec::new();
        loop {
            let error = match Self::with_overrides(&overrides) {
                Ok(renderer) => return Ok((renderer, problems)),
                Err(error) => error,
            };
            let wrong = match &error {
                RenderError::UnknownTemplate { name, .. } => Some(name),
                error => error.place().map(|place| &place.template),
            };
            if wrong.and_then(|name| overrides.remove(name)).is_none() {
                return Err(error);
            }
            problems.push(error);
        }
    }

    /// What `render` makes with this renderer; where a template of the repository's own cannot make it, what it makes with
    /// the embedded ones, and what was wrong.
    ///
    /// ```
    /// # use runbook_core::StatusView;
    /// # use runbook_render::{RenderError, Renderer};
    /// # fn comment(view: &StatusView) -> Result<String, RenderError> {
    /// let own = [("comment.md.hbs".to_owned(), "{{misspelt}}".to_owned())].into();
    /// let (renderer, _) = Renderer::tolerant(own)?;
    /// let (text, problem) = renderer.or_embedded(|renderer| renderer.comment(view))?;
    /// assert!(problem.is_some());
    /// # Ok(text)
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for `render` with the embedded templates.
    pub fn or_embedded<T>(
        &self,
        render: impl Fn(&Self) -> Result<T, RenderError>,
    ) -> Result<(T, Option<RenderError>), RenderError> {
        match render(self) {
            Ok(text) => Ok((text, None)),
            Err(error) if self.overridden => Ok((render(&Self::new()?)?, Some(error))),
            Err(error) => Err(error),
        }
    }

    /// The status issue: title, body and marker. The body is never blank and never over [`PAGE_LIMIT`] characters.
    ///
    /// # Errors
    /// When an overridden template asks for a field that is not there, or is too long by itself.
    pub fn issue(&self, view: &StatusView) -> Result<IssueDraft, RenderError> {
        let marker = issue_marker(&view.environment);
        let body = fit("status issue", PAGE_LIMIT, &PAGE, |detail| {
            let text = self.templates.render(Dialect::Markdown, "status-issue", &Picture::of(view, detail))?;
            Ok(frame(&marker, &text, &document::block(&view.document, &detail.document)?))
        })?;
        Ok(IssueDraft { title: issue_title(view), body, marker })
    }

    /// The comment on the status issue: actor, action, verdict, rollback. For a change of status or a mutating run; whether
    /// one is due is for the caller to decide.
    ///
    /// # Errors
    /// As for [`Renderer::issue`].
    pub fn comment(&self, view: &StatusView) -> Result<String, RenderError> {
        self.page("comment", view)
    }

    /// The reply to a command in a comment: what became of it, and why. At most [`PAGE_LIMIT`] characters.
    ///
    /// # Errors
    /// As for [`Renderer::issue`].
    pub fn command_reply(&self, reply: &CommandReply) -> Result<String, RenderError> {
        let text = self.templates.render(Dialect::Markdown, "command-reply", &ReplyPicture::of(reply))?;
        match length(&text) {
            length if length > PAGE_LIMIT => {
                Err(RenderError::TooLong { what: "reply to a command", length, limit: PAGE_LIMIT })
            }
            _ => Ok(text),
        }
    }

    /// The pull request for a branch that records a rollback: title, and a body of at most [`PAGE_LIMIT`] characters that
    /// lists what it takes back.
    ///
    /// # Errors
    /// As for [`Renderer::issue`].
    pub fn pull_request(&self, facts: &RollbackFacts<'_>) -> Result<PullRequestDraft, RenderError> {
        let render = |most: &usize| {
            let picture = PullRequestPicture::of(facts, *most);
            let text = self.templates.render(Dialect::Markdown, "pull-request", &picture)?;
            let length = length(&text);
            Ok((text, length))
        };
        let body = best(&pull_request::MOST, render, "pull request", PAGE_LIMIT)?;
        Ok(PullRequestDraft { title: facts.title(), body })
    }

    /// The summary on GitHub's page of a run: the tables of the issue, without instructions.
    ///
    /// # Errors
    /// As for [`Renderer::issue`].
    pub fn step_summary(&self, view: &StatusView) -> Result<String, RenderError> {
        self.page("step-summary", view)
    }

    /// The payload for a Slack webhook: a fallback text and blocks.
    ///
    /// # Errors
    /// As for [`Renderer::issue`], with Slack's limits.
    pub fn slack(&self, view: &StatusView) -> Result<Value, RenderError> {
        let (picture, texts) = best(
            &CHAT,
            |detail| {
                let picture = Picture::of(view, detail);
                let text = |name| self.templates.render(Dialect::Slack, name, &picture);
                let texts = SlackTexts {
                    summary: text("slack-text")?,
                    services: text("slack-services")?,
                    context: text("slack-context")?,
                };
                let longest = [&texts.summary, &texts.services, &texts.context].map(|text| length(text));
                let longest = longest.into_iter().max().unwrap_or(0);
                Ok(((picture, texts), longest))
            },
            "Slack section",
            chat::SLACK_TEXT_LIMIT,
        )?;
        Ok(chat::slack(&picture, &texts))
    }

    /// The payload for a Discord webhook: one embed, and no mention allowed.
    ///
    /// # Errors
    /// As for [`Renderer::issue`], with Discord's limits.
    pub fn discord(&self, view: &StatusView) -> Result<Value, RenderError> {
        let (picture, texts) = best(
            &CHAT,
            |detail| {
                let picture = Picture::of(view, detail);
                let description = self.templates.render(Dialect::Discord, "discord-text", &picture)?;
                let length = length(&description);
                Ok(((picture, DiscordTexts { description, status: view.operational_status }), length))
            },
            "Discord description",
            chat::DISCORD_TEXT_LIMIT,
        )?;
        Ok(chat::discord(&picture, &texts))
    }

    /// The monitoring report as Markdown: the figures, findings and stages as tables and lists. At most [`MARKDOWN_LIMIT`]
    /// characters.
    ///
    /// # Errors
    /// As for [`Renderer::issue`], with [`MARKDOWN_LIMIT`].
    pub fn monitoring_markdown(&self, report: &MonitoringReport) -> Result<String, RenderError> {
        let render = |detail: &MonitoringDetail| {
            let picture = MonitoringPicture::of(report, detail);
            let text = self.templates.render(Dialect::Markdown, "monitoring-report", &picture)?;
            let length = length(&text);
            Ok((text, length))
        };
        best(&MARKDOWN, render, "monitoring report", MARKDOWN_LIMIT)
    }

    /// The monitoring report as one page of HTML with charts. It asks for nothing from anywhere, runs no script, and is at
    /// most [`HTML_LIMIT`] bytes long; services that are too many for a card of their own are listed in a table.
    ///
    /// # Errors
    /// As for [`Renderer::issue`], with [`HTML_LIMIT`].
    pub fn monitoring_html(&self, report: &MonitoringReport) -> Result<String, RenderError> {
        let style = self.templates.render(Dialect::Html, "monitoring-style", &Value::Null)?;
        let render = |detail: &MonitoringDetail| {
            let picture = MonitoringPicture::of(report, detail);
            let text = self.templates.render(Dialect::Html, "monitoring-page", &picture)?;
            let page = monitoring::frame(report, &style, &text);
            let length = page.len();
            Ok((page, length))
        };
        best(&HTML, render, "monitoring page", HTML_LIMIT)
    }

    fn page(&self, name: &'static str, view: &StatusView) -> Result<String, RenderError> {
        fit(name, PAGE_LIMIT, &PAGE, |detail| {
            self.templates.render(Dialect::Markdown, name, &Picture::of(view, detail))
        })
    }
}

/// The first text, from most to least detail, that fits.
fn fit(
    what: &'static str,
    limit: usize,
    levels: &[Detail],
    render: impl Fn(&Detail) -> Result<String, RenderError>,
) -> Result<String, RenderError> {
    let measured = |detail: &Detail| {
        render(detail).map(|text| {
            let length = length(&text);
            (text, length)
        })
    };
    best(levels, measured, what, limit)
}

/// The first result, from most to least detail, whose length is within the limit.
fn best<D, T>(
    levels: &[D],
    render: impl Fn(&D) -> Result<(T, usize), RenderError>,
    what: &'static str,
    limit: usize,
) -> Result<T, RenderError> {
    let mut shortest = 0;
    for detail in levels {
        let (result, length) = render(detail)?;
        if length <= limit {
            return Ok(result);
        }
        shortest = length;
    }
    Err(RenderError::TooLong { what, length: shortest, limit })
}
