//! What may be asked: commands that only read, and whose work does not grow with everything that is stored.

use std::fmt;

use runbook_core::registry::BuildError;

/// The longest command, in bytes.
const MAX_LENGTH: usize = 4096;

/// Each command with the least and the most arguments that it takes. Those of two words come first.
const READING: &[(&str, usize, usize)] = &[
    ("CLUSTER INFO", 0, 0),
    ("OBJECT IDLETIME", 1, 1),
    ("MEMORY USAGE", 1, 1),
    ("XINFO STREAM", 1, 1),
    ("SLOWLOG LEN", 0, 0),
    ("PING", 0, 0),
    ("ROLE", 0, 0),
    ("TIME", 0, 0),
    ("DBSIZE", 0, 0),
    ("LASTSAVE", 0, 0),
    ("INFO", 0, 4),
    ("EXISTS", 1, 16),
    ("TYPE", 1, 1),
    ("TTL", 1, 1),
    ("PTTL", 1, 1),
    ("GET", 1, 1),
    ("STRLEN", 1, 1),
    ("GETRANGE", 3, 3),
    ("BITCOUNT", 1, 1),
    ("LLEN", 1, 1),
    ("LINDEX", 2, 2),
    ("HLEN", 1, 1),
    ("HGET", 2, 2),
    ("HEXISTS", 2, 2),
    ("HSTRLEN", 2, 2),
    ("SCARD", 1, 1),
    ("SISMEMBER", 2, 2),
    ("ZCARD", 1, 1),
    ("ZSCORE", 2, 2),
    ("ZRANK", 2, 2),
    ("ZCOUNT", 3, 3),
    ("XLEN", 1, 1),
];

/// A command that only reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    words: Vec<String>,
    field: Option<String>,
}

impl Command {
    /// Checks a command and the field of its answer that is judged.
    pub(super) fn parse(words: Vec<String>, field: Option<String>) -> Result<Self, BuildError> {
        let wrong = |problem: String| Err(BuildError::key("command", problem));
        if words.iter().map(String::len).sum::<usize>() > MAX_LENGTH {
            return wrong(format!("a command of more than {MAX_LENGTH} bytes is no probe"));
        }
        let two = words.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(" ");
        let one = words.first().map(String::as_str).unwrap_or_default();
        let known = READING.iter().find(|(name, ..)| {
            let written = if name.contains(' ') { two.as_str() } else { one };
            written.eq_ignore_ascii_case(name)
        });
        let Some((name, least, most)) = known else {
            let all: Vec<&str> = READING.iter().map(|(name, ..)| *name).collect();
            let shown = if one.is_empty() { "nothing".to_owned() } else { format!("{one:?}") };
            return wrong(format!("{shown} is no command that a probe may send; those are {}", all.join(", ")));
        };
        let arguments = words.len() - name.split(' ').count();
        if !(*least..=*most).contains(&arguments) {
            let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
            return wrong(format!("{name} takes {wanted} argument(s), and here are {arguments}"));
        }
        if field.is_some() && !matches!(*name, "INFO" | "CLUSTER INFO") {
            return Err(BuildError::key("field", format!("only `INFO` has fields, and {name} gives one value")));
        }
        Ok(Self { words, field })
    }

    pub(super) fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// As it is sent.
    pub(super) fn packed(&self) -> Vec<u8> {
        pack(&self.words.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// `GET greeting`, and `INFO role` where a field is judged.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words.join(" "))?;
        self.field.iter().try_for_each(|field| write!(f, " {field}"))
    }
}

/// A command on the wire: an array of texts, each with its length before it.
pub(super) fn pack(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n{word}\r\n", word.len()).into_bytes());
    }
    bytes
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;

    fn parse(command: &str, field: Option<&str>) -> Result<Command, BuildError> {
        Command::parse(command.split_whitespace().map(str::to_owned).collect(), field.map(str::to_owned))
    }

    #[test]
    fn commands_that_read_are_taken() {
        for command in ["PING", "get a", "INFO", "info replication", "EXISTS a b c", "cluster info", "GETRANGE a 0 5"] {
            assert_eq!(parse(command, None).unwrap().to_string(), command);
        }
        assert_eq!(parse("INFO", Some("role")).unwrap().to_string(), "INFO role");
        assert_eq!(parse("GET é", None).unwrap().packed(), "*2\r\n$3\r\nGET\r\n$2\r\né\r\n".as_bytes());
    }

    #[test]
    fn everything_else_is_refused_at_its_key() {
        for command in [
            "",
            "SET a b",
            "DEL a",
            "GETDEL a",
            "GETEX a",
            "FLUSHALL",
            "CONFIG GET *",
            "CLUSTER RESET",
            "MEMORY PURGE",
            "OBJECT",
            "EVAL x 0",
            "KEYS *",
            "DEBUG SLEEP 1",
            "SHUTDOWN",
            "SUBSCRIBE a",
            "MULTI",
            "AUTH x",
            "PING extra",
            "GET",
            "GET a b",
            "LRANGE a 0 -1",
        ] {
            assert_eq!(parse(command, None).unwrap_err().key.as_deref(), Some("command"), "{command}");
        }
        assert_eq!(parse("GET a", Some("role")).unwrap_err().key.as_deref(), Some("field"));
        assert!(Command::parse(vec!["GET".into(), "a".repeat(5000)], None).is_err());
        // A line break inside of a word stays inside of it.
        let word = Command::parse(vec!["GET".into(), "a\r\nFLUSHALL".into()], None).unwrap();
        assert_eq!(word.packed(), b"*2\r\n$3\r\nGET\r\n$11\r\na\r\nFLUSHALL\r\n");
    }
}
