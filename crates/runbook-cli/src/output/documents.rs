//! The output of one command: its documents at the end, and who watches on the way.

use std::{io::Write, sync::Arc};

use clap::ColorChoice;
use runbook_core::{
    ExitCode, Report, StatusDocument,
    plan::{Plan, plan_digest},
    ports::EventSink,
};
use runbook_render::{Line, terminal_report, terminal_status};
use serde::Serialize;
use serde_json::json;

use super::{
    format::{Format, Verbosity},
    paint,
    progress::{EventLines, Progress},
};
use crate::fault::Fault;

/// The output of one command.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    format: Format,
    color: ColorChoice,
    verbosity: Verbosity,
    progress: Arc<Progress>,
}

impl Output {
    pub(crate) fn new(format: Format, color: ColorChoice, verbosity: Verbosity) -> Self {
        Self { format, color, verbosity, progress: Arc::new(Progress::new(color, verbosity)) }
    }

    pub(crate) fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Who watches a run: progress on stderr, and JSON lines on stdout where they were asked for.
    pub(crate) fn sinks(&self) -> Vec<Arc<dyn EventSink>> {
        let mut sinks: Vec<Arc<dyn EventSink>> = Vec::new();
        if self.format == Format::Events {
            sinks.push(Arc::new(EventLines));
        }
        if self.verbosity > Verbosity::Quiet {
            sinks.push(Arc::clone(&self.progress) as Arc<dyn EventSink>);
        }
        sinks
    }

    /// A run is about to begin.
    pub(crate) fn begin(&self, plan: &Plan, in_actions: bool) {
        self.progress.begin(plan, in_actions);
    }

    /// Somebody asked the run to end, for the first time or again.
    pub(crate) fn asked_to_end(&self, is_first: bool) {
        self.progress.asked_to_end(is_first);
    }

    /// The end of a run.
    pub(crate) fn report(&self, report: &Report) {
        self.progress.end();
        match self.format {
            Format::Human => paint::print(&terminal_report(report), self.color),
            Format::Json => print_json(report, true),
            Format::Events => print_json(report, false),
        }
    }

    /// What is known of an environment.
    pub(crate) fn status(&self, document: &StatusDocument) {
        match self.format {
            Format::Human => paint::print(&terminal_status(document), self.color),
            Format::Json => print_json(document, true),
            Format::Events => print_json(document, false),
        }
    }

    /// A plan that will not be executed.
    pub(crate) fn plan(&self, plan: &Plan) {
        let digest = plan_digest(plan);
        match self.format {
            Format::Human => print_text(&format!("{plan}digest         {digest}")),
            Format::Json | Format::Events => {
                let mut document = json!(plan);
                document["digest"] = json!(digest);
                print_json(&document, self.format == Format::Json);
            }
        }
    }

    /// Any other document, with its form for people.
    pub(crate) fn document(&self, document: &impl Serialize, text: &str) {
        match self.format {
            Format::Human => print_text(text),
            Format::Json => print_json(document, true),
            Format::Events => print_json(document, false),
        }
    }

    /// Any other document, with its lines for people.
    pub(crate) fn document_of_lines(&self, document: &impl Serialize, lines: &[Line]) {
        match self.format {
            Format::Human => paint::print(lines, self.color),
            Format::Json => print_json(document, true),
            Format::Events => print_json(document, false),
        }
    }

    /// A fault: for people on stderr, for programs as the last document on stdout.
    pub(crate) fn fault(&self, fault: &Fault) -> ExitCode {
        self.progress.end();
        paint::fault(fault, self.color);
        match self.format {
            Format::Human => {}
            Format::Json => print_json(&fault.document(), true),
            Format::Events => print_json(&fault.document(), false),
        }
        fault.code
    }

    /// Something beside the document that people should read.
    pub(crate) fn note(&self, text: &str) {
        if self.format == Format::Human && self.verbosity > Verbosity::Quiet {
            print_text(text);
        }
    }

    /// Something that did not work and changes nothing.
    pub(crate) fn warn(&self, text: &str) {
        paint::warning(text, self.color);
    }

    /// A workflow command of GitHub Actions. Its runner reads both streams; stdout stays clean for documents.
    pub(crate) fn workflow_command(&self, command: &str) {
        let _ = writeln!(std::io::stderr(), "{command}");
    }
}

fn print_text(text: &str) {
    // A closed pipe (`| head`) is no fault of the run.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn print_json(value: &impl Serialize, pretty: bool) {
    let text = if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    // Documents have string keys only, so writing them as JSON cannot fail.
    print_text(&text.unwrap_or_default());
}
