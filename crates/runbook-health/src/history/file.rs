//! The file itself: opened when it is first needed, opened anew when somebody else replaced it, moved aside when it is
//! damaged.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use runbook_core::ports::HistoryError;
use sqlx::{
    ConnectOptions as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use super::{fault::Fault, schema};

/// The longest that one call, or one step of a longer one, may take.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

/// How long SQLite waits for another process: less than the deadline, so that its own words are heard.
const BUSY: Duration = Duration::from_secs(4);

/// One connection writes while another reads; more would only wait for each other.
const CONNECTIONS: u32 = 2;

/// Which file it is, whatever its name: device and inode.
type Identity = (u64, u64);

/// A SQLite file that several processes may have open.
#[derive(Debug)]
pub(super) struct HistoryFile {
    path: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// The file that was last opened, or that could not be.
    identity: Option<Identity>,
    pool: Option<SqlitePool>,
}

impl HistoryFile {
    /// Opens nothing yet.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, open: Mutex::default() }
    }

    /// To read from; `None` while there is no file, which a reader does not make.
    pub(super) async fn readable(&self) -> Result<Option<SqlitePool>, Fault> {
        let mut open = self.open.lock().await;
        let Some(there) = identity(&self.path)? else {
            *open = Open::default();
            return Ok(None);
        };
        if open.identity == Some(there)
            && let Some(pool) = &open.pool
        {
            return Ok(Some(pool.clone()));
        }
        *open = Open { identity: Some(there), pool: None };
        let pool = connect(&self.path).await?;
        open.pool = Some(pool.clone());
        Ok(Some(pool))
    }

    /// To write to; makes the file and its directory where they are missing.
    pub(super) async fn writable(&self) -> Result<SqlitePool, Fault> {
        if let Some(pool) = self.readable().await? {
            return Ok(pool);
        }
        make(&self.path)?;
        let gone = || io::Error::new(io::ErrorKind::NotFound, "the file was removed while it was opened");
        self.readable().await?.ok_or_else(|| gone().into())
    }

    /// Runs one call within the deadline and puts what went wrong into words. A damaged file is moved aside, so that the
    /// next call begins a new one. A dropped call is rolled back.
    pub(super) async fn call<T>(
        &self,
        doing: &str,
        work: impl Future<Output = Result<T, Fault>> + Send,
    ) -> Result<T, HistoryError> {
        match timeout(DEADLINE, work).await {
            Ok(done) => match done {
                Ok(done) => Ok(done),
                Err(fault) => Err(self.told(doing, fault).await),
            },
            Err(_) => Err(HistoryError::new(format!(
                "the history {} could not be {doing} within {} s; try again",
                self.path.display(),
                DEADLINE.as_secs()
            ))),
        }
    }

    /// What went wrong in words; a damaged file is moved aside.
    pub(super) async fn told(&self, doing: &str, fault: Fault) -> HistoryError {
        if !fault.is_damage() {
            return fault.told(doing, &self.path);
        }
        let what_now = match self.set_aside().await {
            Ok(Some(kept)) => format!(
                "it was moved to {} and a new one begins; what the journal knows comes back, other samples are lost to it",
                kept.display()
            ),
            Ok(None) => "another process has moved it aside; try again".to_owned(),
            Err(error) => format!("and it could not be moved aside ({error}); move it away by hand"),
        };
        let HistoryError { message, source } = fault.told(doing, &self.path);
        HistoryError { message: format!("{message}; {what_now}"), source }
    }

    /// Gives the file another name, unless another process has done so or is about to.
    async fn set_aside(&self) -> io::Result<Option<PathBuf>> {
        let mut open = self.open.lock().await;
        let Open { identity: damaged, pool } = std::mem::take(&mut *open);
        if let Some(pool) = pool {
            // A connection that hangs must not keep the words from being said.
            let _ = timeout(Duration::from_secs(1), pool.close()).await;
        }
        let turn = File::create(with(&self.path, ".lock"))?;
        if turn.try_lock().is_err() || damaged.is_none() || identity(&self.path)? != damaged {
            return Ok(None);
        }
        let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let named = |again: u32| match again {
            0 => with(&self.path, &format!(".corrupt-{now}")),
            again => with(&self.path, &format!(".corrupt-{now}-{again}")),
        };
        let free = (0..100).map(named).find(|path| !path.exists());
        let kept = free.ok_or_else(|| io::Error::new(io::ErrorKind::AlreadyExists, "there are 100 such files"))?;
        // The log first: a new file must not meet the log of the old one.
        for log in ["-wal", "-shm"] {
            match fs::rename(with(&self.path, log), with(&kept, log)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, &kept)?;
        Ok(Some(kept))
    }

    /// Closes the file; the next call opens it again.
    pub(super) async fn close(&self) {
        let Open { pool, .. } = std::mem::take(&mut *self.open.lock().await);
        if let Some(pool) = pool {
            let _ = timeout(DEADLINE, pool.close()).await;
        }
    }
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

fn identity(path: &Path) -> io::Result<Option<Identity>> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some((found.dev(), found.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// An empty file is an empty database. SQLite gives its other files the mode of this one.
fn make(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map(drop)
}

/// Connects and makes sure of the tables.
async fn connect(path: &Path) -> Result<SqlitePool, Fault> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY)
        .disable_statement_logging();
    loop {
        let opened = async {
            let pool = SqlitePoolOptions::new()
                .max_connections(CONNECTIONS)
                .acquire_timeout(DEADLINE)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
                .connect_with(options.clone())
                .await?;
            schema::prepare(&pool).await?;
            Ok(pool)
        };
        match opened.await {
            // SQLite does not wait while another process turns a new file over to write-ahead logging. The caller's
            // deadline ends this.
            Err(fault) if Fault::is_busy(&fault) => sleep(Duration::from_millis(20)).await,
            result => return result,
        }
    }
}
