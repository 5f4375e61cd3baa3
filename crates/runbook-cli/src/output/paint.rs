//! Colours for tones, and carets below what is wrong in a file.

use std::io::Write;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use runbook_render::{Line, Tone};

use crate::fault::Fault;

fn choice(color: ColorChoice) -> anstream::ColorChoice {
    match color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    }
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Warn => AnsiColor::Yellow.on_default(),
        Tone::Bad => AnsiColor::Red.on_default().bold(),
        Tone::Dim => Style::new().dimmed(),
    }
}

/// Prints lines to stdout.
pub(super) fn print(lines: &[Line], color: ColorChoice) {
    let mut out = AutoStream::new(std::io::stdout().lock(), choice(color));
    for line in lines {
        for span in &line.spans {
            let style = style(span.tone);
            // A closed pipe (`| head`) is no fault of the run.
            let _ = write!(out, "{style}{}{style:#}", span.text);
        }
        let _ = writeln!(out);
    }
}

/// Prints a fault to stderr, with the place in the file where there is one.
pub(super) fn fault(fault: &Fault, color: ColorChoice) {
    let mut out = AutoStream::new(std::io::stderr().lock(), choice(color));
    let title = Level::ERROR.primary_title(fault.message.as_str());
    let mut report: Vec<Group<'_>> = Vec::new();
    match &fault.snippet {
        Some(place) => {
            let (file, snippet) = &**place;
            let end = snippet.span.end.clamp(snippet.span.start, snippet.text.len());
            let span = snippet.span.start.min(end)..end;
            let source =
                Snippet::source(&*snippet.text).path(file.as_str()).annotation(AnnotationKind::Primary.span(span));
            report.push(title.element(source));
        }
        None => report.push(Group::with_title(title)),
    }
    if let Some(hint) = &fault.hint {
        report.push(Group::with_title(Level::HELP.secondary_title(hint.as_str())));
    }
    let next = fault.next_command.as_ref().map(|command| format!("try `{command}`"));
    if let Some(next) = &next {
        report.push(Group::with_title(Level::HELP.secondary_title(next.as_str())));
    }
    let _ = writeln!(out, "{}", Renderer::styled().render(&report));
}

/// Prints a warning to stderr.
pub(super) fn warning(text: &str, color: ColorChoice) {
    let mut out = AutoStream::new(std::io::stderr().lock(), choice(color));
    let style = style(Tone::Warn);
    let _ = writeln!(out, "{style}warning{style:#}: {text}");
}
