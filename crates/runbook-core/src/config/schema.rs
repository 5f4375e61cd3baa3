//! The JSON Schema of `runbook.toml`: the tables, with the settings of every registered kind.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{
    GithubConfig, HistoryConfig, JournalConfig, MonitorConfig, PolicyConfig, ProjectConfig, RollbackConfig,
    StatusIssueConfig, WorkflowConfig,
    model::{DeployTable, ServiceTable, StageTable},
    watching::ControlTable,
};
use crate::{registry::Registry, watch::MaintenanceConfig};

/// The schema of the configuration, with the kinds of this registry.
pub fn config_schema(registry: &Registry) -> Value {
    let mut generator = SchemaGenerator::default();
    let table = |schema: Schema| schema.to_value();
    let kinds = registry.schemas();
    // `[ci]` alone has a kind that is meant when none is named.
    let kinded = |port: &str| -> Value {
        let is_required = port != "ci";
        let alternatives: Vec<Value> = kinds
            .get(port)
            .into_iter()
            .flat_map(|schemas| schemas.iter())
            .map(|(kind, schema)| with_kind(kind, schema.clone().to_value(), is_required))
            .collect();
        json!({ "oneOf": alternatives })
    };
    let mut service = table(generator.subschema_for::<ServiceTable>());
    let definitions = |generator: &mut SchemaGenerator| generator.take_definitions(true);
    let project = generator.subschema_for::<ProjectConfig>();
    let monitor = generator.subschema_for::<MonitorConfig>();
    let control = generator.subschema_for::<ControlTable>();
    let maintenance = generator.subschema_for::<MaintenanceConfig>();
    let history = generator.subschema_for::<HistoryConfig>();
    let rollback = generator.subschema_for::<RollbackConfig>();
    let policy = generator.subschema_for::<PolicyConfig>();
    let journal = generator.subschema_for::<JournalConfig>();
    let github = generator.subschema_for::<GithubConfig>();
    let status_issue = generator.subschema_for::<StatusIssueConfig>();
    let workflow = generator.subschema_for::<WorkflowConfig>();
    let stage = generator.subschema_for::<StageTable>();
    let deploy = generator.subschema_for::<DeployTable>();
    let mut defs = definitions(&mut generator);
    if let Some(properties) = properties_of(&mut defs, "ServiceTable") {
        properties.insert("probe".to_owned(), json!({ "type": "array", "items": kinded("probe") }));
        properties.insert("deploy".to_owned(), kinded("deployer"));
    }
    if let Some(properties) = properties_of(&mut defs, "ControlTable") {
        properties.insert("probe".to_owned(), json!({ "type": "array", "items": kinded("probe") }));
    }
    if let Some(properties) = properties_of(&mut defs, "StageTable") {
        properties.insert("with".to_owned(), json!({ "type": "object", "description": "the settings of the kind" }));
    }
    if let Some(Value::Object(deploy)) = defs.get_mut("DeployTable") {
        // Beside its own keys it takes those of the deployer that it names.
        deploy.insert("additionalProperties".to_owned(), json!(true));
    }
    if let Value::Object(service) = &mut service {
        service.remove("additionalProperties");
    }
    let mut tables = json!({
        "schema": { "const": 1, "description": "the version of this format" },
        "default_environment": { "type": "string", "description": "the environment that is meant when nobody names one" },
        "project": project,
        "variables": { "type": "object", "additionalProperties": { "type": "string" } },
        "service": { "type": "array", "items": service },
        "ci": kinded("ci"),
        "deploy": deploy,
        "monitor": monitor,
        "control": control,
        "maintenance": { "type": "array", "items": maintenance },
        "history": history,
        "rollback": rollback,
        "policy": policy,
        "journal": journal,
        "notify": { "type": "array", "items": kinded("notifier") },
        "github": github,
        "status_issue": status_issue,
        "workflow": workflow,
        "stage": { "type": "array", "items": stage },
        "environment": {
            "type": "object",
            "description": "overrides of one environment; `service` is a table of tables here, by service id",
            "additionalProperties": { "type": "object" },
        },
    });
    // What the schemas of kinds refer to is looked for at the root.
    let mut brought = Map::new();
    hoist(&mut tables, &mut brought);
    defs.values_mut().for_each(|schema| hoist(schema, &mut brought));
    for (name, schema) in brought {
        defs.entry(name).or_insert(schema);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "runbook.toml",
        "type": "object",
        "required": ["schema", "project"],
        "additionalProperties": false,
        "properties": tables,
        "$defs": defs,
    })
}

fn properties_of<'a>(defs: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Map<String, Value>> {
    defs.get_mut(name)?.get_mut("properties")?.as_object_mut()
}

fn with_kind(kind: &str, mut schema: Value, is_required: bool) -> Value {
    if let Value::Object(object) = &mut schema {
        object.remove("$schema");
        let properties = object.entry("properties").or_insert_with(|| json!({}));
        if let Value::Object(properties) = properties {
            properties.insert("kind".to_owned(), json!({ "const": kind }));
        }
        if is_required {
            let required = object.entry("required").or_insert_with(|| json!([]));
            if let Value::Array(required) = required {
                required.push(json!("kind"));
            }
        }
    }
    schema
}

/// Takes the definitions that schemas of kinds brought along out of them. Kinds that call different things by one name
/// would need names of their own.
fn hoist(value: &mut Value, into: &mut Map<String, Value>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::Object(definitions)) = object.remove("$defs") {
                for (name, mut schema) in definitions {
                    hoist(&mut schema, into);
                    into.entry(name).or_insert(schema);
                }
            }
            object.values_mut().for_each(|value| hoist(value, into));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hoist(item, into)),
        _ => {}
    }
}
