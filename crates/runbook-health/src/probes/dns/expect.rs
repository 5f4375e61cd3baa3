//! The judgement of an answer: every expectation gives a finding, and the worst finding is the health.

use runbook_core::Health;

use super::answer::{Record, Shown};
use crate::{
    condition::{Number, NumberCondition},
    evidence::Scrubber,
    findings::Findings,
};

/// How many records evidence lists.
const MAX_LISTED: usize = 4;

/// What is expected, checked and ready.
#[derive(Debug)]
pub(super) struct Expect {
    /// All of these must be there.
    pub(super) answers: Vec<Record>,
    /// And no others.
    pub(super) only: bool,
    /// How many there must be; without it, at least one.
    pub(super) count: Option<NumberCondition>,
}

impl Expect {
    /// Judges the records of an answer. The findings each begin with `; `.
    pub(super) fn judge(&self, records: &[Record], scrubber: &Scrubber) -> (Health, String) {
        let mut findings = Findings::default();
        let missing: Vec<&Record> = self.answers.iter().filter(|wanted| !records.contains(wanted)).collect();
        if !missing.is_empty() {
            findings.add(Health::Unhealthy, format!("expected also {}", list(missing, scrubber)));
        }
        let others: Vec<&Record> = records.iter().filter(|found| !self.answers.contains(found)).collect();
        if self.only && !others.is_empty() {
            findings.add(Health::Unhealthy, format!("expected no others, found {}", list(others, scrubber)));
        }
        match &self.count {
            None if records.is_empty() => {
                findings.add(Health::Unhealthy, "expected at least one record".to_owned());
            }
            None => {}
            Some(condition) => {
                let count = records.len();
                let truth = condition.judge(i128::try_from(count).ok().map(Number::Whole));
                findings.add_truth(truth, Health::Unhealthy, |_| format!("expected count {condition}, found {count}"));
            }
        }
        findings.verdict()
    }
}

/// `10.0.0.1, 10.0.0.2 and 3 more`, in an order of its own: servers change theirs with every answer.
pub(super) fn list<'a>(records: impl IntoIterator<Item = &'a Record>, scrubber: &Scrubber) -> String {
    let mut texts: Vec<String> = records.into_iter().map(|record| show(record, scrubber)).collect();
    texts.sort_unstable();
    let more = texts.len().saturating_sub(MAX_LISTED);
    texts.truncate(MAX_LISTED);
    match more {
        0 => texts.join(", "),
        more => format!("{} and {more} more", texts.join(", ")),
    }
}

fn show(record: &Record, scrubber: &Scrubber) -> String {
    match record {
        Record::Address(address) => address.to_string(),
        Record::Name(name) => Shown(name).to_string(),
        Record::Text(text) => scrubber.quote(&String::from_utf8_lossy(text)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn records(last: &[u8]) -> Vec<Record> {
        last.iter().map(|last| Record::Address([10, 0, 0, *last].into())).collect()
    }

    fn judge(wanted: &[u8], only: bool, count: Option<&str>, found: &[u8]) -> (Health, String) {
        let count = count.map(|condition| serde_json::from_str(condition).unwrap());
        Expect { answers: records(wanted), only, count }.judge(&records(found), &Scrubber::default())
    }

    #[test]
    fn every_expectation_has_its_finding() {
        for (wanted, only, count, found, health, findings) in [
            (&[][..], false, None, &[1][..], Health::Healthy, ""),
            (&[], false, None, &[], Health::Unhealthy, "; expected at least one record"),
            (&[2], false, None, &[1, 2], Health::Healthy, ""),
            (&[2, 3], false, None, &[1, 2], Health::Unhealthy, "; expected also 10.0.0.3"),
            (&[1, 2], true, None, &[2, 1], Health::Healthy, ""),
            (&[1], true, None, &[1, 2], Health::Unhealthy, "; expected no others, found 10.0.0.2"),
            (&[], false, Some("2"), &[1, 2], Health::Healthy, ""),
            (&[], false, Some(r#""> 1""#), &[1], Health::Unhealthy, "; expected count > 1, found 1"),
            (&[], false, Some("0"), &[], Health::Healthy, ""),
            (&[1], false, Some("0"), &[], Health::Unhealthy, "; expected also 10.0.0.1"),
        ] {
            assert_eq!(judge(wanted, only, count, found), (health, findings.to_owned()), "{wanted:?} {found:?}");
        }
    }

    #[test]
    fn a_list_is_short_and_in_order() {
        assert_eq!(list(&records(&[3, 1]), &Scrubber::default()), "10.0.0.1, 10.0.0.3");
        let many = records(&[1, 2, 3, 4, 5, 6]);
        assert_eq!(list(&many, &Scrubber::default()), "10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4 and 2 more");
        let text = Record::Text(b"v=\x1b[31m\xff".to_vec());
        assert_eq!(list([&text], &Scrubber::default()), "\"v= [31m\u{fffd}\"");
    }
}
