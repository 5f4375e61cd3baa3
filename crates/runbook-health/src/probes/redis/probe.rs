//! The probe, and the way of one measurement.

use std::{borrow::Cow, fmt};

use async_trait::async_trait;
use runbook_core::{
    Reading, Secret,
    ports::{Probe, ProbeError},
    registry::{BuildError, ProbeDefinition, Scope},
};

use super::{
    RedisSettings,
    command::{Command, pack},
    reply::{Reply, next},
};
use crate::{
    condition::{Number, Value},
    probes::database::{
        Answer, Answered, At, Channel, Expected, Handshake, Inquiry, Login, Place, Progress, Protocol, Stop, TlsMode,
        text,
    },
};

/// Sends one command that reads to a Redis server, over a connection of its own. Kind `redis`; see [`RedisSettings`] for
/// its keys.
///
/// | what happened | health |
/// | --- | --- |
/// | connection refused or reset, no answer in time, TLS that fails, an answer that is not Redis' | unhealthy |
/// | `LOADING`, `MASTERDOWN`, `CLUSTERDOWN`, `BUSY`, `MISCONF`, too many clients | unhealthy |
/// | the answer is not as expected | unhealthy; with `degrade` degraded |
/// | `NOAUTH`, `WRONGPASS`, `NOPERM`, no such database | unknown |
/// | `MOVED`, `WRONGTYPE`, or any other error | unknown |
/// | no such key or field, a value of another type, an answer of more than 64 KiB | unknown |
///
/// A dropped future closes the connection; nothing is ever opened again behind its back.
pub struct RedisProbe(Inquiry<Redis>);

/// Redis' way.
struct Redis;

impl fmt::Debug for RedisProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ProbeDefinition for RedisProbe {
    const KIND: &'static str = Redis::KIND;
    type Settings = RedisSettings;

    fn build(settings: RedisSettings, scope: &Scope) -> Result<Self, BuildError> {
        let command = Command::parse(settings.command, settings.field)?;
        let place = Place {
            host: settings.host,
            port: settings.port,
            database: settings.database.map(|number| number.to_string()),
            user: settings.user,
            password_env: settings.password_env,
            url_env: settings.url_env,
            tls: settings.tls,
            ca_file: settings.ca_file,
        };
        let expected = Expected {
            expect: settings.expect,
            degrade: settings.degrade,
            rows: None,
            max_latency: settings.max_latency.map(|limit| limit.0),
        };
        Inquiry::build(place, command, expected, settings.timeout, scope).map(Self)
    }
}

#[async_trait]
impl Probe for RedisProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        self.0.sample().await
    }

    fn limit(&self) -> std::time::Duration {
        self.0.limit()
    }
}

impl Protocol for Redis {
    const KIND: &'static str = "redis";
    const NAME: &'static str = "Redis";
    const SCHEMES: &'static [&'static str] = &["redis", "rediss"];
    const PORT: u16 = 6379;
    const NEEDS_USER: bool = false;
    const TLS: TlsMode = TlsMode::Off;
    type Question = Command;

    async fn ask(
        inquiry: &Inquiry<Self>,
        login: &Login,
        tls: Option<Handshake>,
        progress: &mut Progress,
    ) -> Result<Answered, Stop> {
        let mut channel = Channel::open(&login.host, login.port, progress).await?;
        if let Some(tls) = tls {
            progress.enter(At::Tls);
            channel = channel.secure(tls, &login.host).await?;
        }
        progress.enter(At::Login);
        log_in(&mut channel, login).await?;
        progress.enter(At::Query);
        channel.send(&inquiry.question.packed()).await?;
        let value = value(next(&mut channel).await?, inquiry.question.field());
        Ok(Answered { answer: Answer { value, rows: None }, channel, goodbye: Vec::new() })
    }
}

/// Says who asks, and which database is meant. Nothing is sent where there is nothing to say.
async fn log_in(channel: &mut Channel, login: &Login) -> Result<(), Stop> {
    let mut words = Vec::new();
    let password = login.password.as_ref().map(Secret::reveal);
    match (&login.user, password) {
        (Some(user), password) => words.push(pack(&["AUTH", user, password.unwrap_or_default()])),
        (None, Some(password)) => words.push(pack(&["AUTH", password])),
        (None, None) => {}
    }
    if let Some(database) = login.database.as_deref().filter(|database| *database != "0") {
        words.push(pack(&["SELECT", database]));
    }
    if words.is_empty() {
        return Ok(());
    }
    channel.send(&words.concat()).await?;
    for _ in words {
        next(channel).await?;
    }
    Ok(())
}

/// What is judged of an answer. Redis keeps bytes, which have no type.
fn value(reply: Reply, field: Option<&str>) -> Value<'static> {
    let bytes = match reply {
        Reply::Status(words) => return Value::Text(Cow::Owned(words)),
        Reply::Whole(number) => return Value::Number(Number::Whole(number.into())),
        Reply::List(length) => return length.map_or(Value::Absent, Value::Array),
        Reply::Text(None) => return Value::Absent,
        Reply::Text(Some(bytes)) => bytes,
    };
    let Some(field) = field else { return text(&bytes) };
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut found = lines.filter_map(|line| line.strip_prefix(field.as_bytes())?.strip_prefix(b":"));
    found.next().map_or(Value::Absent, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_info_is_found_by_its_whole_name() {
        let info = || Reply::Text(Some(b"# Replication\r\nrole_x:a\r\nrole:master\r\nslots:0\r\n".to_vec()));
        assert!(matches!(value(info(), Some("role")), Value::Untyped(text) if text == "master"));
        assert!(matches!(value(info(), Some("slots")), Value::Untyped(text) if text == "0"));
        assert!(matches!(value(info(), Some("rol")), Value::Absent));
        assert!(matches!(value(Reply::Text(None), None), Value::Absent));
    }
}
