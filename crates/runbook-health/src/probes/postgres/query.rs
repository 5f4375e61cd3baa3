//! Asking the query, and reading its rows.

use std::borrow::Cow;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::{
    backend::{DataRowBody, Message, RowDescriptionBody},
    frontend::{self, BindError},
};

use super::message::{foreign, next, write};
use crate::{
    condition::{Number, Value},
    probes::database::{Answer, At, Channel, MAX_ROWS, Progress, Query, Rows, Stop, text},
};

/// Types by their number in `pg_type`, which never changes.
const BOOLEAN: u32 = 16;
const NUMBERS: [u32; 7] = [20, 21, 23, 26, 700, 701, 1700];
const TEXTS: [u32; 5] = [18, 19, 25, 1042, 1043];

/// Asks, and reads as many rows as are counted, or one.
pub(super) async fn ask(channel: &mut Channel, query: &Query, progress: &mut Progress) -> Result<Answer, Stop> {
    let limit = if query.counts_rows { MAX_ROWS + 1 } else { 1 };
    let milliseconds = progress.remaining().as_millis();
    let words = write(|bytes| {
        // All of it goes at once, and after an error the server passes over the rest up to the synchronisation: the query
        // never runs outside of the transaction.
        run("START TRANSACTION READ ONLY", bytes)?;
        run(&format!("SET LOCAL statement_timeout = {milliseconds}"), bytes)?;
        prepare(query.statement.text(), bytes)?;
        frontend::describe(b'P', "", bytes)?;
        frontend::execute("", i32::try_from(limit).unwrap_or(i32::MAX), bytes)?;
        run("ROLLBACK", bytes)?;
        frontend::sync(bytes);
        frontend::terminate(bytes);
        Ok(())
    })?;
    channel.send(&words).await?;
    let mut column = None;
    let mut value = Value::Absent;
    let mut rows = 0;
    loop {
        let message = next(channel).await?;
        if rows == 0 && column.is_none() {
            progress.enter(At::Answer);
        }
        match message {
            Message::RowDescription(body) => column = Some(Column::of(&body, query)?),
            Message::DataRow(body) => {
                if rows == 0 {
                    value = column.as_ref().ok_or_else(foreign)?.value(&body)?;
                }
                rows += 1;
            }
            // Before the description, it is the transaction that was begun.
            Message::CommandComplete(_) if column.is_some() => break,
            Message::PortalSuspended => break,
            Message::ReadyForQuery(_) => break,
            _ => {}
        }
    }
    let counted = if rows > MAX_ROWS { Rows::Many } else { Rows::Exactly(rows) };
    Ok(Answer { value, rows: query.counts_rows.then_some(counted) })
}

fn run(statement: &str, bytes: &mut BytesMut) -> std::io::Result<()> {
    prepare(statement, bytes)?;
    frontend::execute("", 0, bytes)
}

/// A statement without parameters, whose columns come as text.
fn prepare(statement: &str, bytes: &mut BytesMut) -> std::io::Result<()> {
    frontend::parse("", statement, [], bytes)?;
    let parameters = std::iter::empty::<()>();
    let bound = frontend::bind("", "", [], parameters, |(), _| Ok(postgres_protocol::IsNull::Yes), [0], bytes);
    bound.map_err(|error| match error {
        BindError::Conversion(error) => std::io::Error::other(error),
        BindError::Serialization(error) => error,
    })
}

/// The column that is judged.
struct Column {
    at: Option<usize>,
    kind: Kind,
}

/// How its texts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Boolean,
    Number,
    Text,
    Untyped,
}

impl Column {
    fn of(body: &RowDescriptionBody, query: &Query) -> Result<Self, Stop> {
        let fields = body.fields().map(|field| Ok((field.name().to_owned(), field.type_oid())));
        let fields: Vec<(String, u32)> = fields.collect().map_err(|_| foreign())?;
        let at = query.column_of(fields.iter().map(|(name, _)| name.as_str()))?;
        let kind = match at.and_then(|at| fields.get(at)) {
            _ if query.statement.is_report() => Kind::Untyped,
            Some((_, BOOLEAN)) => Kind::Boolean,
            Some((_, number)) if NUMBERS.contains(number) => Kind::Number,
            Some((_, text)) if TEXTS.contains(text) => Kind::Text,
            _ => Kind::Untyped,
        };
        Ok(Self { at, kind })
    }

    fn value(&self, row: &DataRowBody) -> Result<Value<'static>, Stop> {
        let ranges: Vec<_> = row.ranges().collect().map_err(|_| foreign())?;
        let Some(at) = self.at else { return Ok(Value::Absent) };
        let Some(range) = ranges.get(at).ok_or_else(foreign)?.clone() else { return Ok(Value::Other("NULL")) };
        Ok(self.kind.read(row.buffer().get(range).ok_or_else(foreign)?))
    }
}

impl Kind {
    fn read(self, bytes: &[u8]) -> Value<'static> {
        let Value::Untyped(text) = text(bytes) else { return text(bytes) };
        match (self, text.as_ref()) {
            (Self::Boolean, "t") => Value::Boolean(true),
            (Self::Boolean, "f") => Value::Boolean(false),
            (Self::Number, digits) => Number::parse(digits).map_or(Value::Other("not a finite number"), Value::Number),
            (Self::Text, _) => Value::Text(Cow::Owned(text.into_owned())),
            (Self::Boolean | Self::Untyped, _) => Value::Untyped(Cow::Owned(text.into_owned())),
        }
    }
}
