//! Argv lists with placeholders. A placeholder's value stays one argument, or a part of one, and is never read again.

use std::fmt;

use runbook_core::registry::BuildError;

/// What may stand in braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placeholder {
    Version,
    Commit,
    Component,
    Environment,
}

impl Placeholder {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Version, Self::Commit, Self::Component, Self::Environment];

    fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Commit => "commit",
            Self::Component => "component",
            Self::Environment => "environment",
        }
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.name())
    }
}

/// The values of the placeholders, where they are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    pub(crate) version: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) component: Option<String>,
    pub(crate) environment: Option<String>,
}

impl Values {
    fn get(&self, placeholder: Placeholder) -> Option<&str> {
        match placeholder {
            Placeholder::Version => self.version.as_deref(),
            Placeholder::Commit => self.commit.as_deref(),
            Placeholder::Component => self.component.as_deref(),
            Placeholder::Environment => self.environment.as_deref(),
        }
    }
}

/// A placeholder that stands in a command has no value now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} has no value here")]
pub(crate) struct MissingValue(Placeholder);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Value(Placeholder),
}

/// A command as it is configured: a program and its arguments, each with or without placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Argv(Vec<Vec<Part>>);

impl Argv {
    /// Reads a command; `allowed` are the placeholders that have a value where it runs.
    ///
    /// # Errors
    /// An empty command, an unknown placeholder or a single brace, at `key`.
    pub(crate) fn parse(key: &str, argv: &[String], allowed: &[Placeholder]) -> Result<Self, BuildError> {
        let wrong = |message: String| BuildError::key(key, message);
        if argv.first().is_none_or(|program| program.trim().is_empty()) {
            return Err(wrong("the command is empty; give it as a list: [\"program\", \"argument\"]".to_owned()));
        }
        let parse = |argument: &String| {
            parse_argument(argument, allowed).map_err(|problem| wrong(format!("{argument:?}: {problem}")))
        };
        argv.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// The command with its values. Each configured argument becomes exactly one argument.
    pub(crate) fn expand(&self, values: &Values) -> Result<Vec<String>, MissingValue> {
        let expand = |parts: &Vec<Part>| {
            parts.iter().try_fold(String::new(), |mut argument, part| {
                argument.push_str(match part {
                    Part::Literal(text) => text,
                    Part::Value(placeholder) => values.get(*placeholder).ok_or(MissingValue(*placeholder))?,
                });
                Ok(argument)
            })
        };
        self.0.iter().map(expand).collect()
    }

    /// Whether a placeholder stands in the command.
    pub(crate) fn uses(&self, placeholder: Placeholder) -> bool {
        self.0.iter().flatten().any(|part| *part == Part::Value(placeholder))
    }
}

fn parse_argument(argument: &str, allowed: &[Placeholder]) -> Result<Vec<Part>, String> {
    if argument.contains('\0') {
        return Err("no argument can hold a null character".to_owned());
    }
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = argument;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        literal.push_str(before);
        if brace.starts_with("{{") || brace.starts_with("}}") {
            literal.push_str(&brace[..1]);
            rest = &brace[2..];
            continue;
        }
        let name = brace.strip_prefix('{').and_then(|brace| brace.split_once('}'));
        let (name, after) = name.ok_or_else(|| "a single brace; write {{ or }} for a literal one".to_owned())?;
        let placeholder = Placeholder::ALL.into_iter().find(|known| known.name() == name);
        let placeholder = placeholder.filter(|known| allowed.contains(known)).ok_or_else(|| {
            let known: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            let known = known.join(", ");
            match placeholder {
                Some(other) => format!("{other} has no value in this command; known here: {known}"),
                None => format!("unknown placeholder {{{name}}}; known here: {known}; write {{{{ for a literal brace"),
            }
        })?;
        if !literal.is_empty() {
            parts.push(Part::Literal(std::mem::take(&mut literal)));
        }
        parts.push(Part::Value(placeholder));
        rest = after;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at once")]
    use proptest::prelude::*;

    use super::*;

    fn parse(argv: &[&str]) -> Result<Argv, BuildError> {
        let argv: Vec<String> = argv.iter().map(|&argument| argument.to_owned()).collect();
        Argv::parse("deploy", &argv, &Placeholder::ALL)
    }

    fn values(version: &str) -> Values {
        Values { version: Some(version.into()), component: Some("api".into()), ..Values::default() }
    }

    #[test]
    fn placeholders_stand_for_whole_arguments_and_for_parts() {
        let argv = parse(&["./deploy", "{version}", "--tag={component}:{version}", "{{}}", ""]).unwrap();
        assert_eq!(argv.expand(&values("v1")).unwrap(), ["./deploy", "v1", "--tag=api:v1", "{}", ""]);
        assert!(argv.uses(Placeholder::Version) && !argv.uses(Placeholder::Commit));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_words_that_help() {
        let refused = |argv: &[&str]| parse(argv).unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                refused(&[]),
                refused(&[" "]),
                refused(&["x", "{versoin}"]),
                refused(&["x", "{"]),
                refused(&["x", "a}b"]),
                refused(&["x", "a\0b"]),
                Argv::parse("stop", &["x".into(), "{version}".into()], &[Placeholder::Component])
                    .unwrap_err()
                    .to_string(),
                parse(&["x", "{commit}"]).unwrap().expand(&values("v1")).unwrap_err().to_string(),
            ]
            .join("\n")
        );
    }

    proptest! {
        #[test]
        fn a_value_is_never_read_again(value in ".{0,40}") {
            let argv = parse(&["x", "{version}", "a{version}b"]).unwrap();
            let smuggled = format!("{value}{{component}}; rm -rf $HOME");
            let expanded = argv.expand(&values(&smuggled)).unwrap();
            prop_assert_eq!(expanded, ["x".to_owned(), smuggled.clone(), format!("a{smuggled}b")]);
        }

        #[test]
        fn doubled_braces_give_any_text_back(text in "[^\0]{0,40}") {
            let escaped = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(parse(&["x", &escaped]).unwrap().expand(&Values::default()).unwrap()[1].clone(), text);
        }
    }
}
