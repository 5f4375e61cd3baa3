//! The published JSON schemas: that they are what they were, and that what is printed is what they say.

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::Value;

use crate::bench::{CONFIG, World};

const KINDS: [&str; 5] = ["config", "event", "report", "plan", "status"];

/// A schema, compiled; which holds it against JSON Schema itself.
struct Judge {
    schemas: Schemas,
    schema: SchemaIndex,
}

impl Judge {
    async fn of(world: &World, kind: &str) -> Self {
        let schema = world.run(&["schema", kind]).await.exits(0).json();
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.enable_format_assertions();
        compiler.add_resource("schema.json", schema).unwrap();
        let schema = compiler.compile("schema.json", &mut schemas).unwrap_or_else(|error| panic!("{kind}: {error:#}"));
        Self { schemas, schema }
    }

    fn takes(&self, document: &Value) -> Result<(), String> {
        self.schemas.validate(document, self.schema).map_err(|error| format!("{error:#}\n{document:#}"))
    }

    #[track_caller]
    fn judge(&self, document: &Value) {
        self.takes(document).unwrap_or_else(|why| panic!("{why}"));
    }
}

#[tokio::test]
async fn they_change_only_on_purpose() {
    let world = World::new().await;
    for kind in KINDS {
        let ran = world.run(&["schema", kind]).await;
        insta::assert_snapshot!(format!("schema-{kind}"), ran.exits(0).stdout);
        assert_eq!(world.json(&["schema", kind]).await.json(), ran.json());
    }
}

#[tokio::test]
async fn a_report_and_its_events_are_what_their_schemas_say() {
    let world = World::new().await;
    let (event, report) = (Judge::of(&world, "event").await, Judge::of(&world, "report").await);
    world.deployed("v1.0.0").await;
    world.service.fails("v1.1.0");
    for arguments in [&["deploy", "v1.1.0"][..], &["rollback"], &["update-status"], &["emergency-stop"]] {
        let lines = world.run(&[arguments, &["--format", "events"]].concat()).await.lines();
        let (last, events) = lines.split_last().unwrap();
        assert!(events.len() > 3);
        report.judge(last);
        events.iter().for_each(|line| event.judge(line));
    }
    for line in world.journal().lines() {
        event.judge(&serde_json::from_str(line).unwrap());
    }
}

#[tokio::test]
async fn a_plan_is_what_its_schema_says() {
    let world = World::new().await;
    let plan = Judge::of(&world, "plan").await;
    for action in [&["deploy", "v1.0.0"][..], &["rollback", "v1.1.0"], &["emergency-stop"], &["update-status"]] {
        let document = world.json(&[action, &["--dry-run"]].concat()).await.json();
        plan.judge(&document);
    }
}

#[tokio::test]
async fn a_status_is_what_its_schema_says() {
    let world = World::new().await;
    let status = Judge::of(&world, "status").await;
    status.judge(&world.json(&["status"]).await.json());
    status.judge(&world.json(&["check"]).await.json());
    world.deployed("v1.0.0").await;
    status.judge(&world.json(&["status"]).await.json());
    status.judge(&world.json(&["check"]).await.json());
}

#[tokio::test]
async fn a_configuration_is_what_its_schema_says() {
    let world = World::new().await;
    let config = Judge::of(&world, "config").await;
    let json = |text: &str| -> Value { serde_json::to_value(toml::from_str::<toml::Value>(text).unwrap()).unwrap() };
    config.judge(&json(CONFIG));
    for template in ["minimal", "forge"] {
        let text = world.run(&["init", "--template", template, "--dry-run"]).await;
        config.judge(&json(&text.exits(0).stdout));
    }
    // It tells right from wrong.
    for (right, wrong) in
        [("[monitor]", "[monitr]"), ("path = \"/health\"", "paht = \"/health\""), ("schema = 1", "schema = 2")]
    {
        let wrong = json(&CONFIG.replace(right, wrong));
        assert!(config.takes(&wrong).is_err(), "the schema takes {wrong:#}");
    }
}
