//! Asking the query, and reading its rows ("Text Resultset").

use std::borrow::Cow;

use super::{
    fields::Fields,
    greeting::Greeting,
    packets::{Command, Packets, foreign},
    refusal,
};
use crate::{
    condition::{Number, Value},
    probes::database::{Answer, At, MAX_ROWS, Progress, Query, Rows, Stop, text},
};

/// The first byte of a packet.
const OK: u8 = 0x00;
const END: u8 = 0xfe;
const ERROR: u8 = 0xff;
/// Of a column instead of its length; as an answer, a request for a file of this machine.
const NULL: u8 = 0xfb;

/// The most columns that there can be.
const MAX_COLUMNS: u64 = 4096;

/// "Unknown system variable".
const UNKNOWN_VARIABLE: u64 = 1193;

/// What an exchange left.
pub(super) struct Asked {
    pub(super) answer: Answer,
    /// Whether everything that the server said was read, so that it can be told good-bye.
    pub(super) is_complete: bool,
}

/// Asks within a read-only transaction, and reads as many rows as are counted, or one.
pub(super) async fn ask(
    packets: &mut Packets,
    greeting: &Greeting,
    query: &Query,
    progress: &mut Progress,
) -> Result<Asked, Stop> {
    let limit = if query.counts_rows { MAX_ROWS + 1 } else { 1 };
    limit_session(packets, greeting, limit, progress).await?;
    run(packets, "START TRANSACTION READ ONLY").await?;
    progress.enter(At::Query);
    packets.command(Command::Query, query.statement.text()).await?;
    let first = packets.next().await?;
    progress.enter(At::Answer);
    match first.first() {
        Some(&ERROR) => return Err(refusal::stop(&first)),
        Some(&(OK | NULL)) | None => return Err(Stop::unclear("the query gave no table to look at")),
        Some(_) => {}
    }
    let count = Fields::of(&first).length().filter(|count| (1..=MAX_COLUMNS).contains(count)).ok_or_else(foreign)?;
    let column = columns(packets, count, query).await?;
    rows(packets, column, limit, query).await
}

/// Limits of this session: the time that is left, the rows that are looked at, and the SQL that `Statement` has read.
async fn limit_session(
    packets: &mut Packets,
    greeting: &Greeting,
    limit: usize,
    progress: &Progress,
) -> Result<(), Stop> {
    let remaining = progress.remaining();
    let mariadb = format!(", max_statement_time = {:.3}", remaining.as_secs_f64());
    let mysql = format!(", max_execution_time = {}", remaining.as_millis());
    // A proxy may name another version than the server behind it has; and some servers have neither.
    let times = if greeting.is_mariadb { [&mariadb, &mysql, ""] } else { [mysql.as_str(), &mariadb, ""] };
    for time in times {
        packets
            .command(Command::Query, &format!("SET SESSION sql_mode = '', sql_select_limit = {limit}{time}"))
            .await?;
        let answer = packets.next().await?;
        match answer.first() {
            Some(&OK) => return Ok(()),
            Some(&ERROR) if refusal::code(&answer) == Some(UNKNOWN_VARIABLE) && !time.is_empty() => {}
            Some(&ERROR) => return Err(refusal::stop(&answer)),
            _ => return Err(foreign()),
        }
    }
    Err(foreign())
}

/// A statement that has nothing to show.
async fn run(packets: &mut Packets, statement: &str) -> Result<(), Stop> {
    packets.command(Command::Query, statement).await?;
    let answer = packets.next().await?;
    match answer.first() {
        Some(&OK) => Ok(()),
        Some(&ERROR) => Err(refusal::stop(&answer)),
        _ => Err(foreign()),
    }
}

/// The column that is judged.
struct Column {
    at: usize,
    kind: Kind,
}

/// How its texts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Untyped,
}

async fn columns(packets: &mut Packets, count: u64, query: &Query) -> Result<Column, Stop> {
    let mut found = Vec::new();
    for _ in 0..count {
        let packet = packets.next().await?;
        found.push(describe(&packet).ok_or_else(foreign)?);
    }
    if packets.next().await?.first() != Some(&END) {
        return Err(foreign());
    }
    let at = query.column_of(found.iter().map(|(name, _)| name.as_str()))?.ok_or_else(foreign)?;
    let kind = match found.get(at) {
        Some((_, kind)) if !query.statement.is_report() => *kind,
        _ => Kind::Untyped,
    };
    Ok(Column { at, kind })
}

/// Name and kind of a column ("Column Definition").
fn describe(packet: &[u8]) -> Option<(String, Kind)> {
    let mut fields = Fields::of(packet);
    let (_catalog, _schema, _table, _own_table) =
        (fields.counted()?, fields.counted()?, fields.counted()?, fields.counted()?);
    let name = String::from_utf8_lossy(fields.counted()?).into_owned();
    let (_own_name, _length_of_the_rest) = (fields.counted()?, fields.length()?);
    let (_charset, _width) = (fields.number(2)?, fields.number(4)?);
    let kind = match fields.byte()? {
        // DECIMAL, TINY, SHORT, LONG, FLOAT, DOUBLE, LONGLONG, INT24, YEAR, NEWDECIMAL.
        0..=5 | 8 | 9 | 13 | 246 => Kind::Number,
        // VARCHAR, ENUM, SET, VAR_STRING, STRING.
        15 | 247 | 248 | 253 | 254 => Kind::Text,
        _ => Kind::Untyped,
    };
    Some((name, kind))
}

async fn rows(packets: &mut Packets, column: Column, limit: usize, query: &Query) -> Result<Asked, Stop> {
    let mut value = Value::Absent;
    let mut rows = 0;
    let is_complete = loop {
        let Some(packet) = packets.next_if_small().await? else {
            if rows == 0 {
                return Err(Stop::unclear("the first row is larger than 64 KiB; let the query give less"));
            }
            return Err(Stop::unclear("a row is larger than 64 KiB; let the query count the rows"));
        };
        match packet.first() {
            // A row can begin with the same byte, and is longer then.
            Some(&END) if packet.len() < 9 => break true,
            Some(&ERROR) => return Err(refusal::stop(&packet)),
            _ => {}
        }
        if rows == 0 {
            value = column.value(&packet).ok_or_else(foreign)?;
        }
        rows += 1;
        // `sql_select_limit` ends most answers here; what SHOW says has no limit.
        if rows >= limit {
            break ends_here(packets).await?;
        }
    };
    let counted = if rows > MAX_ROWS { Rows::Many } else { Rows::Exactly(rows) };
    let answer = Answer { value, rows: query.counts_rows.then_some(counted) };
    Ok(Asked { answer, is_complete })
}

/// Whether the packet after the last row that is wanted is the end.
async fn ends_here(packets: &mut Packets) -> Result<bool, Stop> {
    Ok(packets.next_if_small().await?.is_some_and(|packet| packet.first() == Some(&END) && packet.len() < 9))
}

impl Column {
    fn value(&self, row: &[u8]) -> Option<Value<'static>> {
        let mut fields = Fields::of(row);
        for _ in 0..self.at {
            if fields.rest().first() == Some(&NULL) {
                fields.byte()?;
            } else {
                fields.counted()?;
            }
        }
        if fields.rest().first() == Some(&NULL) {
            return Some(Value::Other("NULL"));
        }
        Some(self.kind.read(fields.counted()?))
    }
}

impl Kind {
    fn read(self, bytes: &[u8]) -> Value<'static> {
        match (self, text(bytes)) {
            (Self::Number, Value::Untyped(digits)) => {
                Number::parse(&digits).map_or(Value::Other("not a finite number"), Value::Number)
            }
            (Self::Text, Value::Untyped(text)) => Value::Text(Cow::Owned(text.into_owned())),
            (_, value) => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(packet: Vec<u8>, at in 0_usize..4) {
            let _ = describe(&packet);
            let _ = Column { at, kind: Kind::Number }.value(&packet);
        }
    }
}
