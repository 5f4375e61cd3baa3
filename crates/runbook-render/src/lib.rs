//! What a person reads of a [runbook](runbook_core): the status issue, its comments, the summary of a CI run, messages for
//! Slack and Discord, lines for a terminal, and the monitoring report as Markdown and as a page of HTML with charts.
//!
//! It is pure: a [`StatusView`](runbook_core::StatusView) or [`Report`](runbook_core::Report) goes in, text comes out, within
//! the length that its place allows and with every word from outside escaped for it. It sends nothing, reads no file and
//! knows no colours; adapters and faces do.
//!
//! ```
//! use runbook_render::{Renderer, escape, issue_marker};
//!
//! // Templates are compiled once; a repository may bring its own, and a mistake in one names its place.
//! let renderer = Renderer::new()?;
//! let own = [("comment.md.hbs".to_owned(), "{{#if acto}}{{{actor}}}{{/if}}".to_owned())].into();
//! let error = Renderer::with_overrides(&own).unwrap_err();
//! assert!(error.to_string().starts_with("template comment.md.hbs:1:"));
//!
//! // Text from outside is data: it calls nobody, links nowhere and forges no marker.
//! let marker = issue_marker(&"production".parse()?);
//! assert_eq!(marker, "<!-- runbook:status:v1 environment=production -->");
//! assert!(!escape::markdown(&marker).contains("<!--"));
//! # let _ = renderer;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may end at the first surprise"))]

mod chart;
mod chat;
mod document;
mod error;
pub mod escape;
mod facts;
mod helpers;
mod issue;
mod monitoring;
mod picture;
mod pull_request;
mod renderer;
mod reply;
mod templates;
mod terminal;
mod text;
mod words;
mod workflow;

pub use chart::{AvailabilityChart, HoverPicture, LatencyChart, StripPicture, TickPicture};
pub use document::{DocumentError, document_of_issue};
pub use error::{Place, RenderError};
pub use issue::{IssueDraft, issue_marker, issue_title};
pub use monitoring::MonitoringReport;
pub use picture::{
    CardPicture, CommandPicture, MonitoringPicture, NewestRunPicture, NotePicture, Picture, ReleasePicture,
    RollbackPicture, RunPicture, ServicePicture, StagePicture, StatusPicture, StepPicture, TallyPicture,
    VerdictPicture,
};
pub use pull_request::{PullRequestDraft, RollbackFacts};
pub use renderer::{HTML_LIMIT, MARKDOWN_LIMIT, PAGE_LIMIT, Renderer};
pub use reply::{CommandReply, ReplyState};
pub use templates::{page_template_names, template_names};
pub use terminal::{Line, Span, Tone, terminal_doctor, terminal_report, terminal_series, terminal_status};
pub use workflow::{
    WORKFLOW_MARK, WorkflowError, WorkflowFacts, WorkflowInstall, WorkflowLayout, WorkflowMinutes, WorkflowUses,
    workflow,
};
