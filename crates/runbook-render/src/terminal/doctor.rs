//! What a doctor found: the worst at the end of the eye's way, which is where the prompt is.

use runbook_core::{DoctorDocument, Finding, FindingLevel};

use super::line::{Line, Tone, indented, widest};

/// What `runbook doctor` found: a line for each thing, and below what is not well why it matters and what mends it.
pub fn terminal_doctor(document: &DoctorDocument) -> Vec<Line> {
    let width = widest(document.findings.iter().map(|finding| finding.id.as_str())) + 2;
    let mut lines: Vec<Line> = document.findings.iter().flat_map(|finding| finding_lines(finding, width)).collect();
    lines.push(Line::default());
    let count = |level| document.findings.iter().filter(|finding| finding.level == level).count();
    let counted = [
        (FindingLevel::Problem, "problem"),
        (FindingLevel::Warning, "warning"),
        (FindingLevel::Unknown, "unknown"),
        (FindingLevel::Ok, "ok"),
    ]
    .map(|(level, word)| format!("{} {word}", count(level)))
    .join(", ");
    let place = format!("{}, {}", document.project, document.environment);
    lines.push(
        Line::default()
            .own(tone(document.level), headline(document.level))
            .own(Tone::Plain, &format!(": {counted}"))
            .own(Tone::Dim, "  ")
            .outside(Tone::Dim, &format!("({place})")),
    );
    lines
}

fn finding_lines(finding: &Finding, width: usize) -> Vec<Line> {
    let tone = tone(finding.level);
    let head = Line::default()
        .column(tone, sign(finding.level), 3)
        .column(Tone::Plain, &finding.id, width)
        .outside(if finding.level == FindingLevel::Ok { Tone::Dim } else { tone }, &finding.what);
    let mut lines = vec![head];
    let below = [("why", &finding.why, Tone::Dim), ("mend", &finding.mend, Tone::Plain)];
    for (word, text, tone) in below {
        if let Some(text) = text {
            lines.push(indented().own(Tone::Plain, "   ").column(Tone::Dim, word, 6).outside(tone, text));
        }
    }
    lines
}

fn headline(level: FindingLevel) -> &'static str {
    match level {
        FindingLevel::Ok => "all is well",
        FindingLevel::Unknown => "not everything is known",
        FindingLevel::Warning => "something will be missing",
        FindingLevel::Problem => "something does not work",
    }
}

fn tone(level: FindingLevel) -> Tone {
    match level {
        FindingLevel::Ok => Tone::Good,
        FindingLevel::Unknown | FindingLevel::Warning => Tone::Warn,
        FindingLevel::Problem => Tone::Bad,
    }
}

fn sign(level: FindingLevel) -> &'static str {
    match level {
        FindingLevel::Ok => "✓",
        FindingLevel::Unknown => "?",
        FindingLevel::Warning => "!",
        FindingLevel::Problem => "✗",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

    use super::*;

    #[test]
    fn what_is_not_well_says_why_and_what_mends_it() {
        let findings = vec![
            Finding::ok("clock", "it agrees"),
            Finding::problem("schedule.enabled", "it is off\n\x1b[2J", "nobody measures", "gh workflow enable x.yml"),
        ];
        let document = DoctorDocument::of("Forge", "production".parse().unwrap(), findings);
        let text: Vec<String> = terminal_doctor(&document).iter().map(Line::to_string).collect();
        assert_eq!(text[0], "✓  clock             it agrees");
        assert!(text[1].starts_with("✗  schedule.enabled  it is off") && !text[1].contains('\x1b'), "{text:?}");
        assert_eq!(text[2], "     why   nobody measures");
        assert_eq!(text[3], "     mend  gh workflow enable x.yml");
        assert_eq!(text[5], "something does not work: 1 problem, 0 warning, 0 unknown, 1 ok  (Forge, production)");
    }
}
