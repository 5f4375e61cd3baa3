//! One exchange with GitHub, through octocrab. Its own retries are off: they would repeat changes, at once, and its
//! rate-limit layer sleeps without a bound.

use std::{
    fmt,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http_body_util::{BodyExt, Limited};
use hyper::{
    Request,
    header::{AUTHORIZATION, HeaderValue, IF_NONE_MATCH},
};
use jiff::Timestamp;
use octocrab::{Octocrab, service::middleware::retry::RetryConfig};
use runbook_core::{Secret, ports::Clock};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    auth::{Allowed, Auth},
    failure::{Cause, Failure},
    limits,
    seen::{Kept, Seen},
};
use crate::{issue::Deadlines, repository::Site};

/// A page of a hundred issues with the longest bodies in four-byte characters stays below this.
const MAX_BODY: usize = 32 * 1024 * 1024;
/// A rate limit that ends within this is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// So much is shown of GitHub's words.
const MAX_WORDS: usize = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Patch,
    Post,
}

impl Method {
    /// Whether a repeat leaves the same as one call (RFC 9110, section 9.2.2; a PATCH here sets whole values).
    fn is_idempotent(self) -> bool {
        self != Self::Post
    }

    fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Patch => "PATCH",
            Self::Post => "POST",
        }
    }
}

/// An answer that came, whatever it says.
struct Answer {
    status: u16,
    html: bool,
    more: bool,
    etag: Option<String>,
    limits: limits::Headers,
    heard: Heard,
    body: Vec<u8>,
}

/// What the headers of an answer tell beside it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    /// The scopes of a classic token; other tokens have none.
    pub(crate) scopes: Option<String>,
}

/// Tells people why nothing happens for a while.
pub(crate) type Announce = Box<dyn Fn(&str) + Send + Sync>;

/// GitHub's REST API, with one who asks.
pub(crate) struct Api {
    site: Site,
    auth: Auth,
    proxy: Option<reqwest::Proxy>,
    clock: Arc<dyn Clock>,
    deadlines: Deadlines,
    /// Made at the first call: octocrab starts a task, which needs a runtime.
    client: OnceLock<Octocrab>,
    /// What was read before.
    seen: Seen,
    /// How many requests were sent.
    sent: AtomicU64,
    announce: OnceLock<Announce>,
    /// What time it was there when the newest answer was sent.
    dated: Mutex<Option<Timestamp>>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("site", &self.site).finish_non_exhaustive()
    }
}

impl Api {
    pub(crate) fn new(
        site: Site,
        auth: Auth,
        proxy: Option<reqwest::Proxy>,
        clock: Arc<dyn Clock>,
        deadlines: Deadlines,
    ) -> Self {
        let (seen, sent) = (Seen::default(), AtomicU64::new(0));
        let (client, announce, dated) = (OnceLock::new(), OnceLock::new(), Mutex::default());
        Self { site, auth, proxy, clock, deadlines, client, seen, sent, announce, dated }
    }

    /// Where each wait is announced; the first that is named stays.
    pub(crate) fn announce_to(&self, announce: Announce) {
        let _ = self.announce.set(announce);
    }

    /// How many requests were sent so far, lost ones included. A redirect that was followed counts once.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether the token is one of an installation that somebody else made, as a workflow's `GITHUB_TOKEN` is. Its form
    /// says so: <https://docs.github.com/authentication/keeping-your-account-and-data-secure/about-authentication-to-github>.
    pub(crate) fn is_of_a_job(&self) -> bool {
        matches!(&self.auth, Auth::Token(token) if token.reveal().trim().starts_with("ghs_"))
    }

    /// What time it was there when the newest answer was sent, in whole seconds: one that refused a token too.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        *self.dated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_app(&self) -> bool {
        matches!(self.auth, Auth::App(_))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The login that an App's changes are signed with; `None`: whoever asks is no App.
    pub(crate) async fn app_login(&self, until: Instant) -> Result<Option<String>, Failure> {
        self.auth.app_login(self, until).await
    }

    /// What whoever asks may do, as far as GitHub tells without being tried.
    pub(crate) async fn allowed(&self, until: Instant) -> Result<Allowed, Failure> {
        self.auth.allowed(self, until).await
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// Reads one thing.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, until: Instant) -> Result<T, Failure> {
        self.decode(self.exchange(Method::Get, path, None, until).await?)
    }

    /// Reads one thing, with what the answer's headers tell; nothing where there was no answer.
    pub(crate) async fn look<T: DeserializeOwned>(
        &self,
        path: &str,
        until: Instant,
    ) -> (Option<Heard>, Result<T, Failure>) {
        match self.exchange(Method::Get, path, None, until).await {
            Ok(answer) => (Some(answer.heard.clone()), self.decode(answer)),
            Err(failure) => (None, Err(failure)),
        }
    }

    /// Reads one page of a list, and whether there may be more.
    pub(crate) async fn page<T: DeserializeOwned>(
        &self,
        path: &str,
        until: Instant,
    ) -> Result<(Vec<T>, bool), Failure> {
        let answer = self.exchange(Method::Get, path, None, until).await?;
        let more = answer.more;
        Ok((self.decode(answer)?, more))
    }

    /// Reads one page of a list that stands inside an object, and whether there may be more.
    pub(crate) async fn page_in<T: DeserializeOwned>(&self, path: &str, until: Instant) -> Result<(T, bool), Failure> {
        let answer = self.exchange(Method::Get, path, None, until).await?;
        let more = answer.more;
        Ok((self.decode(answer)?, more))
    }

    /// Makes something. Never repeated.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        until: Instant,
    ) -> Result<T, Failure> {
        self.decode(self.exchange(Method::Post, path, Some(body), until).await?)
    }

    /// Sets fields to whole values.
    pub(crate) async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
        until: Instant,
    ) -> Result<T, Failure> {
        self.decode(self.exchange(Method::Patch, path, Some(body), until).await?)
    }

    /// One call in the name of whoever asks; a second one where the token of an App had ended before its time: GitHub did
    /// nothing then, so a repeat changes nothing twice.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        until: Instant,
    ) -> Result<Answer, Failure> {
        let bearer = self.auth.bearer(self, until).await?;
        let answer = self.paced(method, path, body, &bearer, until).await?;
        if answer.status != 401 || !self.auth.forget(&bearer) {
            return Ok(answer);
        }
        let bearer = self.auth.bearer(self, until).await?;
        self.paced(method, path, body, &bearer, until).await
    }

    /// One call with a bearer of its own: what an App asks about itself.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        bearer: &Secret,
        until: Instant,
    ) -> Result<T, Failure> {
        self.decode(self.paced(method, path, body, bearer, until).await?)
    }

    /// One call; a second one only after a short rate limit, and only where a repeat changes nothing twice.
    async fn paced(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        bearer: &Secret,
        until: Instant,
    ) -> Result<Answer, Failure> {
        let mut waited = false;
        loop {
            let answer = self.once(method, path, body, bearer, until).await?;
            let now = self.clock.now();
            let Some(wait) = limits::wait(answer.status, &answer.limits, &answer.body, now) else {
                return Ok(answer);
            };
            let pause = limits::jittered(wait);
            let time_left = until.saturating_duration_since(Instant::now());
            if waited || !method.is_idempotent() || wait > PATIENCE || pause >= time_left {
                return Err(Failure::Limited { again: now.saturating_add(wait).unwrap_or(now) });
            }
            tracing::info!(wait_ms = pause.as_millis(), "waiting for GitHub's rate limit");
            if let Some(announce) = self.announce.get() {
                announce(&format!("GitHub's rate limit asks to wait; going on in {} s", pause.as_secs() + 1));
            }
            waited = true;
            self.clock.sleep(pause).await;
        }
    }

    async fn once(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        bearer: &Secret,
        until: Instant,
    ) -> Result<Answer, Failure> {
        let limit = self.deadlines.call.min(until.saturating_duration_since(Instant::now()));
        if limit.is_zero() {
            return Err(Failure::NoTime);
        }
        let client = self.client().map_err(Failure::NotSent)?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", bearer.reveal()))
            .map_err(|_| Failure::NotSent("the token holds what no header may hold".into()))?;
        authorization.set_sensitive(true);
        let mut request = Request::builder().method(method.name()).uri(path).header(AUTHORIZATION, authorization);
        let held = if method == Method::Get { self.seen.of(path) } else { None };
        if let Some(held) = &held {
            request = request.header(IF_NONE_MATCH, held.etag.as_str());
        }
        let request = client.build_request(request, body).map_err(transport)?;
        let exchange = async {
            self.sent.fetch_add(1, Ordering::Relaxed);
            let response = client.execute(request).await.map_err(transport)?;
            let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
            let mut answer = Answer {
                status: response.status().as_u16(),
                html: header("content-type").is_some_and(|kind| kind.starts_with("text/html")),
                more: header("link").is_some_and(|link| link.contains("rel=\"next\"")),
                etag: header("etag"),
                limits: limits::Headers {
                    retry_after: header("retry-after"),
                    remaining: header("x-ratelimit-remaining"),
                    reset: header("x-ratelimit-reset"),
                },
                heard: Heard { scopes: header("x-oauth-scopes") },
                body: Vec::new(),
            };
            let date = header("date").and_then(|date| jiff::fmt::rfc2822::parse(&date).ok()).map(|at| at.timestamp());
            if date.is_some() {
                *self.dated.lock().unwrap_or_else(PoisonError::into_inner) = date;
            }
            let body = Limited::new(response.into_body(), MAX_BODY).collect().await.map_err(Failure::Lost)?;
            answer.body = body.to_bytes().to_vec();
            if answer.status == 304
                && let Some(Kept { more, body, .. }) = held
            {
                return Ok(Answer { status: 200, html: false, more, body, ..answer });
            }
            if method == Method::Get
                && answer.status == 200
                && !answer.html
                && let Some(etag) = answer.etag.take()
            {
                self.seen.keep(path, Kept { etag, more: answer.more, body: answer.body.clone() });
            }
            Ok(answer)
        };
        tokio::time::timeout(limit, exchange).await.map_err(|_| Failure::Late(limit))?
    }

    fn client(&self) -> Result<&Octocrab, Cause> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // octocrab's own client knows no proxy. Redirects are followed by octocrab, which takes the token off first.
        let mut http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.deadlines.connect)
            .read_timeout(self.deadlines.read);
        if let Some(proxy) = &self.proxy {
            http = http.proxy(proxy.clone());
        }
        let client = Octocrab::builder()
            .base_uri(self.site.api.as_str())?
            .add_retry_config(RetryConfig::None)
            .build_with_reqwest(http.build()?)?;
        Ok(self.client.get_or_init(|| client))
    }

    fn decode<T: DeserializeOwned>(&self, answer: Answer) -> Result<T, Failure> {
        let Answer { status, body, html, .. } = answer;
        if html || body.trim_ascii_start().starts_with(b"<") {
            return Err(Failure::Page { status });
        }
        match status {
            200..=299 => serde_json::from_slice(&body).map_err(|source| Failure::Unreadable { status, source }),
            500.. => Err(Failure::Trouble { status }),
            _ => Err(Failure::Refused { status, message: self.auth.redactor().redact(&words(&body)) }),
        }
    }
}

/// Tells what was never sent from what may have been carried out.
fn transport(error: octocrab::Error) -> Failure {
    let cause: Cause = match error {
        octocrab::Error::Service { source, .. } => source,
        // What octocrab could not even make a request of.
        error @ (octocrab::Error::UriParse { .. } | octocrab::Error::Http { .. } | octocrab::Error::Serde { .. }) => {
            return Failure::NotSent(error.into());
        }
        error => error.into(),
    };
    let mut link: Option<&(dyn std::error::Error + 'static)> = Some(cause.as_ref());
    while let Some(error) = link {
        if error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|error| error.is_connect()) {
            return Failure::NotSent(cause);
        }
        link = error.source();
    }
    Failure::Lost(cause)
}

/// GitHub's words about a refusal, with what is wrong with which field, in one bounded line.
fn words(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(value) => {
            let mut text = value["message"].as_str().unwrap_or("no reason given").to_owned();
            for error in value["errors"].as_array().into_iter().flatten() {
                let detail = match error["message"].as_str().or_else(|| error.as_str()) {
                    Some(message) => message.to_owned(),
                    None => format!("{} is {}", error["field"], error["code"]).replace('"', ""),
                };
                text.push_str("; ");
                text.push_str(&detail);
            }
            text
        }
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
    if line.is_empty() { "no reason given".to_owned() } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_field() {
        let body = br#"{"message": "Validation Failed", "errors": [
            {"resource": "Issue", "field": "title", "code": "missing_field"}, {"message": "body is too long"}, "odd"]}"#;
        assert_eq!(words(body), "Validation Failed; title is missing_field; body is too long; odd");
    }

    #[test]
    fn words_from_outside_are_one_bounded_line() {
        assert_eq!(words(b""), "no reason given");
        assert_eq!(words(b"{}"), "no reason given");
        assert_eq!(words(b"two\n lines\x1b[31m"), "two lines[31m");
        assert_eq!(words("é".repeat(2_000).as_bytes()).chars().count(), MAX_WORDS);
    }
}
