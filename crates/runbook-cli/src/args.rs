//! What can be typed: commands, options, and their help.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ColorChoice, Parser, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use runbook_core::{FailOn, ServiceId, StepId, config::Period};
use runbook_render::WorkflowLayout;

use crate::output::{Format, Verbosity};

const EXIT_CODES: &str = "\
Exit codes:
  0    succeeded; `check` and `status`: OPERATIONAL
  1    a fault of Runbook itself
  2    usage or configuration
  3    blocked by the safety gate, the stop latch or the lock
  4    `check` and `status`: DEGRADED or unknown
  5    `check` and `status`: CRITICAL; runs: failed, nothing was changed
  6    rolled back: the deploy failed, the way back worked and was verified
  7    needs an operator
  130, 143  aborted by a signal, after the report was written";

const WORKFLOW_CODES: &str = "\
Exit codes:
  0  written, printed; with --check: the file is what would be generated
  2  usage or configuration: nothing was written
  4  with --check: the file is another one, or missing";

const DOCTOR_CODES: &str = "\
Exit codes:
  0  all is well
  2  usage or configuration: nothing was looked at
  4  something is unknown, or will be missing
  5  something does not work";

/// Runs deployment runbooks and tells the truth about them.
#[derive(Debug, Parser)]
#[command(name = "runbook", version, after_help = EXIT_CODES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The configuration; by default `runbook.toml`, searched upwards
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The environment; by default `default_environment`, or the only one
    #[arg(long, short, global = true, value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// What stdout carries
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub(crate) format: Format,
    /// Print the plan and touch nothing
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
    /// Say more; twice for everything
    #[arg(long, short, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,
    /// Say only the end
    #[arg(long, short, global = true)]
    quiet: bool,
}

impl Global {
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Verbose,
            (false, _) => Verbosity::Trace,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a `runbook.toml` to start from
    Init(Init),
    /// Probe services once
    Check(Check),
    /// Measure every service and publish what was found
    UpdateStatus(UpdateStatus),
    /// Make a release live, watch it, and return from it when it is unhealthy
    Deploy(Deploy),
    /// Return to the last known good release, or to one that is named
    Rollback(Rollback),
    /// Deploy one service, watched and rolled back like any deploy
    UpdateComponent(UpdateComponent),
    /// Set the stop latch and stop all services
    EmergencyStop(EmergencyStop),
    /// Lift the stop latch; for people only
    Resume(Resume),
    /// Do what the event asks for that started this job of GitHub Actions
    Event(Event),
    /// Go on with a run until one of its stages has had its turn
    Stage(Stage),
    /// Finish or settle a run that was interrupted
    Recover(Recover),
    /// Keep every run from changing services, until `unlock`
    Lock(Lock),
    /// Take the lock away from a person, or from a run that is over; for people only
    Unlock(Lock),
    /// Show what is known, without measuring anything
    Status,
    /// List runs, newest first; or show a service over time
    History(History),
    /// Write the monitoring report: JSON, Markdown, and a page for the browser
    Report(Report),
    /// Print the report of a run as it was written down
    Show(Show),
    /// Write the GitHub workflow for this configuration
    #[command(after_help = WORKFLOW_CODES)]
    Workflow(Workflow),
    /// Look at everything that a run stands on, and say what mends it
    #[command(after_help = DOCTOR_CODES)]
    Doctor,
    /// Print a JSON Schema
    Schema(Schema),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Init {
    /// What to start from
    #[arg(long, value_enum, default_value_t = Template::Minimal)]
    pub(crate) template: Template,
    /// Write the GitHub workflow too; a `runbook.toml` that is there already is kept, and taken
    #[arg(long)]
    pub(crate) github: bool,
    /// Write scripts/runbook/*.sh too, each of which calls one command; a `runbook.toml` that is there already is kept
    #[arg(long)]
    pub(crate) scripts: bool,
    /// Overwrite a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Workflow {
    /// How the jobs are laid out; by default as `[workflow] layout` says, else `jobs` where that is possible
    #[arg(long, value_enum)]
    pub(crate) layout: Option<LayoutArg>,
    /// The file to write, `-` for stdout; by default .github/workflows/ with the name of `[status_issue] workflow`
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Write nothing, and tell whether the file is what would be generated
    #[arg(long)]
    pub(crate) check: bool,
    /// Overwrite a file that was not generated
    #[arg(long, conflicts_with = "check")]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutArg {
    /// One job for each stage, which go on with one run through the journal at the remote
    Jobs,
    /// One job for the whole run
    Single,
}

impl From<LayoutArg> for WorkflowLayout {
    fn from(arg: LayoutArg) -> Self {
        match arg {
            LayoutArg::Jobs => Self::Jobs,
            LayoutArg::Single => Self::Single,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Template {
    /// One service, observed
    Minimal,
    /// Three services, deployed from this repository by the local process deployer
    Forge,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Check {
    /// The services; all when none is named
    pub(crate) services: Vec<String>,
    /// All services; the same as naming none
    #[arg(long, conflicts_with = "services")]
    pub(crate) all: bool,
    /// Write what was found to the journal, where the next run that only looks takes it
    #[arg(long)]
    pub(crate) publish: bool,
    /// One of N equal parts of the services that can be measured from anywhere, counted from 1
    #[arg(long, value_name = "I/N", value_parser = Shard::parse, requires = "publish",
        conflicts_with_all = ["services", "all", "runs_on"])]
    pub(crate) shard: Option<Shard>,
    /// The services that say `runs_on` with these labels, separated by commas
    #[arg(long, value_name = "LABELS", value_delimiter = ',', requires = "publish",
        conflicts_with_all = ["services", "all"])]
    pub(crate) runs_on: Vec<String>,
    /// From which status on to end with 4 or 5
    #[arg(long, value_enum, default_value_t = FailOnArg::Unknown, value_name = "STATUS")]
    pub(crate) fail_on: FailOnArg,
}

/// One of equal parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) index: u32,
    pub(crate) of: u32,
}

impl Shard {
    /// As many jobs as a matrix of GitHub may have.
    const MOST: u32 = 256;

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a part such as 2/3, found {text:?}");
        let (index, of) = text.split_once('/').ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
        let (index, of) = (number(index)?, number(of)?);
        if of > Self::MOST {
            return Err(format!("there are {} parts at most", Self::MOST));
        }
        if index == 0 || index > of { Err(wrong()) } else { Ok(Self { index, of }) }
    }
}

/// Why, and who: what every run may be told.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Why {
    /// Why; it stands in the journal, the report and the issue
    #[arg(long, value_name = "WHY")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct UpdateStatus {
    #[command(flatten)]
    pub(crate) why: Why,
    #[command(flatten)]
    pub(crate) until: Until,
    /// From which status on to end with 4 or 5
    #[arg(long, value_enum, default_value_t = FailOnArg::Never, value_name = "STATUS")]
    pub(crate) fail_on: FailOnArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOnArg {
    /// Measured and reported is enough
    Never,
    /// Only CRITICAL
    Critical,
    /// CRITICAL, or a service measured as degraded or unhealthy
    Degraded,
    /// Anything but OPERATIONAL
    Unknown,
}

impl From<FailOnArg> for FailOn {
    fn from(arg: FailOnArg) -> Self {
        match arg {
            FailOnArg::Never => Self::Never,
            FailOnArg::Critical => Self::Critical,
            FailOnArg::Degraded => Self::Degraded,
            FailOnArg::Unknown => Self::Unknown,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Deploy {
    /// A tag, or a commit of at least 7 hex digits; by default the triggering commit, or the current head
    pub(crate) version: Option<String>,
    #[command(flatten)]
    pub(crate) why: Why,
    #[command(flatten)]
    pub(crate) until: Until,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Rollback {
    /// A tag, or a commit of at least 7 hex digits; by default the last known good release
    pub(crate) version: Option<String>,
    /// Return also to a release that failed before, or over what is marked as irreversible
    #[arg(long, requires = "reason")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) why: Why,
    #[command(flatten)]
    pub(crate) until: Until,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct UpdateComponent {
    /// The service, or `all`
    pub(crate) component: String,
    /// A tag, or a commit of at least 7 hex digits; by default the triggering commit, or the current head
    #[arg(long, value_name = "V")]
    pub(crate) version: Option<String>,
    #[command(flatten)]
    pub(crate) why: Why,
    #[command(flatten)]
    pub(crate) until: Until,
}

impl UpdateComponent {
    /// The one service; `None` for all.
    pub(crate) fn service(&self) -> Result<Option<ServiceId>, runbook_core::IdError> {
        if self.component == "all" { Ok(None) } else { ServiceId::new(&self.component).map(Some) }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct EmergencyStop {
    #[command(flatten)]
    pub(crate) why: Why,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Resume {
    /// Why it is safe to go on
    #[arg(long, value_name = "WHY")]
    pub(crate) reason: String,
}

/// When a run begins, and how far this process carries it.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Until {
    /// Leave the run once this step has had its turn; `runbook stage` goes on with it
    #[arg(long, value_name = "STEP")]
    pub(crate) until: Option<StepId>,
    /// Wait at most so long for a lock that another run holds, such as 30s or 15m
    #[arg(long, value_name = "TIME")]
    pub(crate) wait: Option<Period>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Event {
    #[command(flatten)]
    pub(crate) until: Until,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Stage {
    /// The step, such as `ci`, `deploy` or `report`
    pub(crate) step: StepId,
    /// The run's id, or its first digits; `auto` is the one that this run of GitHub Actions began
    #[arg(long, value_name = "RUN")]
    pub(crate) run: String,
    /// Vouch for it that the job before is over, where it could not leave the run itself
    #[arg(long)]
    pub(crate) owner_is_over: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Recover {
    /// The run's id, or its first digits; by default each run whose owner is over
    pub(crate) run: Option<String>,
    /// Vouch for it that the run's owner is over, where nobody here can tell
    #[arg(long, requires = "run")]
    pub(crate) owner_is_over: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Lock {
    /// Why; it stands in the journal, and whoever is kept away reads it
    #[arg(long, value_name = "WHY")]
    pub(crate) reason: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct History {
    /// A service: its uptime, coverage and latency instead of the runs
    #[arg(conflicts_with_all = ["limit", "verify", "start_volume"])]
    pub(crate) service: Option<String>,
    /// How far back a service is shown, such as 6h, 7d or 4w
    #[arg(long, default_value = "24h", value_name = "TIME", value_parser = Since::parse)]
    pub(crate) since: Since,
    /// How many runs at most
    #[arg(long, short = 'n', default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
    /// Check the whole chain of the journal, and print its head
    #[arg(long)]
    pub(crate) verify: bool,
    /// Begin a new volume of a journal in git; the old one stays, and is read when somebody asks for it
    #[arg(long, conflicts_with_all = ["limit", "verify"])]
    pub(crate) start_volume: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Report {
    /// The run's id, or its first digits; by default the newest
    pub(crate) run: Option<String>,
    /// The folder to write to; made where it is missing
    #[arg(long, short, default_value = "monitoring-report", value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// How far back services are shown, such as 6h, 7d or 4w
    #[arg(long, default_value = "7d", value_name = "TIME", value_parser = Since::parse)]
    pub(crate) since: Since,
}

/// How far back, in whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since {
    pub(crate) minutes: u32,
}

impl Since {
    /// The longest stretch that is shown at once: five years.
    const MOST_MINUTES: u32 = 5 * 366 * 24 * 60;

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a time such as 90m, 6h, 7d or 4w, found {text:?}");
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?);
        let unit = match unit {
            "m" | "min" => 1,
            "h" => 60,
            "d" => 24 * 60,
            "w" => 7 * 24 * 60,
            _ => return Err(wrong()),
        };
        let minutes = number.parse::<u32>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)?;
        match minutes {
            0 => Err("0 is no time to look back".to_owned()),
            _ if minutes > Self::MOST_MINUTES => Err("five years at most are shown at once".to_owned()),
            _ => Ok(Self { minutes }),
        }
    }

    /// The moment that long before another one. The bucket that holds it is shown whole.
    pub(crate) fn before(self, now: Timestamp) -> Timestamp {
        let minutes = i64::from(self.minutes.saturating_sub(self.width_minutes()).max(1));
        now.checked_sub(SignedDuration::from_mins(minutes)).unwrap_or(Timestamp::MIN)
    }

    /// The width of a bucket that makes the stretch readable: a minute, an hour, or a day.
    pub(crate) fn width_minutes(self) -> u32 {
        match self.minutes {
            0..=180 => 1,
            181..=20_160 => 60,
            _ => 1_440,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Show {
    /// The run's id, or its first digits
    pub(crate) run: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Schema {
    /// Of what
    #[arg(value_enum)]
    pub(crate) of: SchemaOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// `runbook.toml`
    Config,
    /// The events of the journal and of `--format events`
    Event,
    /// The report of a run
    Report,
    /// The plan of a run
    Plan,
    /// What `check` and `status` print
    Status,
}
