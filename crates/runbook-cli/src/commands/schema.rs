//! `runbook schema` and `runbook completions`: what other programs need to know of this one.

use clap::CommandFactory;
use runbook_core::{
    ExitCode, Report, StatusDocument, config::config_schema, event::EventKind, plan::Plan, registry::Registry,
};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use crate::{
    args::{Args, SchemaOf},
    fault::Fault,
    output::Output,
};

pub(super) fn schema(of: SchemaOf, registry: &Registry, output: &Output) -> Result<ExitCode, Fault> {
    let schema = match of {
        SchemaOf::Config => config_schema(registry),
        SchemaOf::Event => event_schema(),
        SchemaOf::Report => schema_of::<Report>(),
        SchemaOf::Plan => schema_of::<Plan>(),
        SchemaOf::Status => schema_of::<StatusDocument>(),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(|error| Fault::internal(error.to_string()))?;
    output.document(&schema, &text);
    Ok(ExitCode::Succeeded)
}

fn schema_of<T: JsonSchema>() -> Value {
    SchemaGenerator::default().into_root_schema_for::<T>().to_value()
}

/// The stored line: the envelope around each kind of event.
fn event_schema() -> Value {
    let mut schema = schema_of::<EventKind>();
    let envelope = json!({
        "schema": { "const": "runbook/event/v1" },
        "id": { "type": "string", "format": "uuid" },
        "seq": { "type": "integer", "minimum": 1 },
        "prev": { "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256 of the stored bytes of the event before" },
        "at": { "type": "string", "format": "date-time" },
        "run": { "type": "string", "format": "uuid" },
        "epoch": { "type": "integer", "minimum": 0 },
        "kind": { "type": "string" },
        "data": { "type": "object" },
    });
    if let Value::Object(object) = &mut schema {
        object.insert("title".to_owned(), json!("runbook/event/v1"));
        object.insert("type".to_owned(), json!("object"));
        object.insert(
            "required".to_owned(),
            json!(["schema", "id", "seq", "prev", "at", "run", "epoch", "kind", "data"]),
        );
        object.insert("properties".to_owned(), envelope);
    }
    schema
}

pub(super) fn completions(shell: clap_complete::Shell) -> Result<ExitCode, Fault> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "runbook", &mut script);
    // A closed pipe (`| head`) is no fault.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), &script);
    Ok(ExitCode::Succeeded)
}
