//! The kinds as a configuration names them.

use runbook_core::registry::Registry;

#[test]
fn every_kind_has_a_schema_and_no_untold_key() {
    let mut registry = Registry::default();
    runbook_process::register(&mut registry);
    let schemas = registry.schemas();
    let kinds = |port: &str| schemas[port].keys().copied().collect::<Vec<_>>();
    assert_eq!(kinds("deployer"), ["command", "process"]);
    assert_eq!(kinds("ci"), ["command"]);
    assert_eq!(kinds("probe"), ["command"]);
    insta::assert_json_snapshot!("schemas", [&schemas["ci"], &schemas["deployer"], &schemas["probe"]]);
}
