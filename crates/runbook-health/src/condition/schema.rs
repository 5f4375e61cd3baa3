//! The JSON Schemas of conditions, for editors.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Condition, DurationCondition, NumberCondition};

impl JsonSchema for Condition {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let length = generator.subschema_for::<NumberCondition>();
        json_schema!({
            "description": "a plain value means equal; a text that begins with =, !=, <, <=, >, >= or ~ (regular \
                            expression) and a space is a comparison; { exists = true } asks for presence, { length = \">= 1\" } \
                            compares a length",
            "oneOf": [
                { "type": ["string", "number", "boolean"] },
                {
                    "type": "object",
                    "properties": { "exists": { "type": "boolean" } },
                    "required": ["exists"],
                    "additionalProperties": false,
                },
                {
                    "type": "object",
                    "properties": { "length": length },
                    "required": ["length"],
                    "additionalProperties": false,
                },
            ],
            "examples": ["healthy", "< 5", "~ ^2\\.", { "exists": true }, { "length": ">= 1" }],
        })
    }
}

impl JsonSchema for NumberCondition {
    fn schema_name() -> Cow<'static, str> {
        "NumberCondition".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "a number, or a comparison with one: =, !=, <, <=, > or >=, and a space",
            "type": ["string", "number"],
            "examples": [">= 14", 3],
        })
    }
}

impl JsonSchema for DurationCondition {
    fn schema_name() -> Cow<'static, str> {
        "DurationCondition".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "a comparison with a length of time: <, <=, > or >=, and a space",
            "type": "string",
            "examples": ["< 800ms", "<= 1s"],
        })
    }
}
