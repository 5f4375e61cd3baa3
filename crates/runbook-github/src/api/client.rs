//! One exchange with GitHub, through octocrab. Its own retries are off: they would repeat changes, at once, and its
//! rate-limit layer sleeps without a bound.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http_body_util::{BodyExt, Limited};
use octocrab::{Octocrab, service::middleware::retry::RetryConfig};
use runbook_core::{Redactor, Secret, ports::Clock};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    failure::{Cause, Failure},
    limits,
};
use crate::{issue::Deadlines, repository::Site};

/// A page of a hundred issues with the longest bodies in four-byte characters stays below this.
const MAX_BODY: usize = 32 * 1024 * 1024;
/// A rate limit that ends within this is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// So much is shown of GitHub's words.
const MAX_WORDS: usize = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Patch,
    Post,
}

impl Method {
    /// Whether a repeat leaves the same as one call (RFC 9110, section 9.2.2; a PATCH here sets whole values).
    fn is_idempotent(self) -> bool {
        self != Self::Post
    }
}

/// An answer that came, whatever it says.
struct Answer {
    status: u16,
    html: bool,
    more: bool,
    limits: limits::Headers,
    body: Vec<u8>,
}

/// GitHub's REST API, with one token.
pub(crate) struct Api {
    site: Site,
    token: Secret,
    redactor: Redactor,
    clock: Arc<dyn Clock>,
    deadlines: Deadlines,
    /// Made at the first call: octocrab starts a task, which needs a runtime.
    client: OnceLock<Octocrab>,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("site", &self.site).finish_non_exhaustive()
    }
}

impl Api {
    pub(crate) fn new(site: Site, token: Secret, clock: Arc<dyn Clock>, deadlines: Deadlines) -> Self {
        let redactor = Redactor::new([&token]);
        Self { site, token, redactor, clock, deadlines, client: OnceLock::new() }
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// Reads one thing.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, until: Instant) -> Result<T, Failure> {
        self.decode(self.exchange(Method::Get, path, None, until).await?)
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

    /// One call; a second one only after a short rate limit, and only where a repeat changes nothing twice.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        until: Instant,
    ) -> Result<Answer, Failure> {
        let mut waited = false;
        loop {
            let answer = self.once(method, path, body, until).await?;
            let now = self.clock.now();
            let Some(wait) = limits::wait(answer.status, &answer.limits, &answer.body, now) else {
                return Ok(answer);
            };
            // Several runners that were refused together shall not come back together.
            let pause = wait + Duration::from_millis(rand::random_range(0..1_000));
            let time_left = until.saturating_duration_since(Instant::now());
            if waited || !method.is_idempotent() || wait > PATIENCE || pause >= time_left {
                return Err(Failure::Limited { again: now.saturating_add(wait).unwrap_or(now) });
            }
            tracing::info!(wait_ms = pause.as_millis(), "waiting for GitHub's rate limit");
            waited = true;
            self.clock.sleep(pause).await;
        }
    }

    async fn once(&self, method: Method, path: &str, body: Option<&Value>, until: Instant) -> Result<Answer, Failure> {
        let limit = self.deadlines.call.min(until.saturating_duration_since(Instant::now()));
        if limit.is_zero() {
            return Err(Failure::NoTime);
        }
        let client = self.client().map_err(|error| Failure::NotSent(error.into()))?;
        let exchange = async {
            let response = match method {
                Method::Get => client._get(path).await,
                Method::Patch => client._patch(path, body).await,
                Method::Post => client._post(path, body).await,
            };
            let response = response.map_err(transport)?;
            let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
            let mut answer = Answer {
                status: response.status().as_u16(),
                html: header("content-type").is_some_and(|kind| kind.starts_with("text/html")),
                more: header("link").is_some_and(|link| link.contains("rel=\"next\"")),
                limits: limits::Headers {
                    retry_after: header("retry-after"),
                    remaining: header("x-ratelimit-remaining"),
                    reset: header("x-ratelimit-reset"),
                },
                body: Vec::new(),
            };
            let body = Limited::new(response.into_body(), MAX_BODY).collect().await.map_err(Failure::Lost)?;
            answer.body = body.to_bytes().to_vec();
            Ok(answer)
        };
        tokio::time::timeout(limit, exchange).await.map_err(|_| Failure::Late(limit))?
    }

    fn client(&self) -> Result<&Octocrab, octocrab::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Octocrab::builder()
            .base_uri(self.site.api.as_str())?
            .personal_token(self.token.reveal())
            .add_retry_config(RetryConfig::None)
            .set_connect_timeout(Some(self.deadlines.connect))
            .set_read_timeout(Some(self.deadlines.read))
            .set_write_timeout(Some(self.deadlines.read))
            .build()?;
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
            _ => Err(Failure::Refused { status, message: self.redactor.redact(&words(&body)) }),
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
