//! The journal: what `status`, `history` and `show` read, and what keeps hands off when it is damaged or newer.

use std::fs;

use runbook_core::Verdict;
use serde_json::{Value, json};

use crate::bench::World;

/// The journal's lines, changed, and written back.
fn rewrite(world: &World, change: impl FnOnce(&mut Vec<String>)) {
    let mut lines: Vec<String> = world.journal().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(world.journal_file(), lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

#[tokio::test]
async fn a_damaged_event_is_named_and_nothing_is_changed() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    let whole = world.journal();
    let harm: [fn(&mut Vec<String>); 4] = [
        |lines| lines[4] = lines[4].replace("\"epoch\":", "\"epoch\":1"),
        |lines| lines[4].truncate(40),
        |lines| lines[4].push('\u{7}'),
        |lines| drop(lines.remove(4)),
    ];
    for (at, harm) in harm.into_iter().enumerate() {
        fs::write(world.journal_file(), &whole).unwrap();
        rewrite(&world, harm);
        let (before, journal) = (world.outside(), world.journal());
        for command in [
            &["deploy", "v1.1.0"][..],
            &["status"],
            &["history"],
            &["history", "--verify"],
            &["update-status"],
            &["rollback"],
        ] {
            let ran = world.run(command).await;
            ran.exits(1).says(&["event ", "production.jsonl"]);
            assert!(ran.stderr.contains("event 5") || ran.stderr.contains("event 6"), "harm {at}: {ran}");
            world.json(command).await.exits(1).fault("journal");
        }
        assert_eq!(world.outside(), before);
        assert_eq!(world.journal(), journal, "a damaged journal is evidence; it stays as it is");
    }
}

#[tokio::test]
async fn one_of_a_newer_version_may_be_read_but_blocks_what_changes() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    rewrite(&world, |lines| {
        let last = lines.last().unwrap().clone();
        let event: Value = serde_json::from_str(&last).unwrap();
        let mut newer = event.clone();
        newer["seq"] = json!(event["seq"].as_u64().unwrap() + 1);
        newer["prev"] = json!(runbook_core::Digest::of(last.as_bytes()).to_string());
        newer["kind"] = json!("moon_phase_observed");
        newer["data"] = json!({ "phase": "waxing" });
        lines.push(newer.to_string());
    });
    let (before, journal) = (world.outside(), world.journal());
    world.run(&["status"]).await.exits(0).shows(&["OPERATIONAL"]);
    world.run(&["history"]).await.exits(0).shows(&["deploy", "succeeded"]);
    world.run(&["history", "--verify"]).await.exits(0);
    world.run(&["check"]).await.exits(0);
    let ran = world.run(&["deploy", "v1.1.0"]).await;
    ran.exits(3);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("newer version") || said.contains("does not know"), "{ran}");
    assert!(said.to_lowercase().contains("update runbook"), "{ran}");
    world.json(&["rollback", "v1.1.0"]).await.exits(3);
    assert_eq!(world.outside(), before);
    assert!(world.journal().starts_with(&journal), "no event was lost");
    world.run(&["emergency-stop"]).await;
    assert_eq!(world.live(), None, "a stop is never held up");
}

#[tokio::test]
async fn a_torn_last_line_is_no_damage() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    let whole = world.journal();
    fs::write(world.journal_file(), format!("{whole}{{\"schema\":\"runbook/ev")).unwrap();
    world.run(&["status"]).await.exits(0);
    world.deployed("v1.1.0").await;
    assert!(world.journal().starts_with(&whole));
    world.run(&["history", "--verify"]).await.exits(0);
}

#[tokio::test]
async fn history_lists_runs_and_show_repeats_their_reports() {
    let world = World::new().await;
    world.run(&["history"]).await.exits(0).shows(&["no run yet"]);
    let first = world.json(&["deploy", "v1.0.0", "--reason", "the first"]).await.report(Verdict::Succeeded);
    let second = world.json(&["rollback"]).await.exits(3).report(Verdict::Blocked);
    let history = world.json(&["history"]).await.exits(0).json();
    assert_eq!(history["schema"], "runbook/history/v1");
    let runs: Vec<_> = history["runs"].as_array().unwrap().iter().map(|run| run["run"].as_str().unwrap()).collect();
    assert_eq!(runs, [second.run.to_string(), first.run.to_string()], "newest first");
    assert_eq!(history["runs"][0]["verdict"], "blocked");
    assert_eq!(history["runs"][1]["operational_status"], "OPERATIONAL");
    let one = world.json(&["history", "-n", "1"]).await.json();
    assert_eq!(one["runs"].as_array().map(Vec::len), Some(1));

    let shown = world.json(&["show", &first.run.to_string()]).await.exits(0).report(Verdict::Succeeded);
    assert_eq!(shown, first, "the report of then, not of now");
    world.run(&["show", "0000000"]).await.exits(2).says(&["there is no run", "runbook history"]);
    let both = &first.run.to_string()[..2];
    world.run(&["show", both]).await.exits(2).says(&["begins 2 runs"]);

    let chain = world.json(&["history", "--verify"]).await.exits(0).json();
    assert_eq!(chain["schema"], "runbook/chain/v1");
    assert_eq!(chain["events"], world.journal().lines().count());
}
