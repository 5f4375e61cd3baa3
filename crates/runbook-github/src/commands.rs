//! Workflow commands: lines that the runner reads from a job's standard output. Each function makes one; the face prints
//! it, on a line of its own. Every value is escaped as the runner's own toolkit does, so that no text from outside becomes
//! a command. Source: <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>.

use runbook_core::Secret;

/// A warning on the run's page.
///
/// ```
/// use runbook_github::commands::warning;
///
/// assert_eq!(warning("a: b", "100%\nof it"), "::warning title=a%3A b::100%25%0Aof it");
/// ```
pub fn warning(title: &str, message: &str) -> String {
    annotation("warning", title, message)
}

/// An error on the run's page. It does not fail the job; the exit code does.
pub fn error(title: &str, message: &str) -> String {
    annotation("error", title, message)
}

/// A notice on the run's page.
pub fn notice(title: &str, message: &str) -> String {
    annotation("notice", title, message)
}

/// Opens a group of log lines that is shown folded. Groups do not nest.
pub fn group(title: &str) -> String {
    format!("::group::{}", data(title))
}

/// Closes the group.
pub fn end_group() -> &'static str {
    "::endgroup::"
}

/// Lines that make the runner show `***` for a secret in all that follows, one for each of the secret's lines; empty for an
/// empty secret. They hold the secret itself: print them to the job's standard output and nowhere else.
pub fn mask(secret: &Secret) -> String {
    let lines = secret.reveal().lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| format!("::add-mask::{}", data(line))).collect::<Vec<_>>().join("\n")
}

fn annotation(kind: &str, title: &str, message: &str) -> String {
    format!("::{kind} title={}::{}", property(title), data(message))
}

/// The message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property, where colon and comma have a meaning too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_from_outside_stays_text() {
        assert_eq!(error("a,b", "x\r\n::add-mask::y"), "::error title=a%2Cb::x%0D%0A::add-mask::y");
        assert_eq!(notice("t", "m"), "::notice title=t::m");
        assert_eq!(group("Deploy\n::error::no"), "::group::Deploy%0A::error::no");
        assert_eq!(end_group(), "::endgroup::");
    }

    #[test]
    fn every_line_of_a_secret_is_masked() {
        assert_eq!(mask(&Secret::new("one\n  two%\n\n")), "::add-mask::one\n::add-mask::two%25");
        assert_eq!(mask(&Secret::new("")), "");
    }

    proptest! {
        #[test]
        fn a_command_is_one_line_that_reads_back(title: String, message: String) {
            let command = warning(&title, &message);
            prop_assert!(!command.contains(['\r', '\n']));
            let (head, said) = command.strip_prefix("::warning title=").and_then(|rest| rest.split_once("::")).unwrap_or_default();
            let read = |text: &str| {
                let text = text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",");
                text.replace("%25", "%")
            };
            prop_assert_eq!(read(head), title);
            prop_assert_eq!(said.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%"), message);
        }
    }
}
