//! Ctrl-C and SIGTERM: the run ends, and its report is written first. A second one ends it at once.

use std::time::{Duration, Instant};

use runbook_core::Verdict;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Child,
    time::{sleep, timeout},
};

use crate::bench::{CONFIG, Ran, World};

const LONGEST: Duration = Duration::from_secs(30);

fn send(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    kill_process(pid.expect("it still runs"), signal).unwrap();
}

async fn patient() -> World {
    World::with(&CONFIG.replace("window = \"150ms\"", "window = \"1m\"")).await
}

/// Starts a deploy whose window is long, sends this signal while it watches, and waits for its end.
async fn interrupted(world: &World, signal: Signal) -> Ran {
    let mut child = world.start(&["deploy", "v1.0.0", "--format", "events"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    let ended = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("step_started") && line.contains("\"monitor\"") {
                send(&child, signal);
            }
            seen.push(line);
        }
    };
    timeout(LONGEST, ended).await.expect("it did not end after the signal");
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).await.unwrap();
    let code = timeout(LONGEST, child.wait()).await.unwrap().unwrap().code();
    Ran { arguments: "deploy".to_owned(), code, stdout: seen.join("\n"), stderr }
}

#[tokio::test]
async fn the_first_signal_ends_in_a_report() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let world = patient().await;
        let ran = interrupted(&world, signal).await;
        ran.exits(code);
        let lines = ran.lines();
        let report = lines.last().unwrap();
        assert_eq!(report["schema"], "runbook/report/v1", "{ran}");
        assert_eq!(report["verdict"], "aborted", "{ran}");
        assert!(lines.iter().any(|line| line["kind"] == "cancel_requested"), "{ran}");
        assert_eq!(world.live().as_deref(), Some("v1.0.0"), "what was done is not undone on a whim");
        // It is over for others too: nothing is left locked, and nothing was promoted.
        world.configure(|text| text.replace("window = \"1m\"", "window = \"150ms\""));
        let blocked = world.json(&["rollback"]).await;
        blocked.exits(3).report(Verdict::Blocked);
        world.deployed("v1.1.0").await;
    }
}

#[tokio::test]
async fn a_json_report_is_written_too() {
    let world = patient().await;
    let child = world.start(&["deploy", "v1.0.0", "--format", "json"]);
    let monitoring = async {
        while !world.journal().lines().any(|line| line.contains("step_started") && line.contains("\"monitor\"")) {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONGEST, monitoring).await.expect("the watch did not begin");
    send(&child, Signal::INT);
    let ran = crate::bench::end(child, &["deploy"]).await;
    ran.exits(130).report(Verdict::Aborted);
    let history = world.json(&["history"]).await.json();
    assert_eq!(history["runs"][0]["verdict"], "aborted");
}

#[tokio::test]
async fn a_second_signal_ends_what_does_not_end_by_itself() {
    let world = World::new().await;
    world.put("hang", "");
    let mut child = world.start(&["deploy", "v1.0.0", "--format", "json"]);
    let hanging = async {
        while !world.machine("hanging").exists() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONGEST, hanging).await.expect("the command was not started");
    send(&child, Signal::TERM);
    // People hear at once that they were heard, although the command goes on.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let heard = async { while !lines.next_line().await.unwrap().expect("it goes on").contains("asked to end") {} };
    timeout(Duration::from_secs(5), heard).await.expect("the first signal was not heard");
    let second = Instant::now();
    send(&child, Signal::INT);
    let ran = crate::bench::end(child, &["deploy"]).await;
    assert!(second.elapsed() < Duration::from_secs(10), "the second signal did not end it: {:?}", second.elapsed());
    let report = ran.report(Verdict::NeedsOperator);
    ran.exits(7);
    assert!(
        report.verdict_reason.is_some_and(|reason| !reason.is_empty()),
        "a command that was killed may have changed anything"
    );
}
