//! The monitoring report: what a person on call looks at, as Markdown or as one page of HTML that needs nothing else.

use jiff::Timestamp;
use runbook_core::{OperationalStatus, Report, Series, StatusDocument};
use serde::{Deserialize, Serialize};

use crate::{escape, text::shorten};

/// What is measured of an environment, now and over time. Project, environment and the moment of writing are those of
/// `status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MonitoringReport {
    /// From when the figures over time are.
    pub from: Timestamp,
    /// Until when they are.
    pub to: Timestamp,
    /// What is known now. Its services' `trend` is the strip of the last 24 hours.
    pub status: StatusDocument,
    /// The newest run, where there is one.
    pub report: Option<Report>,
    /// The history of each service, in any order; one that is not in it has none. Those of services that `status` does not
    /// name are left out.
    pub series: Vec<Series>,
}

/// What the page may load: nothing but its own styles and pictures that stand in it. No script runs, whatever is in it.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// The page around its text: the parts that no template can lose.
pub(crate) fn frame(report: &MonitoringReport, style: &str, text: &str) -> String {
    let status = report.status.operational_status;
    let title = format!("{status}: {} ({})", shorten(&report.status.project, 80), report.status.environment);
    format!(
        "<!DOCTYPE html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <title>{}</title>\n\
         <link rel=\"icon\" href=\"{}\">\n\
         <style>\n{style}\n</style>\n\
         </head>\n\
         <body>\n{text}\n</body>\n\
         </html>\n",
        escape::html(&title),
        icon(status),
    )
}

/// The sign in the browser's tab: a disc, a triangle or a square in the colour of the status.
fn icon(status: OperationalStatus) -> String {
    let (shape, colour) = match status {
        OperationalStatus::Operational => ("%3Ccircle cx='8' cy='8' r='7'", "1a7f4b"),
        OperationalStatus::Degraded => ("%3Cpath d='M8 1l7.5 14H.5z'", "d08700"),
        OperationalStatus::Critical => ("%3Cpath d='M1 1h14v14H1z'", "c81e3a"),
    };
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E{shape} fill='%23{colour}'/%3E%3C/svg%3E"
    )
}
