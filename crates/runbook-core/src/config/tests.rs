//! The configuration as people get it wrong: each error has its place and a way on.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::path::Path;

use super::*;
use crate::{registry::Lookup, words::EnvironmentId};

const GOOD: &str = r#"schema = 1
[project]
name = "Quantum Pi Forge"

[[service]]
id = "fastapi"
name = "FastAPI Quantum Conduit"
url = "${FASTAPI_URL:-http://localhost:8000}"

[[service.probe]]
kind = "http"
path = "/health"
timeout = "${HEALTH_CHECK_TIMEOUT:-5}s"

[monitor]
window = "30s"
confirm = "${CONFIRM:-2}"

[environment.staging.service.fastapi]
url = "http://staging:8000"
critical = false

[environment.staging.monitor]
window = "10s"

[environment.production]
"#;

fn load(text: &str, environment: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let document = Document::parse(Path::new("runbook.toml"), text)?;
    document.config(&EnvironmentId::new(environment).unwrap(), &Lookup::fixed(variables.iter().copied()))
}

#[test]
fn environments_overlay_and_variables_fill_in() {
    let production = load(GOOD, "production", &[("FASTAPI_URL", "http://prod:1"), ("CONFIRM", "4")]).unwrap();
    assert_eq!(production.services[0].url.as_deref(), Some("http://prod:1"));
    assert!(production.services[0].critical && production.services[0].url_defaulted.is_empty());
    assert_eq!((production.monitor.window, production.monitor.confirm), (Period::secs(30), 4));

    let staging = load(GOOD, "staging", &[("FASTAPI_URL", "")]).unwrap();
    assert_eq!(staging.services[0].url.as_deref(), Some("http://staging:8000"));
    assert!(!staging.services[0].critical);
    assert_eq!((staging.monitor.window, staging.monitor.confirm), (Period::secs(10), 2));
    assert_ne!(staging.digest, production.digest);

    let defaulted = load(GOOD, "production", &[("FASTAPI_URL", "")]).unwrap();
    assert_eq!(defaulted.services[0].url_defaulted, ["FASTAPI_URL"], "empty counts as unset");
    let document = Document::parse(Path::new("runbook.toml"), GOOD).unwrap();
    assert_eq!(document.default_environment(), None, "two environments and no default");
}

/// (what to change, line, column, part of the message, part of the hint)
#[test]
fn every_error_names_its_place_and_a_way_on() {
    let cases: &[(&str, &str, usize, usize, &str, &str)] = &[
        ("name = \"FastAPI", "nmae = \"FastAPI", 7, 1, "unknown key `nmae`", "did you mean `name`?"),
        ("window = \"30s\"", "window = 30", 16, 10, "expected a length of time", ""),
        ("window = \"30s\"", "window = \"soon\"", 16, 10, "found the string \"soon\"", ""),
        ("[monitor]", "[moniter]", 15, 2, "unknown key `moniter`", "did you mean `monitor`?"),
        ("schema = 1", "schema = 2", 1, 10, "reads schema 1", "schema = 1"),
        ("id = \"fastapi\"", "id = \"Fast API\"", 6, 6, "is not a service id", ""),
        ("kind = \"http\"", "king = \"http\"", 10, 1, "the key `kind` is missing", ""),
        ("${FASTAPI_URL:-http://localhost:8000}", "${FASTAPI_URL}", 8, 7, "`FASTAPI_URL` is not set", "give a default"),
        ("service.fastapi]", "service.fastpi]", 19, 30, "no service `fastpi`", "did you mean `fastapi`?"),
        ("[environment.staging.monitor]", "[environment.staging.monitr]", 23, 22, "unknown key `monitr`", "monitor"),
        ("name = \"Quantum Pi Forge\"", "name = \"open", 3, 13, "invalid basic string", ""),
        ("critical = false", "critical = \"no\"", 21, 12, "expected a boolean", ""),
        ("confirm = \"${CONFIRM:-2}\"", "confirm = 0", 17, 11, "between 1 and 100", "3"),
    ];
    for (from, to, line, column, message, hint) in cases {
        assert!(GOOD.contains(from), "{from}");
        let text = GOOD.replacen(from, to, 1);
        let production = load(&text, "production", &[]).err();
        let error = production.or_else(|| load(&text, "staging", &[]).err()).expect(to);
        assert_eq!((error.line, error.column), (*line, *column), "{to}: {error}");
        assert!(error.message.contains(message), "{to}: {error}");
        assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{to}: {:?}", error.hint);
        assert!(error.to_string().starts_with("runbook.toml:"), "{error}");
    }
    let twice = GOOD.replace("[monitor]", "[[service]]\nid = \"fastapi\"\n[monitor]");
    assert!(load(&twice, "staging", &[]).unwrap_err().message.contains("there twice"));
    let missing = load(&GOOD.replace("[project]\nname = \"Quantum Pi Forge\"", ""), "staging", &[]).unwrap_err();
    assert!(missing.message.contains("`[project]` is missing"), "{missing}");
}

#[test]
fn an_unknown_environment_is_refused_with_the_known_ones() {
    let error = load(GOOD, "stagging", &[]).unwrap_err();
    assert!(error.hint.unwrap().contains("`staging`"));
}

#[test]
fn what_lies_too_deep_is_refused() {
    // Dotted keys and inline tables go further down together than the parser lets either go alone.
    let keys = ["a"; 40].join(".");
    let error = load(&format!("schema = 1\n{keys} = {{ {keys} = 1 }}\n"), "production", &[]).unwrap_err();
    assert_eq!((error.line, error.message.as_str()), (2, "tables and arrays lie more than 64 deep in one another"));
    let shallow = load(&format!("schema = 1\n{keys} = 1\n"), "production", &[]).unwrap_err();
    assert_eq!(shallow.message, "unknown key `a`");
}

/// What could never confirm a fault, or would look past what is kept, is refused before anybody relies on it.
#[test]
fn a_watch_that_could_confirm_nothing_is_refused_at_its_place() {
    let monitor = |keys: &str| load(&GOOD.replace("window = \"30s\"", keys), "production", &[]).unwrap_err();
    let error = monitor("window = \"30s\"\nconfirm_of = 20\nconfirm_pause = \"20s\"\nconfirm_budget = \"10s\"");
    assert_eq!(error.key.as_deref(), Some("monitor.confirm_budget"), "{error}");
    assert!(error.message.contains("no fault could be confirmed in 10s"), "{error}");
    let error = monitor("window = \"30s\"\nconfirm_pause = \"0s\"");
    assert_eq!(error.key.as_deref(), Some("monitor.confirm_pause"), "{error}");
    let error = monitor("window = \"3s\"\ninterval = \"2s\"");
    assert!(error.message.contains("fewer than 2 samples"), "{error}");
}

#[test]
fn an_alert_looks_no_further_back_than_readings_are_kept() {
    let alert = |over: &str, history: &str| {
        let alert = format!("[[service.alert]]\nwhen = \"p95 > 1s\"\nover = \"{over}\"\n\n{history}[monitor]");
        load(&GOOD.replace("[monitor]", &alert), "production", &[])
    };
    assert!(alert("2d", "").is_ok(), "as long as the readings themselves");
    let error = alert("3d", "").unwrap_err();
    assert_eq!((error.line, error.key.as_deref()), (17, Some("service[0].alert[0].over")), "{error}");
    assert!(alert("3d", "[history]\nraw = \"7d\"\n").is_ok());
    let error = alert("1h", "[history]\nenabled = false\n").unwrap_err();
    assert!(error.message.contains("needs a history"), "{error}");
}

#[test]
fn services_that_people_could_not_tell_apart_are_refused() {
    let twin = "[[service]]\nid = \"other\"\nname = \"FastAPI Quantum Conduit\"\n\n[monitor]";
    let error = load(&GOOD.replace("[monitor]", twin), "production", &[]).unwrap_err();
    assert_eq!((error.line, error.key.as_deref()), (17, Some("service[1].name")), "{error}");
}

/// The journal's redactor knows the variables that any key names, and those in a table of headers too.
#[test]
fn every_variable_with_a_secret_is_known() {
    let keys =
        "path = \"/health\"\nbearer_env = \"TOKEN\"\nheaders_env = { \"X-Key\" = \"KEY\", \"X-Other\" = \"OTHER\" }";
    let config = load(&GOOD.replace("path = \"/health\"", keys), "production", &[]).unwrap();
    for name in ["TOKEN", "KEY", "OTHER"] {
        assert!(config.secret_names.iter().any(|known| known == name), "{name}: {:?}", config.secret_names);
    }
}

#[test]
fn an_app_is_named_by_two_variables_of_which_one_is_secret() {
    let github =
        |keys: &str| load(&GOOD.replace("[monitor]", &format!("[github]\n{keys}\n[monitor]")), "production", &[]);
    let config = github("app_id_env = \"APP_ID\"\napp_private_key_env = \"APP_KEY\"\ninstallation_id = 7").unwrap();
    assert_eq!(config.github.app(), Some(("APP_ID", "APP_KEY")));
    assert!(config.secret_names.iter().any(|name| name == "APP_KEY"), "{:?}", config.secret_names);
    assert!(!config.secret_names.iter().any(|name| name == "APP_ID"), "an App's id would hide every such number");
    for (half, key) in [
        ("app_id_env = \"APP_ID\"", "github.app_id_env"),
        ("app_private_key_env = \"APP_KEY\"", "github.app_private_key_env"),
        ("installation_id = 7", "github.installation_id"),
    ] {
        assert_eq!(github(half).unwrap_err().key.as_deref(), Some(key));
    }
    assert_eq!(github("").unwrap().github.token_env, "GITHUB_TOKEN");
}

#[test]
fn what_is_asked_of_the_forge_is_checked_at_its_place() {
    let with = |tables: &str| load(&GOOD.replace("[monitor]", &format!("{tables}\n[monitor]")), "production", &[]);
    let config = with(
        "[policy]\nrequired_checks = [\"build\", \"test / unit\"]\nchecks_wait = \"3m\"\n\
         [deploy]\nkind = \"command\"\ndeploy = [\"./d\"]\nrecord = true\nenvironment_url = \"https://x.example\"\n\
         [rollback]\npush = \"origin\"\npull_request = true",
    );
    let config = config.unwrap();
    assert_eq!(config.policy.required_checks, ["build", "test / unit"]);
    assert_eq!(config.policy.checks_wait, Period::secs(180));
    let records = RecordConfig { enabled: Some(true), environment_url: Some("https://x.example".to_owned()) };
    assert_eq!(config.deploy.records, records);
    assert!(config.deploy.deployer.is_some() && config.rollback.pull_request);
    let unset = load(GOOD, "production", &[]).unwrap();
    assert_eq!((unset.deploy.records, unset.rollback.pull_request), (RecordConfig::default(), false));

    for (tables, key, message) in [
        ("[policy]\nrequired_checks = [\"a\", \"\"]", "policy.required_checks[1]", "no check has such a name"),
        ("[policy]\nrequired_checks = [\"a\", \"a\"]", "policy.required_checks[1]", "is required twice"),
        ("[policy]\nchecks_wait = \"7h\"", "policy.checks_wait", "longer than a job"),
        ("[rollback]\npull_request = true", "rollback.pull_request", "needs a branch that was pushed"),
        ("[rollback]\npull_request = true\npush = \"o\"\nbranch = false", "rollback.pull_request", "needs a branch"),
        ("[deploy]\nenvironment_url = \"x.example\"", "deploy.environment_url", "no plain address"),
        ("[deploy]\nenvironment_url = \"https://me:secret@x.example/\"", "deploy.environment_url", "no plain address"),
        ("[deploy]\nrecrod = true", "deploy", "unknown key `recrod`"),
    ] {
        let error = with(tables).unwrap_err();
        assert_eq!(error.key.as_deref(), Some(key), "{error}");
        assert!(error.message.contains(message) && error.line > 1, "{error}");
        assert!(!error.message.contains("secret"), "{error}");
    }
}
