//! `runbook.toml`: every text is read or refused at a place that can be shown. What was read keeps what the checks promise,
//! and builds its probes or says which key is wrong, without telling a secret.

use std::{collections::BTreeSet, path::Path, sync::LazyLock};

use jiff::Timestamp;
use runbook_core::{
    EnvironmentId, ServiceFacts, ServiceId,
    config::{Config, ConfigError, Document, Kinded, ServiceConfig},
    registry::{Lookup, Registry, Scope, ServiceScope},
    watch::MaintenanceSchedule,
};

const FILE: &str = "runbook.toml";
/// In the value of every variable that a key ending in `_env` names.
const PASSWORD: &str = "what-nobody-may-be-told";

/// Every kind of probe.
static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = Registry::default();
    runbook_health::register(&mut registry);
    registry
});

/// Reads one input in each of its environments, and builds its probes.
///
/// # Panics
/// Where a promise of the configuration is broken.
pub fn configuration(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let document = match Document::parse(Path::new(FILE), text) {
        Ok(document) => document,
        Err(error) => return has_its_place(&error, text),
    };
    let default = document.default_environment().filter(|default| !document.environments().contains(default));
    for environment in document.environments().iter().chain(&default) {
        match document.config(environment, &variables()) {
            Ok(config) => {
                is_sound(&config, environment);
                let again = document.config(environment, &variables()).map(|again| again.digest);
                assert_eq!(again.ok(), Some(config.digest), "read twice, it must be the same");
                build(&config, text);
            }
            Err(error) => has_its_place(&error, text),
        }
    }
}

/// What `${…}` is filled in from: numbers, texts that could be mistaken for more, and many that are not set.
fn variables() -> Lookup {
    Lookup::new(|name| match name {
        "NUMBER" => Some("8000".to_owned()),
        "TEXT" => Some("\"${NUMBER}\"\n'\u{202e}]".to_owned()),
        "URL" => Some("https://localhost:8000".to_owned()),
        _ => None,
    })
}

/// An error of a text can be told and drawn: it has words, a line and a column, and bytes that are whole characters.
fn has_its_place(error: &ConfigError, text: &str) {
    assert!(!error.message.trim().is_empty(), "an error must have words: {error:?}");
    assert!(error.line >= 1 && error.column >= 1, "an error must have its place: {error:?}");
    assert!(error.to_string().starts_with("runbook.toml:"), "an error must name the file: {error}");
    let snippet = error.snippet.as_ref().unwrap_or_else(|| panic!("an error must have its bytes: {error:?}"));
    let span = &snippet.span;
    assert_eq!(&*snippet.text, text, "the bytes must be of this text");
    assert!(span.start <= span.end, "the bytes must be in order: {error:?}");
    let are_whole = text.is_char_boundary(span.start) && text.is_char_boundary(span.end);
    assert!(are_whole, "the bytes must be whole characters of the text: {error:?}");
}

/// What whoever uses a configuration relies upon.
fn is_sound(config: &Config, environment: &EnvironmentId) {
    assert_eq!(&config.environment, environment);
    assert!(!config.monitor.interval.0.is_zero(), "a pause of 0");
    assert!(config.monitor.confirm >= 1 && config.monitor.concurrency >= 1, "{:?}", config.monitor);
    let known: BTreeSet<ServiceId> = config.services.iter().map(|service| service.id.clone()).collect();
    assert_eq!(known.len(), config.services.len(), "each service is there once");
    assert!(config.services.iter().flat_map(|service| &service.depends_on).all(|needed| known.contains(needed)));
    let maintenance = MaintenanceSchedule::build(&config.maintenance, &known);
    let maintenance = maintenance.unwrap_or_else(|error| panic!("maintenance was checked, and is refused: {error:?}"));
    for second in [0, 1_774_747_800, 1_792_890_000, 4_102_444_800] {
        let Ok(now) = Timestamp::from_second(second) else { continue };
        for service in &known {
            let _ = maintenance.active(service, now);
        }
    }
}

fn build(config: &Config, text: &str) {
    for service in &config.services {
        let scope = scope(config, Some(service));
        service.probes.iter().for_each(|table| build_one(table, &scope, text));
    }
    let scope = scope(config, None);
    config.control.probes.iter().for_each(|table| build_one(table, &scope, text));
}

fn build_one(table: &Kinded, scope: &Scope, text: &str) {
    let said = match REGISTRY.build_probe(table, scope) {
        Ok(built) => {
            assert_eq!(built.kind, table.kind.as_str());
            format!("{:?}", built.probe)
        }
        Err(error) => {
            has_its_place(&error, text);
            error.to_string()
        }
    };
    // What stands in the file is no secret.
    assert!(text.contains(PASSWORD) || !said.contains(PASSWORD), "a secret is told: {said}");
}

fn scope(config: &Config, service: Option<&ServiceConfig>) -> Scope {
    Scope {
        service: service.map(|service| ServiceScope {
            facts: ServiceFacts {
                id: service.id.clone(),
                name: service.name.clone(),
                critical: service.critical,
                port: None,
            },
            url: service.url.clone(),
            out_of_reach: None,
        }),
        variables: Lookup::new(secret),
        ..Scope::bare(&config.project.name, config.environment.clone(), "project")
    }
}

/// A login, or a whole address where the name of the variable asks for one: `POSTGRES_URL`, `REDIS_URL`.
fn secret(name: &str) -> Option<String> {
    Some(match name.strip_suffix("_URL") {
        Some(scheme) => format!("{}://ada:{PASSWORD}@localhost/shop", scheme.to_ascii_lowercase()),
        None => format!("ada:{PASSWORD}"),
    })
}
