//! Disks that are full, or that cannot be written: a run is refused before it changes anything, a stop goes on, and once
//! there is room again nothing half-written stands in the way.

use std::fs;

use runbook_core::{Verdict, event::EventKind};

use crate::bench::{CONFIG, Disk, Ran, World};

/// Lets every write of a file fail, as on a full disk, for whoever may do nothing but that.
const NO_ROOM: [&str; 4] = ["sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"];
/// Stops without a word in the log, for which there may be no room.
const SILENT_STOP: &str = "rm -f \"$MACHINE/live\"\n";

/// A world with v1.0.0 live and proven, its journal in this home, and no history, whose file would take the room.
async fn world(home: &str) -> World {
    let history = "[history]\nenabled = false\n";
    let world = World::with(&format!("{CONFIG}\n{history}\n[journal]\nhome = \"{home}\"\n")).await;
    world.repository.write("ops/stop.sh", SILENT_STOP);
    world.repository.commit("A stop that writes nothing");
    world.deployed("v1.0.0").await;
    world
}

fn is_refused(ran: &Ran, why: &str) {
    let (message, hint) = ran.exits(1).fault("journal");
    assert!(message.contains(why), "{why:?} is not said: {ran}");
    assert!(hint.contains("nothing is changed without a journal"), "{hint}");
}

/// Everything is down, and the stop says that nobody else knows of its latch.
fn is_stopped(world: &World, ran: &Ran, why: &str) {
    let report = ran.exits(7).report(Verdict::NeedsOperator);
    assert_eq!(world.live(), None, "the service was stopped all the same");
    let reason = report.verdict_reason.unwrap_or_default();
    assert!(reason.contains("latch not shared") && reason.contains(why), "{reason}");
}

/// What is written is whole, and the next deploy does its work.
async fn goes_on(disk: &Disk, world: &World) {
    disk.json(world, &["history", "--verify"]).await.exits(0);
    disk.json(world, &["recover"]).await.exits(0);
    disk.json(world, &["resume", "--reason", "there is room again"]).await.exits(0);
    disk.json(world, &["deploy", "v1.1.0"]).await.exits(0).report(Verdict::Succeeded);
    assert_eq!(world.live().as_deref(), Some("v1.1.0"));
    disk.json(world, &["history", "--verify"]).await.exits(0);
}

/// The whole story of one disk, under what the journal in this home is kept in.
async fn refused_and_stopped(home: &str, is_full: bool) {
    let world = world(home).await;
    let place = if home == "file" { world.state_dir() } else { world.repository.path().join(".git") };
    let Some(disk) = Disk::under(&place, "4m").await else { return };
    let why = if is_full { "No space left on device" } else { "Read-only file system" };
    match is_full {
        true => disk.fill(0),
        false => disk.writable(false).await,
    }
    let before = world.outside();
    for arguments in
        [&["deploy", "v1.1.0"][..], &["update-component", "api", "--version", "v1.1.0"], &["update-status"]]
    {
        is_refused(&disk.json(&world, arguments).await, why);
    }
    // To look is no change.
    disk.json(&world, &["status"]).await.exits(0);
    disk.json(&world, &["history", "--verify"]).await.exits(0);
    assert_eq!(world.outside(), before);
    is_stopped(&world, &disk.json(&world, &["emergency-stop", "--reason", "fire"]).await, why);
    match is_full {
        true => disk.empty(),
        false => disk.writable(true).await,
    }
    goes_on(&disk, &world).await;
}

#[tokio::test]
async fn a_full_disk_below_the_journal_changes_nothing_and_stops_all_the_same() {
    tokio::join!(refused_and_stopped("file", true), refused_and_stopped("local", true));
}

#[tokio::test]
async fn a_read_only_one_changes_nothing_and_stops_all_the_same() {
    tokio::join!(refused_and_stopped("file", false), refused_and_stopped("local", false));
}

/// The disk gets full while a deploy is at work, at each moment in turn.
#[tokio::test]
async fn a_disk_that_gets_full_on_the_way_leaves_whole_events_and_a_true_verdict() {
    let world = world("file").await;
    let Some(disk) = Disk::under(&world.state_dir(), "4m").await else { return };
    let mut has_begun = 0;
    for pages in 1..=7 {
        let what = format!("with room for {pages} pages");
        let log = || fs::read_to_string(world.machine("log")).unwrap().lines().count();
        let before = log();
        disk.fill(pages * 4096);
        let ran = disk.json(&world, &["deploy", "v1.1.0"]).await;
        let changed = world.live().as_deref() == Some("v1.1.0");
        disk.empty();
        match ran.code {
            Some(0) => assert!(changed, "{what}: {ran}"),
            // It is known that something was changed, and somebody is told.
            Some(7) => assert!(ran.report(Verdict::NeedsOperator).verdict_reason.is_some(), "{what}"),
            Some(1 | 5) => assert!(!changed && log() == before, "{what}: it changed something: {ran}"),
            code => panic!("{what}: {code:?}: {ran}"),
        }
        has_begun += log() - before;
        assert!(log() - before <= 1, "{what}: it was begun more than once");
        disk.json(&world, &["history", "--verify"]).await.exits(0);
        let recovered = disk.json(&world, &["recover"]).await;
        assert!(matches!(recovered.code, Some(0 | 3 | 5 | 7)), "{what}: {recovered}");
        disk.json(&world, &["deploy", "v1.0.0"]).await.exits(0);
        disk.json(&world, &["history", "--verify"]).await.exits(0);
    }
    assert!(has_begun > 0, "no disk was large enough to begin");
}

/// Without a disk of its own: where no file can be written any more.
#[tokio::test]
async fn where_nothing_can_be_written_nothing_is_begun() {
    for home in ["file", "local"] {
        let world = world(home).await;
        let events = world.events().len();
        let before = world.outside();
        let ran = world.json_under(&NO_ROOM, &["deploy", "v1.1.0"]).await;
        is_refused(&ran, "journal");
        assert_eq!(world.outside(), before, "{home}");
        let ran = world.json_under(&NO_ROOM, &["emergency-stop", "--reason", "fire"]).await;
        is_stopped(&world, &ran, "nothing keeps a run from beginning");

        world.run(&["history", "--verify"]).await.exits(0);
        assert_eq!(world.events().len(), events, "{home}: no event was half-written");
        world.run(&["resume", "--reason", "there is room again"]).await.exits(0);
        world.run(&["deploy", "v1.1.0"]).await.exits(0);
        world.run(&["history", "--verify"]).await.exits(0);
        assert_eq!(world.live().as_deref(), Some("v1.1.0"));
        let ended = world.events().iter().filter(|event| matches!(event.kind, EventKind::RunFinished { .. })).count();
        assert_eq!(ended, 3, "{home}: what was refused is no run");
    }
}

/// A state directory that could not even be begun does not look like one that is there.
#[tokio::test]
async fn a_state_directory_that_found_no_room_is_begun_anew() {
    let mut world = World::new().await;
    world.unset("RUNBOOK_STATE_DIR");
    let ran = world.json_under(&NO_ROOM, &["deploy", "v1.0.0"]).await;
    ran.exits(2).fault("usage");
    assert_eq!(world.live(), None);
    world.deployed("v1.0.0").await;
    let ignore = fs::read_to_string(world.repository.path().join(".runbook/.gitignore")).unwrap();
    assert_eq!(ignore, "*\n", "git does not see it");
    world.run(&["deploy", "v1.1.0"]).await.exits(0);
}
