//! The pull request for a branch that records a rollback: what people merge has to say what it takes back.

use std::collections::BTreeMap;

use runbook_core::{EnvironmentId, Listed, Release, Reverted, RollbackRow, RunId};
use serde::Serialize;

use crate::{
    escape,
    text::{count, length, shorten},
    words,
};

/// How many entries of each list are shown, from the most to the least.
pub(crate) const MOST: [usize; 4] = [Listed::MOST, 8, 3, 0];
/// The most ways, and pairs of releases, that are told.
const ROWS: usize = 40;
/// The longest reason, in characters.
const LONGEST: usize = 600;
/// The longest entry of a list, in characters.
const LONGEST_ENTRY: usize = 200;
/// The longest title, in characters; GitHub takes 256.
const LONGEST_TITLE: usize = 200;
/// The longest address that is shown as a link, in characters.
const LONGEST_URL: usize = 1000;

/// What a pull request for a rollback's branch is made of.
#[derive(Debug, Clone, Copy)]
pub struct RollbackFacts<'a> {
    /// The branch.
    pub branch: &'a str,
    /// The release whose tree it brings back.
    pub to: &'a Release,
    /// The environment that returned.
    pub environment: &'a EnvironmentId,
    /// The run that rolled back.
    pub run: RunId,
    /// The page of the CI run.
    pub run_url: Option<&'a str>,
    /// The ways of the services, why, and what they take back.
    pub rollback: &'a RollbackRow,
}

/// The text of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestDraft {
    /// The title, in one line.
    pub title: String,
    /// The body.
    pub body: String,
}

/// What the template sees.
#[derive(Debug, Serialize)]
pub(crate) struct PullRequestPicture {
    to: String,
    environment: String,
    branch: String,
    run: String,
    run_url: Option<String>,
    /// `automatic`, or `asked for`.
    decided: &'static str,
    reason: String,
    /// Each way with the services that took it.
    ways: Vec<String>,
    taken_back: Vec<TakenBack>,
    /// Counts the pairs of releases that are not shown.
    more: Option<String>,
}

/// What one way back takes back.
#[derive(Debug, Serialize)]
struct TakenBack {
    way: String,
    /// `2 commits and 5 files`, or why that is not known.
    size: String,
    commits: Vec<String>,
    more_commits: Option<String>,
    files: Vec<String>,
    more_files: Option<String>,
    /// What is marked as not to be taken back.
    irreversible: Vec<String>,
}

impl RollbackFacts<'_> {
    pub(crate) fn title(&self) -> String {
        shorten(&format!("Roll back {} to {}", self.environment, self.to), LONGEST_TITLE)
    }
}

impl PullRequestPicture {
    /// At most `most` entries of each list.
    pub(crate) fn of(facts: &RollbackFacts<'_>, most: usize) -> Self {
        let row = facts.rollback;
        let mut ways: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (service, way) in &row.services {
            let from = way.from.as_ref().map_or(words::UNKNOWN, |release| release.as_str());
            ways.entry(format!("{from} → {}", way.to)).or_default().push(service.as_str());
        }
        let ways = ways.into_iter().map(|(way, services)| format!("{way} ({})", services.join(", ")));
        let hidden = row.taken_back.len().saturating_sub(ROWS);
        let reason = shorten(&row.reason, LONGEST);
        Self {
            to: facts.to.to_string(),
            environment: facts.environment.to_string(),
            branch: shorten(facts.branch, LONGEST_ENTRY),
            run: facts.run.to_string(),
            run_url: facts.run_url.and_then(escape::web_url).filter(|url| length(url) <= LONGEST_URL),
            decided: if row.automatic { "automatic" } else { "asked for" },
            reason: if reason.is_empty() { words::UNKNOWN.to_owned() } else { reason },
            ways: ways.take(ROWS).map(|way| shorten(&way, LONGEST)).collect(),
            taken_back: row.taken_back.iter().take(ROWS).map(|reverted| taken_back(reverted, most)).collect(),
            more: (hidden > 0).then(|| format!("… and {}", count(hidden, "more way back", "more ways back"))),
        }
    }
}

fn taken_back(reverted: &Reverted, most: usize) -> TakenBack {
    let shown = |list: &Listed| -> Vec<String> {
        list.first.iter().take(most).map(|entry| shorten(entry, LONGEST_ENTRY)).collect()
    };
    let more = |list: &Listed, one: &str, many: &str| {
        let hidden = list.count().saturating_sub(list.first.len().min(most));
        (hidden > 0).then(|| format!("… and {}", count(hidden, one, many)))
    };
    let difference = &reverted.difference;
    TakenBack {
        way: format!("{} → {}", reverted.from, reverted.to),
        size: shorten(&reverted.size(), LONGEST_ENTRY),
        commits: shown(&difference.commits),
        more_commits: more(&difference.commits, "more commit", "more commits"),
        files: shown(&difference.files),
        more_files: more(&difference.files, "more file", "more files"),
        irreversible: shown(&difference.irreversible),
    }
}
