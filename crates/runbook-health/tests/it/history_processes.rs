//! Real processes at one history: writing at once, and killed in the middle.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use runbook_core::config::Keep;
use runbook_core::{Health, ports::History};
use runbook_health::{Retention, SqliteHistory};

use crate::history::{query, sample, t};

/// Where the helper below writes, and so many seconds into each minute.
const FOLDER: &str = "RUNBOOK_TEST_HISTORY";
const OFFSET: &str = "RUNBOOK_TEST_HISTORY_OFFSET";

const BATCHES: i64 = 60;

fn open(state: &Path) -> SqliteHistory {
    let retention =
        Retention { raw: Keep::hours(1), minutes: Keep::hours(2), hours: Keep::days(1), days: Keep::days(90) };
    SqliteHistory::open(state, retention)
}

/// What another process does: it writes and adds up until it is done or killed, and says what was kept.
#[tokio::test]
#[ignore = "the other tests of this module start it as a process of its own"]
async fn helper_that_writes() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let offset: i64 = std::env::var(OFFSET).unwrap().parse().unwrap();
    let history = open(&folder);
    for batch in 0..BATCHES {
        // Half an hour each, so that every level has something to do.
        let samples: Vec<_> =
            (0..30).map(|minute| sample("api", (batch * 30 + minute) * 60 + offset, Health::Healthy)).collect();
        history.record(&samples).await.unwrap();
        println!("kept {batch}");
        history.compact(t(batch * 1_800)).await.unwrap();
    }
}

fn start(state: &Path, offset: i64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["history_processes::helper_that_writes", "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, state)
        .env(OFFSET, offset.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reads what a writer says was kept until it said so many times, or ended.
fn wait_for(child: &mut Child, batches: usize) -> Option<i64> {
    let said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    said.filter_map(|line| line.rsplit_once("kept ")?.1.parse().ok()).take(batches).last()
}

async fn total(state: &Path) -> (u64, u32) {
    // Days, which every level answers; a little more than was written.
    let total = open(state).series(&query("api", 0, 3 * 1_440, 1_440)).await.unwrap().total;
    (total.samples, total.observed)
}

#[tokio::test]
async fn processes_that_write_at_once_lose_nothing() {
    let state = tempfile::tempdir().unwrap();
    let mut writers: Vec<Child> = (0..3).map(|offset| start(state.path(), offset)).collect();
    for writer in &mut writers {
        assert_eq!(wait_for(writer, usize::MAX), Some(BATCHES - 1), "each writer comes to its end");
        assert!(writer.wait().unwrap().success());
    }
    let minutes = u32::try_from(BATCHES * 30).unwrap();
    let (samples, observed) = total(state.path()).await;
    assert_eq!(observed, minutes, "every minute was observed");
    // Who is more than an hour behind another is late: its samples meet minutes that were added up already.
    assert!(samples >= u64::from(minutes) && samples <= 3 * u64::from(minutes), "{samples}");
}

#[tokio::test]
async fn a_process_that_is_killed_leaves_what_it_was_told_is_kept_once() {
    let state = tempfile::tempdir().unwrap();
    for lines in [1, 2, 5, 11, 23, 47] {
        let mut writer = start(state.path(), 0);
        let kept = wait_for(&mut writer, lines).unwrap();
        writer.kill().unwrap();
        writer.wait().unwrap();
        let before = total(state.path()).await;
        assert!(before.0 >= u64::try_from((kept + 1) * 30).unwrap(), "batch {kept} was kept, but there are {before:?}");
        assert_eq!(before.0, u64::from(before.1), "each minute has its one sample, not two, wherever the kill fell");
        tokio::time::timeout(Duration::from_secs(5), open(state.path()).compact(t(10 * 86_400)))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(total(state.path()).await, before, "what was left in the middle is added up all the same");
    }
}
