//! The JSON Schema of a condition, for editors.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::Condition;

impl JsonSchema for Condition {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "a plain value means equal; a text that begins with =, !=, <, <=, >, >= or ~ (regular \
                            expression) and a space is a comparison; { exists = true } asks for presence",
            "oneOf": [
                { "type": ["string", "number", "boolean"] },
                {
                    "type": "object",
                    "properties": { "exists": { "type": "boolean" } },
                    "required": ["exists"],
                    "additionalProperties": false,
                },
            ],
            "examples": ["healthy", "< 5", "~ ^2\\.", { "exists": true }],
        })
    }
}
