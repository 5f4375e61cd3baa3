//! One message to one webhook: sent once, with a deadline, and never with the address in a word that leaves. A webhook's
//! address is a secret: whoever has it can write to the channel.

use std::{net::IpAddr, sync::Arc, sync::OnceLock, time::Duration};

use reqwest::{Client, Response, Url, redirect};
use runbook_core::{
    LeftBehind, Redactor, Secret,
    config::Period,
    engine::with_causes,
    ports::NotifyError,
    registry::{BuildError, Scope},
};
use runbook_render::{RenderError, Renderer};
use serde_json::Value;

/// So much of an answer is read.
const MAX_ANSWER: usize = 4096;
/// So much of an answer is shown, in characters.
const MAX_WORDS: usize = 200;
/// The longest time that a chat may take.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

/// The address of a webhook cannot be used. It is not shown, because it is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the webhook's address {problem}: expected one that begins with https://")]
pub struct WebhookError {
    problem: &'static str,
}

/// One webhook.
#[derive(Debug)]
pub(crate) struct Webhook {
    /// The chat's name, for errors.
    chat: &'static str,
    url: Secret,
    timeout: Duration,
    redactor: Redactor,
    /// Made at the first message: most runs have none.
    client: OnceLock<Client>,
}

impl Webhook {
    pub(crate) fn new(chat: &'static str, url: &Secret, timeout: Duration) -> Result<Self, WebhookError> {
        let wrong = |problem| WebhookError { problem };
        // A secret that was pasted often ends with a line break.
        let parsed = Url::parse(url.reveal().trim()).map_err(|_| wrong("is no address"))?;
        match parsed.scheme() {
            "https" => {}
            "http" if is_loopback(&parsed) => {}
            "http" => return Err(wrong("is not encrypted (http)")),
            _ => return Err(wrong("has an unknown scheme")),
        }
        // The parts of the path are what makes it secret, and a server may say them back. Words such as `services` are
        // none.
        let parts = parsed.path_segments().into_iter().flatten().filter(|part| part.len() > 8);
        let mut secrets: Vec<Secret> = parts.map(Secret::new).collect();
        secrets.push(Secret::new(parsed.as_str()));
        let redactor = Redactor::new(&secrets);
        Ok(Self { chat, url: Secret::new(parsed), timeout, redactor, client: OnceLock::new() })
    }

    /// Asks the chat to answer only when the message is kept, and to say so when it is not: Discord's `wait`.
    pub(crate) fn waiting(mut self) -> Self {
        // It was parsed before, so it parses again.
        if let Ok(mut url) = Url::parse(self.url.reveal())
            && !url.query_pairs().any(|(name, _)| name == "wait")
        {
            url.query_pairs_mut().append_pair("wait", "true");
            self.url = Secret::new(url);
        }
        self
    }

    /// Sends a message once.
    pub(crate) async fn send(&self, message: &Value) -> Result<(), NotifyError> {
        let client = self.client().map_err(|error| self.transport(error))?;
        let sent = client.post(self.url.reveal()).json(message).send().await;
        let response = sent.map_err(|error| self.transport(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let retry_after =
            response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
        let code = status.as_u16();
        Err(match code {
            429 => {
                let again = retry_after.map_or_else(|| "later".to_owned(), |seconds| format!("in {seconds} s"));
                self.error(LeftBehind::NoChange, format!("its rate limit is used up; it may be tried again {again}"))
            }
            300..=399 => self.error(
                LeftBehind::NoChange,
                format!("it answered {code}, and redirects are not followed; has the webhook moved?"),
            ),
            400..=499 => {
                let words = self.words(response).await;
                self.error(LeftBehind::NoChange, format!("it answered {code}{words}; is the webhook still there?"))
            }
            _ => self.error(LeftBehind::Unknown, format!("it answered {code}; the message may have arrived")),
        })
    }

    fn client(&self) -> reqwest::Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .user_agent(concat!("runbook/", env!("CARGO_PKG_VERSION")))
            .timeout(self.timeout)
            .connect_timeout(self.timeout)
            // An address that leads elsewhere must not take the message there.
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()?;
        Ok(self.client.get_or_init(|| client))
    }

    /// What never left is told from what may have arrived.
    fn transport(&self, error: reqwest::Error) -> NotifyError {
        let error = error.without_url();
        if error.is_connect() || error.is_builder() {
            let why = self.redactor.redact(&with_causes(&error));
            self.error(LeftBehind::NoChange, format!("it could not be reached: {why}"))
        } else if error.is_timeout() {
            let limit = self.timeout;
            self.error(LeftBehind::Unknown, format!("it did not answer within {limit:?}; the message may have arrived"))
        } else {
            let why = self.redactor.redact(&with_causes(&error));
            self.error(LeftBehind::Unknown, format!("the connection broke, and the message may have arrived: {why}"))
        }
    }

    fn error(&self, left: LeftBehind, why: String) -> NotifyError {
        NotifyError { message: format!("failed to tell {}: {why}", self.chat), left }
    }

    /// The beginning of what the chat says about a refusal, in one line.
    async fn words(&self, mut response: Response) -> String {
        let mut body = Vec::new();
        // What cannot be read is not worth another error: the status says that nothing was sent.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk[..chunk.len().min(MAX_ANSWER - body.len())]);
            if body.len() >= MAX_ANSWER {
                break;
            }
        }
        // Redacted before it is cut: half a secret would not be known.
        let text = self.redactor.redact(&String::from_utf8_lossy(&body));
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let line: String = line.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
        if line.is_empty() { line } else { format!(" ({line})") }
    }
}

/// What both kinds do with their settings.
pub(crate) fn build<T>(
    webhook_env: &str,
    timeout: Period,
    scope: &Scope,
    make: impl FnOnce(&Secret, Duration, Arc<Renderer>) -> Result<T, WebhookError>,
) -> Result<Option<T>, BuildError> {
    if timeout.0.is_zero() || timeout.0 > MAX_TIMEOUT {
        return Err(BuildError::key("timeout", format!("{timeout} is out of range: expected 1ms to 60s")));
    }
    let Some(url) = scope.variables.secret(webhook_env) else { return Ok(None) };
    let renderer = Renderer::new().map_err(|error| BuildError::table(with_causes(&error)))?;
    make(&url, timeout.0, Arc::new(renderer))
        .map(Some)
        .map_err(|error| BuildError::key("webhook_env", format!("in the variable {webhook_env}, {error}")))
}

/// The usual deadline.
pub(crate) fn timeout() -> Period {
    Period::secs(10)
}

/// A message could not even be written.
pub(crate) fn unrendered(error: &RenderError) -> NotifyError {
    NotifyError { message: format!("failed to write the message: {}", with_causes(error)), left: LeftBehind::NoChange }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

    use super::*;

    fn webhook(url: &str) -> Result<Webhook, WebhookError> {
        Webhook::new("Slack", &Secret::new(url), Duration::from_secs(1))
    }

    #[test]
    fn messages_never_travel_in_the_clear() {
        for good in [
            "https://hooks.slack.com/services/T0/B0/x\n",
            "http://127.0.0.1:1/x",
            "http://[::1]/x",
            "http://localhost:3",
        ] {
            assert!(webhook(good).is_ok(), "{good:?} was refused");
        }
        for bad in [
            "http://hooks.slack.com/services/T0/B0/x",
            "ftp://127.0.0.1/x",
            "hooks.slack.com",
            "",
            "http://127.0.0.1.example.com",
        ] {
            assert!(webhook(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn the_address_is_in_no_word() {
        let webhook = webhook("https://hooks.slack.com/services/T00000000/B00000000/hunter2hunter2").unwrap();
        assert!(!format!("{webhook:?}").contains("hunter2"));
        let error = self::webhook("http://example.com/hunter2hunter2").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
