//! What is shown while a run goes on: bars on a terminal, lines elsewhere, groups on GitHub Actions. All on stderr.

use std::{
    collections::BTreeMap,
    fmt,
    io::{IsTerminal, Write},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use clap::ColorChoice;
use indicatif::{ProgressBar, ProgressStyle};
use runbook_core::{
    Health, ServiceId, StepId,
    event::{Event, EventKind},
    plan::Plan,
    ports::{EventSink, Notice},
};
use runbook_github::commands as workflow;

use super::Verbosity;

/// Prints each event as the line that the journal holds.
#[derive(Debug)]
pub(super) struct EventLines;

impl EventSink for EventLines {
    fn on_event(&self, event: &Event) {
        // Events have string keys only, so writing them as JSON cannot fail; a closed pipe is no fault of the run.
        let line = serde_json::to_string(event).unwrap_or_default();
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

/// Follows a run for people.
pub(super) struct Progress {
    on_terminal: bool,
    verbosity: Verbosity,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bar: Option<ProgressBar>,
    /// The health that each service was last shown with in this step.
    seen: BTreeMap<ServiceId, Health>,
    in_actions: bool,
    step: Option<StepId>,
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").field("on_terminal", &self.on_terminal).finish_non_exhaustive()
    }
}

impl Progress {
    pub(super) fn new(color: ColorChoice, verbosity: Verbosity) -> Self {
        let on_terminal = std::io::stderr().is_terminal() && color != ColorChoice::Never;
        Self { on_terminal, verbosity, state: Mutex::default() }
    }

    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn begin(&self, plan: &Plan, in_actions: bool) {
        self.with(|state| state.in_actions = in_actions);
        if self.verbosity > Verbosity::Quiet {
            self.line(&format!("{} in {}", plan.action, plan.environment));
        }
    }

    pub(super) fn end(&self) {
        self.with(|state| {
            if let Some(bar) = state.bar.take() {
                bar.finish_and_clear();
            }
        });
    }

    pub(super) fn asked_to_end(&self, is_first: bool) {
        if self.verbosity > Verbosity::Quiet {
            self.line(match is_first {
                true => "  … asked to end; the report follows (ask again to end at once)",
                false => "  … asked again; it ends at once",
            });
        }
    }

    fn line(&self, text: &str) {
        self.with(|state| match &state.bar {
            Some(bar) => bar.suspend(|| write_line(text)),
            None => write_line(text),
        });
    }

    fn step_started(&self, step: &StepId, attempt: u32) {
        let again = if attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
        self.with(|state| {
            state.step = Some(step.clone());
            state.seen.clear();
            if state.in_actions {
                write_line(&workflow::group(&format!("{step}{again}")));
            } else if self.on_terminal {
                let bar = ProgressBar::new_spinner();
                let template = ProgressStyle::with_template("{spinner:.cyan} {prefix:.bold} {wide_msg} {elapsed:.dim}");
                bar.set_style(template.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                bar.set_prefix(format!("{step}{again}"));
                bar.enable_steady_tick(Duration::from_millis(100));
                if let Some(old) = state.bar.replace(bar) {
                    old.finish_and_clear();
                }
            }
        });
    }

    fn step_finished(&self, step: &StepId, sign: &str, word: &str, reason: Option<&str>, elapsed_ms: u64) {
        self.with(|state| {
            if let Some(bar) = state.bar.take() {
                bar.finish_and_clear();
            }
            if state.in_actions && state.step.take().is_some() {
                write_line(workflow::end_group());
            }
        });
        let reason = reason.map(|reason| format!(" – {}", clean(reason))).unwrap_or_default();
        write_line(&format!("  {sign} {step:<12} {word} in {}{reason}", took(elapsed_ms)));
    }
}

fn took(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1_000, ms % 1_000 / 100) }
}

fn clean(text: &str) -> String {
    let mut text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() > 200 {
        text = text.chars().take(199).collect();
        text.push('…');
    }
    text
}

fn write_line(text: &str) {
    // Nobody is left to read it when stderr is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

impl EventSink for Progress {
    fn on_event(&self, event: &Event) {
        match &event.kind {
            EventKind::StepStarted { step, attempt } => self.step_started(step, *attempt),
            EventKind::StepFinished { step, result, elapsed_ms } => {
                let word = result.word();
                let sign = match word {
                    "passed" => "✓",
                    "warned" => "!",
                    "skipped" => "·",
                    _ => "✗",
                };
                self.step_finished(step, sign, word, result.reason().as_deref(), *elapsed_ms);
            }
            EventKind::RollbackDecided(decision) => {
                self.line(&format!("  ↩ rolling back: {}", clean(&decision.reason)));
            }
            _ => {}
        }
    }

    fn on_notice(&self, notice: &Notice) {
        match notice {
            Notice::Progress { message, .. } => {
                let message = clean(message);
                let shown = self.with(|state| {
                    if let Some(bar) = &state.bar {
                        bar.set_message(message.clone());
                        true
                    } else {
                        false
                    }
                });
                if !shown {
                    self.line(&format!("    {message}"));
                }
            }
            Notice::Sampled { service, reading, .. } => {
                let text = format!("{service}: {} {}", reading.health, clean(&reading.evidence));
                self.with(|state| {
                    // Lines tell what changed; a bar, or somebody who asked for more, sees every sample.
                    let before = state.seen.insert(service.clone(), reading.health);
                    let is_news = before.unwrap_or(Health::Healthy) != reading.health;
                    match &state.bar {
                        Some(bar) => bar.set_message(text.clone()),
                        None if is_news || self.verbosity >= Verbosity::Verbose => write_line(&format!("    {text}")),
                        None => {}
                    }
                });
            }
            Notice::Retrying { step, attempt, delay_ms, reason } => {
                self.line(&format!("    {step}: attempt {attempt} in {delay_ms} ms: {}", clean(reason)));
            }
        }
    }
}
