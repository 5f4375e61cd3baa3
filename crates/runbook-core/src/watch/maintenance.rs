//! Planned maintenance: when it is, and for which services. What it changes in a status, and who is told, is no business
//! of this file.
//!
//! Time zones come from the database in the program, not from the machine: a window is at the same time on each.

use std::collections::BTreeSet;

use jiff::{
    SignedDuration, Span, Timestamp,
    civil::{DateTime, Time, Weekday},
    tz::{TimeZone, TimeZoneDatabase},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::alert_rule::did_you_mean;
use crate::{
    config::Period,
    words::{Maintenance, ServiceId},
};

/// The longest recurring window, in days.
const MAX_DAYS: i64 = 7;

const HOURS_OF_A_DAY: i64 = 24;

/// `[[maintenance]]`: planned maintenance, either once (`from`, `until`) or again and again (`start`, `duration`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceConfig {
    /// Once: when it begins, as in "2030-05-01T22:00:00Z", or as a date and time of day in `zone`.
    pub from: Option<String>,
    /// Once: when it ends, written as `from` is.
    pub until: Option<String>,
    /// Again and again: the days on which it begins; by default each day.
    pub days: Option<Vec<MaintenanceDay>>,
    /// Again and again: the time of day in `zone` at which it begins, as in "02:00".
    pub start: Option<String>,
    /// Again and again: how long it lasts; at most 7 days.
    pub duration: Option<Period>,
    /// The time zone, as in "Europe/Berlin"; by default UTC.
    pub zone: Option<String>,
    /// The services that are in maintenance; by default all.
    pub services: Option<Vec<ServiceId>>,
    /// What it is for.
    pub reason: Option<String>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MaintenanceDay {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl From<MaintenanceDay> for Weekday {
    fn from(day: MaintenanceDay) -> Self {
        match day {
            MaintenanceDay::Mon => Self::Monday,
            MaintenanceDay::Tue => Self::Tuesday,
            MaintenanceDay::Wed => Self::Wednesday,
            MaintenanceDay::Thu => Self::Thursday,
            MaintenanceDay::Fri => Self::Friday,
            MaintenanceDay::Sat => Self::Saturday,
            MaintenanceDay::Sun => Self::Sunday,
        }
    }
}

/// A `[[maintenance]]` table that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MaintenanceError {
    /// Which of the tables, from 0.
    pub index: usize,
    /// The key that is wrong, or missing.
    pub key: &'static str,
    /// What is wrong, and what is expected.
    pub message: String,
}

/// All planned maintenance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MaintenanceSchedule {
    windows: Vec<Window>,
}

impl MaintenanceSchedule {
    /// The schedule of these tables, for the services that are configured.
    ///
    /// # Errors
    /// At the first table and key that is wrong.
    pub fn build(tables: &[MaintenanceConfig], known: &BTreeSet<ServiceId>) -> Result<Self, MaintenanceError> {
        let zones = TimeZoneDatabase::bundled();
        let window = |(index, table)| {
            Window::of(table, known, &zones).map_err(|(key, message)| MaintenanceError { index, key, message })
        };
        Ok(Self { windows: tables.iter().enumerate().map(window).collect::<Result<_, _>>()? })
    }

    /// The maintenance that a service is in; of several, the one that ends last.
    ///
    /// A window begins at its time of day on the clock of its zone, and lasts as long as it says in time that really
    /// passes: two hours are two hours, also where clocks are changed meanwhile. A time of day that a clock change leaves
    /// out is the one after it by as much (02:30 is 03:30 then); of one that comes twice, the first is meant. A window's
    /// first instant is in it, its end is not.
    pub fn active(&self, service: &ServiceId, now: Timestamp) -> Option<Maintenance> {
        let mut latest: Option<Maintenance> = None;
        for window in self.windows.iter().filter(|window| window.services.as_ref().is_none_or(|s| s.contains(service)))
        {
            if let Some(until) = window.when.until(now)
                && latest.as_ref().is_none_or(|latest| latest.until < until)
            {
                latest = Some(Maintenance { until, reason: window.reason.clone() });
            }
        }
        latest
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Window {
    when: When,
    /// `None`: all.
    services: Option<BTreeSet<ServiceId>>,
    reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum When {
    Once { from: Timestamp, until: Timestamp },
    Recurring { days: Vec<Weekday>, start: Time, duration: SignedDuration, zone: TimeZone },
}

/// The key that is wrong, and why.
type Wrong = (&'static str, String);

impl Window {
    fn of(table: &MaintenanceConfig, known: &BTreeSet<ServiceId>, zones: &TimeZoneDatabase) -> Result<Self, Wrong> {
        let zone = match &table.zone {
            None => TimeZone::UTC,
            Some(name) => zones.get(name).map_err(|_| ("zone", unknown_zone(name, zones)))?,
        };
        let is_once = table.from.is_some() || table.until.is_some();
        let recurring =
            [("start", table.start.is_some()), ("duration", table.duration.is_some()), ("days", table.days.is_some())];
        let recurring = recurring.into_iter().find(|(_, is_there)| *is_there);
        let when = match (is_once, recurring) {
            (true, None) => When::once(table, zone)?,
            (false, Some(_)) => When::recurring(table, zone)?,
            (false, None) => {
                return Err(("from", "when is it? Give `from` and `until`, or `start` and `duration`".to_owned()));
            }
            (true, Some((key, _))) => {
                let message =
                    "it is either once, with `from` and `until`, or again and again, with `start` and `duration`";
                return Err((key, message.to_owned()));
            }
        };
        Ok(Self { when, services: services(table, known)?, reason: table.reason.clone() })
    }
}

fn services(table: &MaintenanceConfig, known: &BTreeSet<ServiceId>) -> Result<Option<BTreeSet<ServiceId>>, Wrong> {
    let Some(named) = &table.services else { return Ok(None) };
    if named.is_empty() {
        return Err(("services", "it names no service; leave it out to mean all".to_owned()));
    }
    match named.iter().find(|name| !known.contains(*name)) {
        None => Ok(Some(named.iter().cloned().collect())),
        Some(name) => {
            let hint = did_you_mean(name.as_str(), known.iter().map(ServiceId::as_str));
            Err(("services", format!("there is no service `{name}`: {hint}")))
        }
    }
}

fn unknown_zone(name: &str, zones: &TimeZoneDatabase) -> String {
    let known: Vec<String> = zones.available().map(|zone| zone.to_string()).collect();
    let hint = did_you_mean(name, known.iter().map(String::as_str));
    // Nobody reads a list of six hundred.
    let hint =
        if hint.starts_with("did you mean") { hint } else { "expected a name such as `Europe/Berlin`".to_owned() };
    format!("there is no time zone {name:?}: {hint}")
}

fn required<'a, T>(key: &'static str, value: Option<&'a T>, with: &str) -> Result<&'a T, Wrong> {
    value.ok_or_else(|| (key, format!("`{with}` needs `{key}` beside it")))
}

impl When {
    fn once(table: &MaintenanceConfig, zone: TimeZone) -> Result<Self, Wrong> {
        let from = instant("from", required("from", table.from.as_ref(), "until")?, &zone)?;
        let until = instant("until", required("until", table.until.as_ref(), "from")?, &zone)?;
        if until <= from {
            return Err(("until", format!("it ends at {until}, which is not after it begins at {from}")));
        }
        Ok(Self::Once { from, until })
    }

    fn recurring(table: &MaintenanceConfig, zone: TimeZone) -> Result<Self, Wrong> {
        let given = if table.start.is_some() {
            "start"
        } else if table.duration.is_some() {
            "duration"
        } else {
            "days"
        };
        let start = time_of_day(required("start", table.start.as_ref(), given)?)?;
        let duration = required("duration", table.duration.as_ref(), given)?;
        let longest = SignedDuration::from_hours(MAX_DAYS * HOURS_OF_A_DAY);
        let duration = SignedDuration::try_from(duration.0).unwrap_or(SignedDuration::MAX);
        if duration.is_zero() || duration > longest {
            return Err(("duration", format!("it must last more than 0 and at most {MAX_DAYS} days")));
        }
        let days: Vec<Weekday> = match &table.days {
            None => Weekday::Monday.cycle_forward().take(7).collect(),
            Some(days) => days.iter().copied().map(Weekday::from).collect(),
        };
        // The longest way from one of the days to the next.
        let pauses = days.iter().filter_map(|day| (1..=MAX_DAYS).find(|more| days.contains(&day.wrapping_add(*more))));
        let Some(pause) = pauses.max() else {
            return Err(("days", "it names no day; leave it out to mean each day".to_owned()));
        };
        if duration >= SignedDuration::from_hours(pause * HOURS_OF_A_DAY) {
            return Err(("duration", "it would still last when the next one begins, and so never end".to_owned()));
        }
        Ok(Self::Recurring { days, start, duration, zone })
    }

    /// Until when it is active; `None`: it is not.
    fn until(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Once { from, until } => (*from..*until).contains(&now).then_some(*until),
            Self::Recurring { days, start, duration, zone } => {
                let today = zone.to_datetime(now).date();
                // A window of up to seven days can have begun so many days ago. A day more on both sides, because a clock
                // change can move the beginning of one over midnight.
                let windows = (-MAX_DAYS - 1..=1).filter_map(|day| {
                    let date = today.checked_add(Span::new().days(day)).ok()?;
                    if !days.contains(&date.weekday()) {
                        return None;
                    }
                    // What is ambiguous is taken as RFC 5545 has it, which Temporal and jiff call "compatible".
                    let from = zone.to_timestamp(date.to_datetime(*start)).ok()?;
                    let until = from.checked_add(*duration).ok()?;
                    (from..until).contains(&now).then_some(until)
                });
                windows.max()
            }
        }
    }
}

fn instant(key: &'static str, text: &str, zone: &TimeZone) -> Result<Timestamp, Wrong> {
    let wrong = || {
        let expected = "expected a time such as \"2030-05-01T22:00:00Z\", or \"2030-05-01T22:00:00\" in `zone`";
        (key, format!("{text:?} is no time: {expected}"))
    };
    // A zone in brackets would be read and not be heeded.
    if text.contains('[') {
        return Err(wrong());
    }
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    let local: DateTime = text.parse().map_err(|_| wrong())?;
    zone.to_timestamp(local).map_err(|_| wrong())
}

fn time_of_day(text: &str) -> Result<Time, Wrong> {
    // A date before the time, or a zone after it, would be read and not be heeded.
    let is_plain = text.contains(':') && text.bytes().all(|b| b.is_ascii_digit() || b == b':');
    text.parse()
        .ok()
        .filter(|_| is_plain)
        .ok_or_else(|| ("start", format!("{text:?} is no time of day: expected one such as \"02:00\"")))
}

#[cfg(test)]
#[path = "tests_maintenance.rs"]
mod tests;
