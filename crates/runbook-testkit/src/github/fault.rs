//! Faults on order: which requests go wrong, when, and how.

use std::time::Duration;

/// What goes wrong with a request.
///
/// Each kind says whether the request is carried out all the same: that is the difference between "it failed" and
/// "nobody knows". [`Fault::carried_out`] changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// This answer instead of the real one. Not carried out.
    Status {
        /// The status code.
        code: u16,
        /// Extra headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// The connection is closed without an answer. **Carried out**: the client cannot know.
    LostResponse,
    /// The connection is closed without an answer. Not carried out: the client cannot know that either.
    LostRequest,
    /// The answer is real but this much late. Carried out at once.
    Delay(Duration),
    /// There is never an answer; the connection stays open until the client leaves. Not carried out.
    Hang,
    /// The hourly budget is used up: 403, `x-ratelimit-remaining: 0`. Not carried out.
    RateLimitedPrimary,
    /// "You have exceeded a secondary rate limit", with 403. GitHub uses 429 too: [`Fault::status`] orders that. Not
    /// carried out.
    RateLimitedSecondary {
        /// The `Retry-After` header, in whole seconds; GitHub does not always send one.
        retry_after: Option<Duration>,
    },
    /// A page for people instead of JSON, as GitHub's front sends it in trouble. Not carried out.
    Html {
        /// The status code: 200 and 502 are both seen.
        code: u16,
    },
    /// The headers promise the whole real answer, half of its body comes, and the connection is closed. **Carried out.**
    Truncated,
}

impl FaultKind {
    fn carries_out(&self) -> bool {
        matches!(self, Self::LostResponse | Self::Delay(_) | Self::Truncated)
    }
}

/// Which of the matching requests a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The next ones, so many; then the fault is over.
    Next(u32),
    /// Only the n-th from now on; the first is 1.
    Nth(u32),
    /// The n-th from now on and every later one, until [`FakeGitHub::heal`](super::FakeGitHub::heal).
    From(u32),
    /// Every one, until [`FakeGitHub::heal`](super::FakeGitHub::heal).
    Always,
}

/// One ordered fault. Where several match a request, the one ordered first strikes; the others still count it.
///
/// ```
/// use runbook_testkit::github::{Fault, FaultKind};
///
/// // The second comment is made, and the client never hears of it.
/// let fault = Fault::new(FaultKind::LostResponse).on("POST", "/comments").nth(2);
/// assert!(fault.carried_out);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The method it strikes; `None`: any.
    pub method: Option<String>,
    /// What the path contains; empty: any path.
    pub path_contains: String,
    /// Which of the matching requests.
    pub when: When,
    /// Whether the request changes the state all the same.
    pub carried_out: bool,
    /// What goes wrong.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault that strikes the next request, whatever it is.
    pub fn new(kind: FaultKind) -> Self {
        let carried_out = kind.carries_out();
        Self { method: None, path_contains: String::new(), when: When::Next(1), carried_out, kind }
    }

    /// This status, with a JSON body that carries `message`, on the next request.
    pub fn status(code: u16, message: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
        let body = serde_json::json!({ "message": message, "status": code.to_string() }).to_string();
        Self::new(FaultKind::Status { code, headers, body })
    }

    /// Only requests with this method whose path contains this text.
    #[must_use]
    pub fn on(mut self, method: &str, path_contains: &str) -> Self {
        self.method = Some(method.to_owned());
        path_contains.clone_into(&mut self.path_contains);
        self
    }

    /// The next `count` matching requests.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.when = When::Next(count);
        self
    }

    /// Only the n-th matching request from now on; the first is 1.
    #[must_use]
    pub fn nth(mut self, n: u32) -> Self {
        self.when = When::Nth(n);
        self
    }

    /// The n-th matching request from now on, and every later one: an outage that begins in the middle.
    #[must_use]
    pub fn from_nth(mut self, n: u32) -> Self {
        self.when = When::From(n);
        self
    }

    /// Every matching request.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.when = When::Always;
        self
    }

    /// Whether the request is carried out although its answer is wrong, such as a 502 for a change that was made.
    #[must_use]
    pub fn carried_out(mut self, carried_out: bool) -> Self {
        self.carried_out = carried_out;
        self
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && path.contains(&self.path_contains)
    }
}

/// The ordered faults, each with the number of matching requests so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(Fault, u32)>);

impl Faults {
    pub(super) fn order(&mut self, fault: Fault) {
        self.0.push((fault, 0));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that strikes this request. Counts the request for every fault that it matches.
    pub(super) fn strike(&mut self, method: &str, path: &str) -> Option<Fault> {
        let mut struck = None;
        for (fault, seen) in self.0.iter_mut().filter(|(fault, _)| fault.matches(method, path)) {
            *seen += 1;
            let strikes = match fault.when {
                When::Next(count) => *seen <= count,
                When::Nth(n) => *seen == n,
                When::From(n) => *seen >= n,
                When::Always => true,
            };
            if strikes && struck.is_none() {
                struck = Some(fault.clone());
            }
        }
        self.0.retain(|(fault, seen)| match fault.when {
            When::Next(count) => *seen < count,
            When::Nth(n) => *seen < n,
            When::From(_) | When::Always => true,
        });
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_strikes_the_requests_it_was_ordered_for() {
        let mut faults = Faults::default();
        faults.order(Fault::new(FaultKind::Hang).on("POST", "/issues").nth(2));
        faults.order(Fault::new(FaultKind::LostResponse).on("POST", "/comments").times(2));
        let mut kind = |method, path| faults.strike(method, path).map(|fault| fault.kind);
        assert_eq!(kind("GET", "/issues"), None);
        assert_eq!(kind("POST", "/issues"), None);
        assert_eq!(kind("POST", "/issues"), Some(FaultKind::Hang));
        assert_eq!(kind("POST", "/issues"), None, "the n-th strikes once");
        assert_eq!(kind("POST", "/comments"), Some(FaultKind::LostResponse));
        assert_eq!(kind("POST", "/comments"), Some(FaultKind::LostResponse));
        assert_eq!(kind("POST", "/comments"), None);
    }

    #[test]
    fn an_outage_begins_in_the_middle_and_stays() {
        let mut faults = Faults::default();
        faults.order(Fault::status(500, "no").from_nth(2));
        let struck: Vec<bool> = (0..4).map(|_| faults.strike("GET", "/user").is_some()).collect();
        assert_eq!(struck, [false, true, true, true]);
    }

    #[test]
    fn the_first_ordered_wins() {
        let mut faults = Faults::default();
        faults.order(Fault::new(FaultKind::Html { code: 502 }).always());
        faults.order(Fault::new(FaultKind::Hang));
        assert_eq!(faults.strike("GET", "/user").map(|fault| fault.kind), Some(FaultKind::Html { code: 502 }));
        assert_eq!(faults.0.len(), 1, "the shadowed one counted the request and is over");
    }
}
