//! From `[[notify]]` in a configuration to a notifier, or to an error at its place.

use std::path::Path;

use runbook_core::{
    config::{ConfigError, Document},
    registry::{Lookup, Registry, Scope},
};

const HEAD: &str = r#"schema = 1

[project]
name = "Forge"

[[service]]
id = "api"
url = "http://localhost:8000"

[[notify]]
"#;

/// The names of the notifiers that this table and these variables make.
fn built(table: &str, variables: &[(&str, &str)]) -> Result<Vec<String>, String> {
    build(table, variables).map_err(|error| error.to_string())
}

fn build(table: &str, variables: &[(&str, &str)]) -> Result<Vec<String>, Box<ConfigError>> {
    let document = Document::parse(Path::new("runbook.toml"), &format!("{HEAD}{table}\n"))?;
    let environment = document.default_environment().unwrap();
    let variables = Lookup::fixed(variables.iter().copied());
    let config = document.config(&environment, &variables)?;
    let mut registry = Registry::default();
    runbook_notify::register(&mut registry);
    let scope = Scope { variables, ..Scope::bare("Forge", environment, ".") };
    let mut names = Vec::new();
    for table in &config.notify {
        names.extend(registry.build_notifier(table, &scope)?.map(|notifier| notifier.name().to_owned()));
    }
    Ok(names)
}

#[test]
fn an_unset_variable_turns_it_off() {
    for kind in ["slack", "discord"] {
        let table = format!("kind = \"{kind}\"");
        assert_eq!(built(&table, &[]).unwrap(), [""; 0]);
        assert_eq!(built(&table, &[("SLACK_WEBHOOK_URL", ""), ("DISCORD_WEBHOOK_URL", "")]).unwrap(), [""; 0]);
    }
}

#[test]
fn the_variables_of_old_are_the_default() {
    let variables = [
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/x"),
        ("DISCORD_WEBHOOK_URL", "https://discord.com/api/x"),
    ];
    assert_eq!(built("kind = \"slack\"", &variables).unwrap(), ["slack"]);
    assert_eq!(built("kind = \"discord\"", &variables).unwrap(), ["discord"]);
    assert_eq!(built("kind = \"slack\"\nwebhook_env = \"OTHER\"\ntimeout = \"2s\"", &variables).unwrap(), [""; 0]);
}

#[test]
fn what_cannot_be_used_is_an_error_at_its_place() {
    let variables = [("SLACK_WEBHOOK_URL", "http://hooks.slack.com/services/hunter2")];
    let errors: Vec<String> = [
        "kind = \"slack\"",
        "kind = \"slack\"\ntimeout = \"0s\"",
        "kind = \"discord\"\ntimeout = \"5m\"",
        "kind = \"slack\"\nwebhok_env = \"X\"",
        "kind = \"slak\"",
    ]
    .iter()
    .map(|table| {
        let error = built(table, &variables).expect_err(table);
        assert!(!error.contains("hunter2"), "{error}");
        error
    })
    .collect();
    insta::assert_snapshot!(errors.join("\n"));
}
