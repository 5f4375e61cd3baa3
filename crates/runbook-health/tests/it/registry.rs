//! The kinds as the registry and editors see them.

use runbook_core::{
    config::Kinded,
    registry::{ProbeDefinition, Registry},
};
use runbook_health::{HttpProbe, register};

use crate::support::scope;

#[test]
fn both_kinds_are_built_without_settings() {
    let mut registry = Registry::default();
    register(&mut registry);
    for kind in ["http", "tcp"] {
        let bare = Kinded::bare(kind.parse().unwrap());
        let built = registry.build_probe(&bare, &scope(Some("http://localhost:8000"))).unwrap();
        assert_eq!(built.kind, kind);
        assert!(format!("{:?}", built.probe).contains("8000"), "{:?}", built.probe);
    }
    assert_eq!(HttpProbe::KIND, "http");
}

#[test]
fn the_schemas_are_what_editors_were_promised() {
    let mut registry = Registry::default();
    register(&mut registry);
    let schemas = registry.schemas();
    insta::assert_json_snapshot!("http_schema", schemas["probe"]["http"]);
    insta::assert_json_snapshot!("tcp_schema", schemas["probe"]["tcp"]);
}
