//! The history's file: made when needed, shared, damaged, too new, out of reach. What it adds up is tested beside.

use std::{error::Error as _, fs, os::unix::fs::PermissionsExt as _, path::Path};

use jiff::Timestamp;
use runbook_core::{
    Health, Reading,
    event::Head,
    ports::{History, HistoryError, Sample, SeriesQuery},
};
use runbook_health::{Retention, SqliteHistory};
use runbook_testkit::conformance;

pub fn history(state: &Path) -> SqliteHistory {
    SqliteHistory::open(state, Retention::default())
}

/// So many seconds after a midnight.
pub fn t(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_772_323_200 + seconds).unwrap()
}

pub fn sample(service: &str, seconds: i64, health: Health) -> Sample {
    Sample {
        environment: "staging".parse().unwrap(),
        service: service.parse().unwrap(),
        at: t(seconds),
        reading: Reading { latency_ms: Some(20.0), ..Reading::new(health, "GET / → 200") },
        maintenance: false,
    }
}

/// From one minute to another.
pub fn query(service: &str, from: i64, to: i64, width_minutes: u32) -> SeriesQuery {
    let sample = sample(service, 0, Health::Unknown);
    let (environment, service) = (sample.environment, sample.service);
    SeriesQuery { environment, service, from: t(from * 60), to: t(to * 60), width_minutes }
}

pub async fn counted(history: &dyn History, service: &str) -> u64 {
    history.series(&query(service, 0, 60, 60)).await.unwrap().total.samples
}

/// An error with its causes, as a log shows it.
fn told(error: &HistoryError) -> String {
    let cause = error.source().map(|cause| format!(" ({cause})"));
    format!("{error}{}", cause.unwrap_or_default())
}

#[tokio::test]
async fn the_file_conforms() {
    let state = tempfile::tempdir().unwrap();
    conformance::history(async || history(state.path())).await;
}

#[tokio::test]
async fn a_reader_makes_no_file_and_a_writer_makes_a_private_one() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("not/there");
    let history = history(&state);
    assert_eq!(counted(&history, "api").await, 0);
    let given = sample("api", 0, Health::Healthy);
    assert_eq!(history.learned(&given.environment).await.unwrap(), None);
    assert_eq!(history.samples(&given.environment, &given.service, t(0), 9).await.unwrap(), []);
    history.compact(t(0)).await.unwrap();
    history.record(&[]).await.unwrap();
    assert!(!state.exists(), "nobody wrote anything");

    history.record(&[given]).await.unwrap();
    assert_eq!(counted(&history, "api").await, 1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&state), mode(&state.join("history.sqlite"))),
        (0o700, 0o600),
        "evidence is nobody else's business"
    );
}

#[tokio::test]
async fn what_is_recorded_is_there_after_closing_and_for_the_next_process() {
    let state = tempfile::tempdir().unwrap();
    let one = history(state.path());
    one.record(&[sample("api", 0, Health::Healthy)]).await.unwrap();
    one.close().await;
    assert!(!state.path().join("history.sqlite-wal").exists(), "a closed file stands alone");
    assert_eq!(counted(&history(state.path()), "api").await, 1);
    one.record(&[sample("api", 1, Health::Healthy)]).await.unwrap();
    assert_eq!(counted(&one, "api").await, 2, "a closed history opens again");
}

#[tokio::test]
async fn evidence_is_kept_of_faults_alone_short_and_without_control_characters() {
    let state = tempfile::tempdir().unwrap();
    let history = history(state.path());
    let mut bad = sample("api", 1, Health::Unhealthy);
    bad.reading.evidence = format!("\u{1b}[31mbody\u{0}\n{}", "ü".repeat(300));
    bad.reading.latency_ms = Some(f64::INFINITY);
    let good = sample("api", 0, Health::Healthy);
    history.record(&[good.clone(), bad]).await.unwrap();
    let kept = history.samples(&good.environment, &good.service, t(0), 9).await.unwrap();
    assert_eq!(kept[0].reading.evidence, "");
    assert_eq!(kept[1].reading.evidence, format!(" [31mbody  {}", "ü".repeat(189)));
    assert_eq!(kept[1].reading.latency_ms, None, "what is no latency is none");
}

#[tokio::test]
async fn one_sample_without_a_place_in_time_keeps_the_others_out() {
    let state = tempfile::tempdir().unwrap();
    let history = history(state.path());
    let mut odd = sample("api", 0, Health::Healthy);
    odd.at = "1969-12-31T23:59:59Z".parse().unwrap();
    let error = history.record(&[sample("api", 0, Health::Healthy), odd]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the history keeps no sample of 1969-12-31T23:59:59Z: it knows the years 1970 to 2262; set the clock"
    );
    assert_eq!(counted(&history, "api").await, 0, "all of them or none");
}

#[tokio::test]
async fn a_clock_that_goes_backwards_loses_nothing() {
    let state = tempfile::tempdir().unwrap();
    let history = history(state.path());
    for seconds in [3_000, 1_200, 2_400, 0] {
        history.record(&[sample("api", seconds, Health::Healthy)]).await.unwrap();
        history.compact(t(seconds)).await.unwrap();
    }
    let series = history.series(&query("api", 0, 60, 1)).await.unwrap();
    let seen: Vec<usize> = (0..60).filter(|minute| series.buckets[*minute].observed == 1).collect();
    assert_eq!(seen, [0, 20, 40, 50]);
    // Far back, where the clock knew no better; a day in summer time is a day all the same.
    let early = SeriesQuery {
        from: Timestamp::UNIX_EPOCH,
        to: "1970-01-02T00:00:00Z".parse().unwrap(),
        ..query("api", 0, 1, 60)
    };
    assert_eq!(history.series(&early).await.unwrap().total.minutes, 1_440);
    let before = SeriesQuery { from: "1969-12-31T22:30:00Z".parse().unwrap(), ..early };
    assert_eq!(history.series(&before).await.unwrap().buckets.len(), 26, "a question may begin before 1970");
}

#[tokio::test]
async fn a_question_that_is_too_big_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let history = history(state.path());
    let error = history.series(&query("api", 0, 50_001, 1)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "a series cannot be answered: 50001 buckets are more than 50000; ask for wider ones, or for less time"
    );
    let first = SeriesQuery { from: Timestamp::MIN, to: Timestamp::MAX, ..query("api", 0, 1, 4_294_967_280) };
    assert!(history.series(&first).await.unwrap_err().to_string().contains("too early"));
}

#[tokio::test]
async fn a_damaged_file_is_moved_aside_once_with_words() {
    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("history.sqlite");
    fs::write(&path, "this is no database, whatever its name says. ".repeat(50)).unwrap();
    let one = history(state.path());
    let error = one.record(&[sample("api", 0, Health::Healthy)]).await.unwrap_err();
    let words = told(&error);
    for part in
        ["could not be written: it is damaged", "it was moved to", ".corrupt-", "a new one begins", "not a database"]
    {
        assert!(words.contains(part), "{part}: {words}");
    }
    one.record(&[sample("api", 0, Health::Healthy)]).await.unwrap();
    assert_eq!(counted(&one, "api").await, 1, "the next call begins a new file");
    let kept = fs::read_dir(state.path()).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<_> = kept.filter(|path| path.to_string_lossy().contains("sqlite.corrupt-")).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(fs::read_to_string(&kept[0]).unwrap().starts_with("this is no database"), "nothing is thrown away");
}

#[tokio::test]
async fn damage_that_shows_later_is_moved_aside_by_one_of_those_who_see_it() {
    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("history.sqlite");
    let one = history(state.path());
    let samples: Vec<Sample> = (0..3_000).map(|n| sample("api", n, Health::Healthy)).collect();
    one.record(&samples).await.unwrap();
    one.learn(&samples[0].environment, &[], &Head::EMPTY).await.unwrap();
    one.close().await;
    // Everything but the first page, which alone is read when a file is opened.
    let mut bytes = fs::read(&path).unwrap();
    bytes[4_096..].fill(0xa5);
    fs::write(&path, bytes).unwrap();

    let other = history(state.path());
    assert!(one.series(&query("api", 0, 60, 60)).await.unwrap_err().to_string().contains("it was moved to"));
    assert_eq!(counted(&one, "api").await, 0, "what is lost is unobserved");
    one.record(&samples[..7]).await.unwrap();
    assert_eq!(counted(&other, "api").await, 7, "another process finds the new file");
    assert_eq!(other.learned(&samples[0].environment).await.unwrap(), None, "so that the journal is taken in again");
}

#[tokio::test]
async fn an_open_history_notices_that_its_file_was_replaced() {
    let state = tempfile::tempdir().unwrap();
    let one = history(state.path());
    one.record(&[sample("api", 0, Health::Healthy)]).await.unwrap();
    for ending in ["", "-wal", "-shm"] {
        fs::remove_file(state.path().join(format!("history.sqlite{ending}"))).unwrap();
    }
    assert_eq!(counted(&one, "api").await, 0, "a file without a name is nobody's history");
    one.record(&[sample("api", 1, Health::Healthy)]).await.unwrap();
    assert_eq!(counted(&history(state.path()), "api").await, 1);
}

#[tokio::test]
async fn a_newer_file_and_a_foreign_one_are_left_as_they_are() {
    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("history.sqlite");
    let change = async |sql: &'static str| {
        use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
        let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        fs::read(&path).unwrap()
    };
    let one = history(state.path());
    one.record(&[sample("api", 0, Health::Healthy)]).await.unwrap();
    one.close().await;
    let newer = change("PRAGMA user_version = 2").await;
    let error = one.series(&query("api", 0, 60, 60)).await.unwrap_err().to_string();
    assert!(error.contains("could not be read: a newer runbook wrote it (schema 2, and this one knows 1)"), "{error}");
    assert!(one.record(&[sample("api", 1, Health::Healthy)]).await.is_err());
    one.close().await;
    assert!(fs::read(&path).unwrap() == newer, "what is newer is not touched");

    fs::remove_file(&path).unwrap();
    change("CREATE TABLE recipes (name TEXT)").await;
    let error = one.record(&[sample("api", 0, Health::Healthy)]).await.unwrap_err().to_string();
    assert!(error.contains("a database of something else"), "{error}");
    assert!(path.exists());
}

#[tokio::test]
async fn a_place_that_cannot_be_written_says_what_mends_it() {
    const MENDS: &str = "make the directory and the file writable, or name another directory in RUNBOOK_STATE_DIR";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    // Whoever may write everywhere (root) has no read-only folders, but nobody makes one below a file.
    let error = history(&file).record(&[sample("api", 0, Health::Healthy)]).await.unwrap_err();
    assert!(error.to_string().contains("could not be written") && error.to_string().ends_with(MENDS), "{error}");
    assert!(error.source().is_some(), "the cause is kept");

    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o500)).unwrap();
    if fs::write(state.join("probe"), "").is_err() {
        let error = history(&state).record(&[sample("api", 0, Health::Healthy)]).await.unwrap_err();
        assert!(error.to_string().ends_with(MENDS), "{error}");
    }
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();

    // A directory in the file's place cannot be opened by anybody.
    fs::create_dir(state.join("history.sqlite")).unwrap();
    let error = history(&state).record(&[sample("api", 0, Health::Healthy)]).await.unwrap_err();
    assert!(error.to_string().ends_with(MENDS), "{error}");
    assert!(state.join("history.sqlite").is_dir(), "only what is damaged is moved aside");
}

#[tokio::test]
async fn a_lock_that_is_never_given_up_ends_in_words_and_keeps_nothing() {
    use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
    let state = tempfile::tempdir().unwrap();
    let one = history(state.path());
    one.record(&[sample("api", 0, Health::Healthy)]).await.unwrap();
    let options = SqliteConnectOptions::new().filename(state.path().join("history.sqlite"));
    let mut greedy = SqliteConnection::connect_with(&options).await.unwrap();
    let taken = greedy.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let error = one.record(&[sample("api", 1, Health::Healthy)]).await.unwrap_err().to_string();
    assert!(error.contains("could not be written") && error.contains("try again"), "{error}");
    assert_eq!(counted(&one, "api").await, 1, "who reads does not wait for who writes");
    drop(taken);
    greedy.close().await.unwrap();
    one.record(&[sample("api", 1, Health::Healthy)]).await.unwrap();
    assert_eq!(counted(&one, "api").await, 2);
}
