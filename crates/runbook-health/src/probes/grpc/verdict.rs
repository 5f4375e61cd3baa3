//! What the outcome of a health check means. A server that says how the service is was measured; one that cannot or
//! will not say was not.

use runbook_core::Health;
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::evidence::Scrubber;

/// What an answer is worth, in words that follow `→`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The service was measured.
    Measured(Health, String),
    /// It was not, for this reason.
    NotMeasured(String),
}

impl Verdict {
    /// Of a server's word on a service; an empty `service` is the server as a whole.
    pub(super) fn of_answer(status: i32, service: &str) -> Self {
        match ServingStatus::try_from(status) {
            Ok(ServingStatus::Serving) => Self::Measured(Health::Healthy, "SERVING".to_owned()),
            Ok(ServingStatus::NotServing) => Self::Measured(Health::Unhealthy, "NOT_SERVING".to_owned()),
            Ok(ServingStatus::ServiceUnknown) => not_known("SERVICE_UNKNOWN", service),
            Ok(ServingStatus::Unknown) => {
                Self::Measured(Health::Unknown, "UNKNOWN (the server does not say how the service is)".to_owned())
            }
            Err(_) => Self::Measured(Health::Unknown, format!("the status {status}, which means nothing")),
        }
    }

    /// Of the status that a server gave instead of a word on the service.
    pub(super) fn of_status(status: &Status, service: &str, scrubber: &Scrubber) -> Self {
        let code = name(status.code());
        let said = match status.message() {
            "" => String::new(),
            message => format!(", {}", scrubber.quote(message)),
        };
        match status.code() {
            Code::NotFound => not_known(&code, service),
            Code::Unimplemented => Self::NotMeasured(format!(
                "{code}{said}: the server has no health service (grpc.health.v1), so nothing was measured"
            )),
            Code::Unauthenticated | Code::PermissionDenied => Self::NotMeasured(format!(
                "{code}{said}: the server does not answer whoever asks like this; see `bearer_env`"
            )),
            _ => Self::Measured(Health::Unhealthy, format!("{code}{said}")),
        }
    }
}

/// A service that is named should be there; that the server keeps no word on itself as a whole says nothing of it.
fn not_known(code: &str, service: &str) -> Verdict {
    if service.is_empty() {
        Verdict::NotMeasured(format!("{code}: the server keeps no word on itself as a whole; name a `service`"))
    } else {
        Verdict::Measured(Health::Unhealthy, format!("{code} (the server does not know the service)"))
    }
}

/// `NOT_FOUND` of `NotFound`: as the protocol's documentation writes it.
fn name(code: Code) -> String {
    let mut name = String::new();
    for c in format!("{code:?}").chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_healthy_only_when_the_server_says_so() {
        let shown: Vec<String> = (-1..=4)
            .map(|status| match Verdict::of_answer(status, "payments.v1.Payments") {
                Verdict::Measured(health, words) => format!("{health}: {words}"),
                Verdict::NotMeasured(words) => words,
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        unknown: the status -1, which means nothing
        unknown: UNKNOWN (the server does not say how the service is)
        healthy: SERVING
        unhealthy: NOT_SERVING
        unhealthy: SERVICE_UNKNOWN (the server does not know the service)
        unknown: the status 4, which means nothing
        ");
    }

    #[test]
    fn a_status_counts_against_the_service_unless_nothing_was_measured() {
        let shown: Vec<String> = (1..=16)
            .map(|code| {
                let status = Status::new(Code::from_i32(code), if code == 14 { "try\nlater" } else { "" });
                match Verdict::of_status(&status, "a.B", &Scrubber::default()) {
                    Verdict::Measured(health, words) => format!("{health}: {words}"),
                    Verdict::NotMeasured(words) => format!("not measured: {words}"),
                }
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        unhealthy: CANCELLED
        unhealthy: UNKNOWN
        unhealthy: INVALID_ARGUMENT
        unhealthy: DEADLINE_EXCEEDED
        unhealthy: NOT_FOUND (the server does not know the service)
        unhealthy: ALREADY_EXISTS
        not measured: PERMISSION_DENIED: the server does not answer whoever asks like this; see `bearer_env`
        unhealthy: RESOURCE_EXHAUSTED
        unhealthy: FAILED_PRECONDITION
        unhealthy: ABORTED
        unhealthy: OUT_OF_RANGE
        not measured: UNIMPLEMENTED: the server has no health service (grpc.health.v1), so nothing was measured
        unhealthy: INTERNAL
        unhealthy: UNAVAILABLE, "try later"
        unhealthy: DATA_LOSS
        not measured: UNAUTHENTICATED: the server does not answer whoever asks like this; see `bearer_env`
        "#);
    }

    #[test]
    fn a_server_without_a_word_on_itself_is_not_measured() {
        let not_measured = |verdict| matches!(verdict, Verdict::NotMeasured(_));
        assert!(not_measured(Verdict::of_status(&Status::not_found(""), "", &Scrubber::default())));
        assert!(not_measured(Verdict::of_answer(3, "")));
    }
}
