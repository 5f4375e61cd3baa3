//! Ports that remember what they were told: an event sink, a notifier, an issue tracker.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use runbook_core::{
    EffectKey, LeftBehind, StatusView,
    engine::Permit,
    event::Event,
    ports::{EventSink, IssueError, IssueTracker, IssueUpdate, Notice, Notifier, NotifyError, PublishedIssue},
};

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps every event and notice of a run, in order.
#[derive(Debug, Default)]
pub struct RecordingSink {
    events: Mutex<Vec<Event>>,
    notices: Mutex<Vec<Notice>>,
}

impl RecordingSink {
    /// One that has heard nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The events so far.
    pub fn events(&self) -> Vec<Event> {
        lock(&self.events).clone()
    }

    /// The notices so far.
    pub fn notices(&self) -> Vec<Notice> {
        lock(&self.notices).clone()
    }

    /// The names of the events so far, as on the wire.
    pub fn kinds(&self) -> Vec<String> {
        lock(&self.events).iter().map(|event| event.kind.name().to_owned()).collect()
    }
}

impl EventSink for RecordingSink {
    fn on_event(&self, event: &Event) {
        lock(&self.events).push(event.clone());
    }

    fn on_notice(&self, notice: &Notice) {
        lock(&self.notices).push(notice.clone());
    }
}

/// A chat that keeps each picture it was sent.
#[derive(Debug)]
pub struct RecordingNotifier {
    name: String,
    sent: Mutex<Vec<(EffectKey, StatusView)>>,
    fault: Mutex<Option<LeftBehind>>,
}

impl RecordingNotifier {
    /// A chat with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), sent: Mutex::default(), fault: Mutex::default() }
    }

    /// Fails every message from now on, leaving this behind; `None`: works again. Only `NoChange` keeps it unsent.
    pub fn fail(&self, left: Option<LeftBehind>) {
        *lock(&self.fault) = left;
    }

    /// The messages that arrived, each with the key of its effect.
    pub fn sent(&self) -> Vec<(EffectKey, StatusView)> {
        lock(&self.sent).clone()
    }
}

#[async_trait]
impl Notifier for RecordingNotifier {
    fn name(&self) -> &str {
        &self.name
    }

    async fn notify(&self, permit: &Permit, view: &StatusView) -> Result<(), NotifyError> {
        let fault = *lock(&self.fault);
        if fault != Some(LeftBehind::NoChange) {
            lock(&self.sent).push((permit.key().clone(), view.clone()));
        }
        fault.map_or(Ok(()), |left| Err(NotifyError { message: "as the test ordered".to_owned(), left }))
    }
}

/// An issue tracker with one issue, number 1, once it was published.
#[derive(Debug, Default)]
pub struct RecordingIssueTracker {
    updates: Mutex<Vec<(EffectKey, IssueUpdate)>>,
    fault: Mutex<Option<(LeftBehind, bool)>>,
}

impl RecordingIssueTracker {
    /// One without an issue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fails every update from now on, leaving this behind; `retryable` says whether the same call may work later.
    /// Only `NoChange` keeps the update from arriving.
    pub fn fail(&self, left: LeftBehind, retryable: bool) {
        *lock(&self.fault) = Some((left, retryable));
    }

    /// Works again.
    pub fn heal(&self) {
        *lock(&self.fault) = None;
    }

    /// The updates that arrived, each with the key of its effect.
    pub fn updates(&self) -> Vec<(EffectKey, IssueUpdate)> {
        lock(&self.updates).clone()
    }
}

#[async_trait]
impl IssueTracker for RecordingIssueTracker {
    async fn upsert(&self, permit: &Permit, update: &IssueUpdate) -> Result<PublishedIssue, IssueError> {
        let fault = *lock(&self.fault);
        let mut updates = lock(&self.updates);
        let created = updates.is_empty();
        if !matches!(fault, Some((LeftBehind::NoChange, _))) {
            updates.push((permit.key().clone(), update.clone()));
        }
        match fault {
            Some((left, retryable)) => {
                Err(IssueError { message: "as the test ordered".to_owned(), left, retryable, source: None })
            }
            None => {
                let url = format!("{}/issues/1", self.home());
                Ok(PublishedIssue { number: 1, url, created, requests: 1, warnings: Vec::new() })
            }
        }
    }

    fn home(&self) -> String {
        "https://forge.invalid/octo-org/octo-repo".to_owned()
    }
}
