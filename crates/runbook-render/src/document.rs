//! The document for programs in the status issue: written within a level of detail, and read back.

use runbook_core::{Health, ServiceRow, StatusDocument};

use crate::{
    error::RenderError,
    escape,
    picture::DocumentDetail,
    text::{count, length, shorten},
};

const BEGIN: &str = "```json\n";
const END: &str = "\n```";

/// Stands where evidence was left out for length: a program must not take it for a measurement of nothing.
const LEFT_OUT: &str = "left out for length";

/// No document for programs could be read from a text.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The text ends without a fenced JSON block.
    #[error("failed to find a fenced JSON block; is this the body of a status issue?")]
    Missing,
    /// The block is not a status document.
    #[error("failed to read the JSON block as a status document")]
    Unreadable(#[source] serde_json::Error),
    /// The block is a document of another kind or version.
    #[error("the JSON block has the schema {found:?} where {:?} is expected", StatusDocument::SCHEMA)]
    Schema {
        /// Its schema.
        found: String,
    },
}

/// Reads the document for programs from the body of a status issue. The issue is a view: confirm with `runbook status`.
///
/// # Errors
/// When there is no such block, or it is not a `runbook/status/v1` document.
pub fn document_of_issue(body: &str) -> Result<StatusDocument, DocumentError> {
    // GitHub's page sends what people edit with CRLF.
    let body = body.replace("\r\n", "\n");
    let begin = body.rfind(BEGIN).ok_or(DocumentError::Missing)? + BEGIN.len();
    let end = body[begin..].find(END).ok_or(DocumentError::Missing)? + begin;
    let document: StatusDocument = serde_json::from_str(&body[begin..end]).map_err(DocumentError::Unreadable)?;
    if document.schema != StatusDocument::SCHEMA {
        return Err(DocumentError::Schema { found: document.schema });
    }
    Ok(document)
}

/// The document as a fenced JSON block. Whatever the detail, it reads back; what is left out is said in it.
pub(crate) fn block(document: &StatusDocument, detail: &DocumentDetail) -> Result<String, RenderError> {
    escape::fenced_json(&reduced(document, detail), detail.pretty).map_err(RenderError::Document)
}

fn reduced(document: &StatusDocument, detail: &DocumentDetail) -> StatusDocument {
    let mut reduced = document.clone();
    let short = |text: &mut String| limit(text, detail.text);
    short(&mut reduced.project);
    reduced.stopped.iter_mut().for_each(short);
    reduced.status_reasons.truncate(detail.reasons);
    reduced.status_reasons.iter_mut().for_each(short);
    let reasons = document.status_reasons.len() - reduced.status_reasons.len();
    if reasons > 0 {
        reduced.status_reasons.push(format!("… and {}", count(reasons, "more reason", "more reasons")));
    }

    let (mut healthy, mut unwell) = (0_usize, 0_usize);
    reduced.services.retain(|row| {
        let (seen, most) =
            if row.health == Health::Healthy { (&mut healthy, detail.healthy) } else { (&mut unwell, detail.unwell) };
        *seen += 1;
        *seen <= most
    });
    let services = document.services.len() - reduced.services.len();
    if services > 0 {
        let left_out = count(services, "service is", "services are");
        reduced.status_reasons.push(format!("{left_out} left out here for length; `runbook status` lists all"));
    }
    let mut left_out = Vec::new();
    for row in &mut reduced.services {
        limit(&mut row.name, detail.text);
        limit_evidence(row, detail.evidence);
        limit_findings(row, detail, &mut left_out);
    }
    left_out.sort_unstable();
    left_out.dedup();
    if !left_out.is_empty() {
        let said = format!("{} left out here for length; `runbook status` lists all", left_out.join(" and "));
        // Before the line that counts the services, where there is one.
        let at = reduced.status_reasons.len() - usize::from(services > 0);
        reduced.status_reasons.insert(at, said);
    }
    reduced
}

/// Alerts, suspects and the last hours: so many of each, those that fired before the others; `left_out` gets what is
/// missing.
fn limit_findings(row: &mut ServiceRow, detail: &DocumentDetail, left_out: &mut Vec<&'static str>) {
    if row.alerts.len() > detail.facts {
        row.alerts.sort_by_key(|alert| alert.fired != Some(true));
        row.alerts.truncate(detail.facts);
        left_out.push("alerts are");
    }
    if row.suspects.len() > detail.facts {
        row.suspects.truncate(detail.facts);
        left_out.push("suspects are");
    }
    if row.trend.is_some() && !detail.trend {
        row.trend = None;
        left_out.push("the last 24 hours are");
    }
    for alert in &mut row.alerts {
        limit(&mut alert.alert, detail.text);
        limit(&mut alert.found, detail.text);
    }
    row.suspects.iter_mut().for_each(|commit| limit(commit, detail.text));
    if let Some(reason) = row.maintenance.as_mut().and_then(|maintenance| maintenance.reason.as_mut()) {
        limit(reason, detail.text);
    }
}

fn limit_evidence(row: &mut ServiceRow, most: usize) {
    match most {
        0 if !row.evidence.is_empty() => row.evidence = LEFT_OUT.to_owned(),
        _ => limit(&mut row.evidence, most),
    }
}

/// Texts that fit stay as they are, to the byte.
fn limit(text: &mut String, most: usize) {
    if length(text) > most {
        *text = shorten(text, most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_without_a_document_is_told_from_a_wrong_one() {
        assert!(matches!(document_of_issue("hello"), Err(DocumentError::Missing)));
        assert!(matches!(document_of_issue("```json\n{}\n```"), Err(DocumentError::Unreadable(_))));
    }
}
