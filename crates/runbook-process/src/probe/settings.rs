//! What people write in a table with `kind = "command"`. Only `argv` is required: exit code 0 is then healthy, and every
//! other is unhealthy.

use std::{borrow::Cow, fmt, path::PathBuf};

use runbook_core::config::Period;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

use crate::command::EnvironmentTable;

/// The keys of a `command` probe.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandProbeSettings {
    /// The program that measures, and its arguments, which may hold `{component}` and `{environment}`. No shell reads
    /// them. It changes nothing, and may run several times at once.
    pub argv: Vec<String>,
    /// How long it may take. After that it is killed with all that it started, and nothing was measured.
    #[serde(default = "default_timeout")]
    pub timeout: Period,
    /// The folder to run in, relative to `runbook.toml`.
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// Variables for the program. Their values are taken out of evidence, as are those of `pass_env`.
    #[serde(default)]
    pub env: EnvironmentTable,
    /// Names of variables to pass on, beside `PATH`, `HOME`, `LANG`, `LC_ALL`, `TZ`, `TMPDIR` and `USER`.
    #[serde(default)]
    pub pass_env: Vec<String>,
    /// Exit codes as plugins of Nagios give them: 0 is healthy, 1 degraded, 2 unhealthy, and everything else unknown.
    #[serde(default)]
    pub nagios: bool,
    /// The exit codes that mean degraded.
    #[serde(default)]
    pub degraded_codes: ExitCodes,
    /// The exit codes by which the program says that it could not measure. 126 and 127 say so too, unless another key
    /// names them: a shell ends with them when it cannot start a program.
    #[serde(default)]
    pub unknown_codes: ExitCodes,
    /// What is expected; what is otherwise is unhealthy.
    #[serde(default)]
    pub expect: CommandExpectSettings,
    /// What is expected too; what is otherwise is only degraded.
    #[serde(default)]
    pub degrade: CommandDegradeSettings,
}

fn default_timeout() -> Period {
    Period::secs(10)
}

/// What is expected of a program that measures. All of it must hold for a healthy reading.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CommandExpectSettings {
    /// The exit codes of a healthy service; 0 by default.
    pub exit_code: Option<ExitCodes>,
    /// The text on standard output without the white space around it, or `~ ` and a regular expression to be found in
    /// it. Of more than 64 KiB, nobody can say.
    pub output: Option<String>,
}

/// What is expected of a program that measures, and is no fault when it is otherwise.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CommandDegradeSettings {
    /// As in `expect`.
    pub output: Option<String>,
}

/// Exit codes: one, or a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExitCodes(pub Vec<u8>);

impl<'de> Deserialize<'de> for ExitCodes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = ExitCodes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an exit code from 0 to 255, or a list of them")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<ExitCodes, E> {
                let code = u8::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self));
                Ok(ExitCodes(vec![code?]))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<ExitCodes, E> {
                let code = u8::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self));
                Ok(ExitCodes(vec![code?]))
            }

            /// What a variable holds is a text.
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ExitCodes, E> {
                let code = text.trim().parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self));
                Ok(ExitCodes(vec![code?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ExitCodes, A::Error> {
                let mut codes = Vec::new();
                while let Some(code) = items.next_element()? {
                    codes.push(code);
                }
                Ok(ExitCodes(codes))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

impl JsonSchema for ExitCodes {
    fn schema_name() -> Cow<'static, str> {
        "ExitCodes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = json_schema!({ "type": "integer", "minimum": 0, "maximum": 255 });
        json_schema!({
            "description": "an exit code, or a list of them",
            "oneOf": [one, { "type": "array", "items": one }],
            "examples": [0, [0, 3]],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_code_or_several() {
        let read = |json: &str| serde_json::from_str::<ExitCodes>(json).map(|codes| codes.0).map_err(|e| e.to_string());
        assert_eq!(read("0"), Ok(vec![0]));
        assert_eq!(read("[0, 255]"), Ok(vec![0, 255]));
        assert_eq!(read("\"3\""), Ok(vec![3]), "as a variable gives it");
        for wrong in ["256", "-1", "[256]", "\"many\"", "true", "1.5", "{}"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read("300").is_err_and(|error| error.contains("an exit code from 0 to 255")));
    }
}
