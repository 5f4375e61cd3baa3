//! What can go wrong with the file, and the words for it: what happened, what is lost, and what mends it.

use std::{io, path::Path};

use runbook_core::ports::HistoryError;

use super::schema::SCHEMA;

/// Why a call failed, before anybody is told.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// SQLite, or the way to it, failed.
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    /// The file or its directory failed.
    #[error(transparent)]
    File(#[from] io::Error),
    /// Somebody newer wrote the file.
    #[error("schema {0}")]
    Newer(i64),
    /// The file is a database, and none of ours.
    #[error("not a history")]
    Foreign,
    /// A stored value makes no sense; which.
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
    /// What was asked or given cannot be; why.
    #[error("{0}")]
    Refused(String),
}

/// Result codes of SQLite, see <https://sqlite.org/rescode.html>.
mod code {
    pub(super) const PERM: i32 = 3;
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const IOERR: i32 = 10;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const NOTADB: i32 = 26;
}

const WRITABLE: &str = "make the directory and the file writable, or name another directory in RUNBOOK_STATE_DIR";

impl Fault {
    /// The primary result code, where SQLite gave one.
    fn code(&self) -> Option<i32> {
        let Self::Sql(sqlx::Error::Database(error)) = self else { return None };
        error.code()?.parse::<i32>().ok().map(|extended| extended & 0xff)
    }

    /// Whether another process is at it and a later attempt may work.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.code(), Some(code::BUSY | code::LOCKED))
    }

    /// Whether the file's content is damaged, so that only a new file helps.
    pub(super) fn is_damage(&self) -> bool {
        matches!(self.code(), Some(code::CORRUPT | code::NOTADB)) || matches!(self, Self::Unreadable(_))
    }

    /// In words. `doing` completes "the history … could not be …".
    pub(super) fn told(self, doing: &str, path: &Path) -> HistoryError {
        let advice = match &self {
            Self::Refused(reason) => return HistoryError::new(reason.clone()),
            Self::Newer(schema) => format!(
                "a newer runbook wrote it (schema {schema}, and this one knows {SCHEMA}); update this one, or name \
                 another directory in RUNBOOK_STATE_DIR"
            ),
            Self::Foreign => "the file is a database of something else; move it away, or name another directory in \
                              RUNBOOK_STATE_DIR"
                .to_owned(),
            Self::Unreadable(what) => format!("{what} in it cannot be read"),
            Self::File(error) if error.kind() == io::ErrorKind::StorageFull => "the disk is full; make room".to_owned(),
            Self::File(_) => WRITABLE.to_owned(),
            Self::Sql(sqlx::Error::PoolTimedOut) => "other calls of this process keep it busy; try again".to_owned(),
            Self::Sql(_) => match self.code() {
                Some(code::BUSY | code::LOCKED) => "another process keeps it locked; try again".to_owned(),
                Some(code::PERM | code::READONLY | code::CANTOPEN) => WRITABLE.to_owned(),
                Some(code::FULL) => "the disk is full; make room".to_owned(),
                // Where memory is shared through a file, SQLite meets a full disk as this.
                Some(code::IOERR) => "the disk is full, or failing; make room, or look at it".to_owned(),
                Some(code::CORRUPT | code::NOTADB) => "it is damaged".to_owned(),
                _ => "look at the cause".to_owned(),
            },
        };
        let message = format!("the history {} could not be {doing}: {advice}", path.display());
        let source: Option<Box<dyn std::error::Error + Send + Sync>> = match self {
            Self::Sql(error) => Some(Box::new(error)),
            Self::File(error) => Some(Box::new(error)),
            _ => None,
        };
        HistoryError { message, source }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]
    use std::error::Error as _;

    use sqlx::{Connection as _, SqliteConnection};

    use super::*;

    /// A disk that is full, as SQLite meets it: the file may not grow.
    #[tokio::test]
    async fn a_full_disk_says_so() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::raw_sql("CREATE TABLE big (content BLOB); PRAGMA max_page_count = 3")
            .execute(&mut connection)
            .await
            .unwrap();
        let full = sqlx::query("INSERT INTO big VALUES (zeroblob(100000))").execute(&mut connection).await.unwrap_err();
        let error = Fault::from(full).told("written", Path::new("/state/history.sqlite"));
        assert_eq!(
            error.to_string(),
            "the history /state/history.sqlite could not be written: the disk is full; make room"
        );
        assert!(error.source().is_some(), "the cause is kept");
    }
}
