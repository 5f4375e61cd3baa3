//! The help of every command, and of what was mistyped.

use crate::bench::World;

const COMMANDS: &[&str] = &[
    "init",
    "check",
    "update-status",
    "deploy",
    "rollback",
    "update-component",
    "emergency-stop",
    "resume",
    "event",
    "stage",
    "recover",
    "lock",
    "unlock",
    "status",
    "history",
    "report",
    "show",
    "workflow",
    "doctor",
    "schema",
    "completions",
];

#[tokio::test]
async fn every_command_explains_itself() {
    let world = World::new().await;
    let whole = world.run(&["--help"]).await;
    insta::assert_snapshot!("help", whole.exits(0).stdout);
    let listed = whole.stdout.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap();
    let listed: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(listed, [COMMANDS, &["help"]].concat(), "a command without a snapshot of its help");
    for command in COMMANDS {
        let help = world.run(&[command, "--help"]).await;
        insta::assert_snapshot!(format!("help-{command}"), help.exits(0).stdout);
    }
}

#[tokio::test]
async fn what_was_mistyped_is_told_with_what_was_meant() {
    let world = World::new().await;
    world.run(&["delpoy"]).await.exits(2).says(&["unrecognized subcommand 'delpoy'", "'deploy'"]);
    world.run(&["deploy", "--reson", "x"]).await.exits(2).says(&["'--reson'", "'--reason'"]);
    world.run(&["check", "--format", "yaml"]).await.exits(2).says(&["'yaml'", "human, json, events"]);
    world.run(&["init", "--template", "frge"]).await.exits(2).says(&["'frge'", "forge"]);
    world.run(&["check", "-q", "-v"]).await.exits(2).says(&["cannot be used with"]);
    world.run(&[]).await.exits(2).says(&["Usage: runbook"]);
    for arguments in [&["delpoy"][..], &["deploy", "--reson", "x"], &["init", "--template", "frge"], &["show"], &[]] {
        let ran = world.json(arguments).await;
        let (message, hint) = ran.exits(2).fault("usage");
        assert!(hint.contains("`runbook --help`"), "{message} {hint}");
        let events = world.run(&[arguments, &["--format=events"]].concat()).await;
        let lines = events.exits(2).lines();
        assert_eq!(lines.len(), 1, "{events}");
        assert_eq!(lines[0]["schema"], "runbook/error/v1");
    }
    for (arguments, meant) in [
        (&["delpoy"][..], "deploy"),
        (&["deploy", "--reson", "x"], "--reason"),
        (&["init", "--template", "frge"], "forge"),
    ] {
        let (_, hint) = world.json(arguments).await.fault("usage");
        assert!(hint.contains(&format!("did you mean `{meant}`?")), "{hint}");
    }
    world.run(&["--version"]).await.exits(0).shows(&[env!("CARGO_PKG_VERSION")]);
}

#[tokio::test]
async fn completions_are_scripts() {
    let world = World::new().await;
    for shell in ["bash", "zsh", "fish"] {
        world.run(&["completions", shell]).await.exits(0).shows(&["runbook", "emergency-stop"]);
    }
}
