//! Services over time: what runs leave in the history, what `history SERVICE` and `report` make of it, and what comes back
//! from the journal when the file is gone.

use std::{fs, path::PathBuf};

use runbook_core::{Report, Verdict};
use runbook_testkit::{github::FakeGitHub, parts::Chromium};
use serde_json::Value;

use crate::bench::{CONFIG, World};

async fn series(world: &World) -> Value {
    world.json(&["history", "api", "--since", "2h"]).await.exits(0).json()
}

fn history_file(world: &World) -> PathBuf {
    world.beside("state").join("history.sqlite")
}

#[tokio::test]
async fn every_sample_of_a_run_is_in_the_history() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    let found = series(&world).await;
    assert_eq!((&found["schema"], &found["environment"]), (&"runbook/series/v1".into(), &"production".into()));
    let total = &found["series"]["total"];
    let samples = total["samples"].as_u64().unwrap();
    // The last look at the report says how many samples the window had; those of the start-up come on top.
    let judged = world.json(&["show", &newest(&world).await]).await.report(Verdict::Succeeded);
    let window = u64::from(judged.services[0].latency_ms.unwrap().samples);
    assert!(window >= 3 && samples > window, "{samples} samples, {window} of them in the window");
    assert_eq!(total["latency_ms"]["samples"], samples, "each had an answer");
    assert!((1..=2).contains(&total["observed"].as_u64().unwrap()), "all of it within two minutes: {total}");
    assert_eq!(found["series"]["width_minutes"], 1);
    assert_eq!(found["series"]["buckets"].as_array().map(Vec::len), Some(120), "two hours of minutes");

    let text = world.run(&["history", "api"]).await;
    text.exits(0).shows(&["api from ", "100 % of under 1 % observed", "nothing observed for"]);
}

async fn newest(world: &World) -> String {
    world.json(&["history", "-n", "1"]).await.json()["runs"][0]["run"].as_str().unwrap().to_owned()
}

/// A runner that was wiped knows what the journal tells; raw samples do not come back, and nothing is invented.
#[tokio::test]
async fn what_is_lost_comes_back_from_the_journal_and_nothing_else_does() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    let before = series(&world).await;
    for name in fs::read_dir(world.beside("state")).unwrap().map(|entry| entry.unwrap().path()) {
        if name.file_name().is_some_and(|name| name.to_string_lossy().starts_with("history.sqlite")) {
            fs::remove_file(name).unwrap();
        }
    }
    let after = series(&world).await;
    let (raw, learned) = (&before["series"]["total"], &after["series"]["total"]);
    assert_eq!(learned["observed"], 1, "one window is one look: {learned}");
    assert_eq!((&learned["up"], &learned["unhealthy"]), (&1.0.into(), &0.into()));
    assert!(learned["samples"].as_u64().unwrap() > 0 && learned["samples"].as_u64() < raw["samples"].as_u64());
    assert_eq!(series(&world).await["series"]["total"], *learned, "asking again learns nothing twice");
}

#[tokio::test]
async fn the_issue_shows_the_last_24_hours() {
    let mut world = World::new().await;
    let github = FakeGitHub::start().await;
    world.publish_to(&github);
    world.deployed("v1.0.0").await;
    let body = github.issues()[0].body.clone().unwrap();
    let row = body.lines().find(|line| line.starts_with("| The API")).unwrap();
    assert!(row.contains("█` 100 % of under 1 % observed"), "{row}");
    assert!(row.contains("························█"), "24 hours in which nobody looked, and this one: {row}");
    assert!(body.contains("\"trend\":"), "and so do programs");
}

#[tokio::test]
async fn the_report_is_written_as_json_markdown_and_a_page() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    let folder = world.beside("monitoring-report");
    let folder_name = folder.display().to_string();
    world.run(&["report", "--output", &folder_name, "--dry-run"]).await.exits(0).shows(&["report.html"]);
    assert!(!folder.exists(), "a dry run writes nothing");

    let written = world.json(&["report", "--output", &folder_name, "--since", "2h"]).await.exits(0).json();
    assert_eq!(written["schema"], "runbook/files/v1");
    assert_eq!(written["files"].as_array().map(Vec::len), Some(3));
    let json: Report = serde_json::from_str(&fs::read_to_string(folder.join("report.json")).unwrap()).unwrap();
    assert_eq!((json.verdict, json.history.len()), (Some(Verdict::Succeeded), 1));
    let markdown = fs::read_to_string(folder.join("report.md")).unwrap();
    assert!(markdown.starts_with("# ✅ OPERATIONAL") && markdown.contains("| The API"), "{markdown}");
    assert!(markdown.contains("························█"), "with the last 24 hours: {markdown}");
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("Availability of The API") && page.contains("Latency of The API"));
}

/// The page as a person sees it: it needs nothing but itself, and both charts are drawn.
#[tokio::test]
async fn a_browser_shows_the_page_with_its_charts() {
    let Some(browser) = Chromium::find() else { return };
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    let folder = world.beside("page");
    world.run(&["report", "--since", "2h", "--output", &folder.display().to_string()]).await.exits(0);
    let url = format!("file://{}", folder.join("report.html").display());
    let page = browser.window(1200, 1400).open(&url).await;
    for chart in ["availability", "latency"] {
        let id = format!("s1-{chart}");
        assert!(page.dom.contains(&id), "the chart {id} is missing");
    }
    assert!(page.dom.contains("<path class=\"up\" d=\"M"), "something was up");
    assert!(!page.log.contains("CONSOLE"), "nothing was refused and no script spoke: {}", page.log);
    assert_eq!(page.screenshot_size(), (1200, 1400));
    // A page of one colour is compressed to next to nothing.
    assert!(page.screenshot.len() > 20_000, "{} bytes", page.screenshot.len());
    let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("monitoring-report.png");
    fs::write(&kept, &page.screenshot).unwrap();
}

#[tokio::test]
async fn without_a_history_the_run_is_told_all_the_same() {
    let world = World::with(&format!("{CONFIG}\n[history]\nenabled = false\n")).await;
    world.deployed("v1.0.0").await;
    assert!(!history_file(&world).exists());
    world.run(&["history", "api"]).await.exits(2).says(&["no history is kept", "[history] enabled"]);
    let folder = world.beside("report");
    world.run(&["report", "--output", &folder.display().to_string()]).await.exits(0);
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("v1.0.0") && !page.contains("Latency of The API"));
}

#[tokio::test]
async fn a_history_that_cannot_be_read_costs_no_run_and_is_told() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    fs::write(history_file(&world), "no database").unwrap();
    for beside in ["history.sqlite-wal", "history.sqlite-shm"] {
        let _ = fs::remove_file(world.beside("state").join(beside));
    }
    let ran = world.run(&["deploy", "v1.1.0"]).await;
    ran.exits(0).says(&["history.sqlite"]);
    assert_eq!(world.live().as_deref(), Some("v1.1.0"));
}

#[tokio::test]
async fn what_cannot_be_asked_is_told_with_what_can() {
    let world = World::new().await;
    world.run(&["history", "apy"]).await.exits(2).says(&["apy", "api"]);
    world.run(&["history", "api", "--since", "3 moons"]).await.exits(2).says(&["90m, 6h, 7d or 4w"]);
    world.run(&["history", "api", "--since", "0h"]).await.exits(2).says(&["no time to look back"]);
    world.run(&["history", "api", "--verify"]).await.exits(2).says(&["cannot be used with"]);
    world.run(&["report"]).await.exits(2);
}
