//! The fields that the templates of the monitoring report name. Each is one line of text, not yet escaped.
//!
//! A `class` is `good`, `warn`, `bad` or `none` (nobody knows): what a page colours, beside the words that say the same.

use serde::Serialize;

use crate::{
    chart::{AvailabilityChart, LatencyChart, StripPicture},
    picture::model::{RollbackPicture, ServicePicture, StagePicture, StatusPicture, VerdictPicture},
};

/// Everything that the monitoring report can show. What could not be measured reads `unknown`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MonitoringPicture {
    /// The project's name.
    pub project: String,
    /// Which environment.
    pub environment: String,
    /// The state of the system.
    pub status: StatusPicture,
    /// The class of that state.
    pub class: String,
    /// Why it is so.
    pub reasons: Vec<String>,
    /// When this was written.
    pub written_at: String,
    /// Past this moment the words are stale.
    pub valid_until: String,
    /// Whether they were so when this was written.
    pub stale: bool,
    /// The stop latch's reason, while it is set.
    pub stopped: Option<String>,
    /// From when the figures are.
    pub from: String,
    /// Until when they are.
    pub to: String,
    /// How long that is, such as `24 h`.
    pub period: String,
    /// How many services are what, in words.
    pub healths: String,
    /// How many services are what, each health by itself; those that no service has are left out.
    pub tally: Vec<TallyPicture>,
    /// A card for each service, worst first.
    pub cards: Vec<CardPicture>,
    /// The services that are too many for cards; their charts are absent.
    pub rows: Vec<CardPicture>,
    /// How many services are not shown at all, in words.
    pub more: Option<String>,
    /// The newest run, where there is one.
    pub run: Option<NewestRunPicture>,
}

/// How many services have one health.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TallyPicture {
    /// The health's class.
    pub class: String,
    /// The sign of the health.
    pub sign: String,
    /// `healthy`, `degraded`, `unhealthy` or `unknown`.
    pub health: String,
    /// How many.
    pub number: usize,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CardPicture {
    /// Unique on the page.
    pub id: String,
    /// The class of its health.
    pub class: String,
    /// What is known of it now. Its facts are in `notes` here.
    pub service: ServicePicture,
    /// Whether it is known to be stopped.
    pub stopped: bool,
    /// Whether anything of it is in a history; without it the figures below are unknown.
    pub history: bool,
    /// The share of the observed time that it was up, such as `99.2 %`.
    pub uptime: String,
    /// How much of the time was observed, such as `41 %`.
    pub coverage: String,
    /// For how long it was not observed.
    pub unobserved: String,
    /// For how long it was down, as far as that was observed.
    pub down: String,
    /// For how long it was in maintenance, where it was.
    pub planned: Option<String>,
    /// The median latency of the whole time.
    pub p50: String,
    /// The 95th percentile.
    pub p95: String,
    /// The 99th percentile.
    pub p99: String,
    /// How many samples there were, and how many of them had no latency.
    pub samples: String,
    /// A sign for each stretch of the time: the higher, the longer it was up; `·` where nothing was observed.
    pub line: Option<String>,
    /// How long such a stretch is, such as `15 min`.
    pub stretch: String,
    /// The last 24 hours, where a history is kept.
    pub strip: Option<StripPicture>,
    /// Its availability over time.
    pub availability: Option<AvailabilityChart>,
    /// Its latency over time.
    pub latency: Option<LatencyChart>,
    /// The stretches in which it was down the longest.
    pub worst: Vec<String>,
    /// What else is known.
    pub notes: Vec<NotePicture>,
    /// How many notes are not shown, in words.
    pub more_notes: Option<String>,
}

/// Something that is known of a service beside its health.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NotePicture {
    /// Its class; here `none` is what gives no reason to act.
    pub class: String,
    /// What it is about: `alert`, `not judged`, `certificate`, `latency`, `suspects`.
    pub label: String,
    /// What it says.
    pub text: String,
}

/// The newest run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NewestRunPicture {
    /// Its id.
    pub id: String,
    /// What was asked.
    pub action: String,
    /// Who asked.
    pub actor: String,
    /// What triggered it.
    pub trigger: String,
    /// On which branch.
    pub branch: Option<String>,
    /// On which commit.
    pub commit: Option<String>,
    /// When it began.
    pub started_at: String,
    /// How long it took.
    pub took: String,
    /// How it came out.
    pub verdict: VerdictPicture,
    /// The verdict's class.
    pub class: String,
    /// Its stages.
    pub stages: Vec<StepPicture>,
    /// How many stages are not shown, in words.
    pub more_stages: Option<String>,
    /// The rollback, where one was decided.
    pub rollback: Option<RollbackPicture>,
    /// Why it was decided.
    pub rollback_reason: Option<String>,
    /// What was live before and after.
    pub releases: Vec<ReleasePicture>,
    /// How many of them are not shown, in words.
    pub more_releases: Option<String>,
    /// Who was told, and how that came out.
    pub told: Vec<String>,
    /// The status issue's number, such as `#7`.
    pub issue: Option<String>,
    /// Its page; an address of the web, or absent.
    pub issue_url: Option<String>,
}

/// One stage of the newest run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepPicture {
    /// The stage.
    pub stage: StagePicture,
    /// The class of its outcome.
    pub class: String,
}

/// What was live of a service before and after the newest run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReleasePicture {
    /// What people call the service.
    pub service: String,
    /// Before it; `unknown` where that is not known.
    pub before: String,
    /// After it.
    pub after: String,
    /// Whether both are known and not the same.
    pub changed: bool,
}
