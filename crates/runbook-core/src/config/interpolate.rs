//! `${NAME}` and `${NAME:-default}` in values: one pass, so that a value can never smuggle in another variable.
//! `$${` stands for a plain `${`. A variable that is empty counts as unset.

use super::{
    error::{ConfigError, Fault, Source},
    tree::{Node, Table, Value},
};

/// Fills every string of a table in.
pub(super) fn table(
    source: &Source,
    path: &str,
    table: &mut Table,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    for (key, node) in &mut table.0 {
        self::node(source, &join(path, &key.name), node, lookup)?;
    }
    Ok(())
}

pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn node(
    source: &Source,
    path: &str,
    node: &mut Node,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    match &mut node.value {
        Value::String(text) if text.contains("${") => {
            let filled = fill(text, lookup).map_err(|problem| {
                let fault = Fault { path: path.to_owned(), ..problem };
                ConfigError::new(source, node.span.clone(), fault)
            })?;
            *text = filled.text;
            node.interpolated = filled.variables > 0;
            node.defaulted = filled.defaulted;
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                self::node(source, &format!("{path}[{at}]"), item, lookup)?;
            }
        }
        Value::Table(inner) => table(source, path, inner, lookup)?,
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => {}
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq, Default)]
struct Filled {
    text: String,
    variables: usize,
    defaulted: Vec<String>,
}

fn fill(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Filled, Fault> {
    let mut filled = Filled::default();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if let Some(before) = rest[..at].strip_suffix('$') {
            filled.text.push_str(before);
            filled.text.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        filled.text.push_str(&rest[..at]);
        let inner = &rest[at + 2..];
        let end = inner
            .find('}')
            .ok_or_else(|| Fault::new("", "`${` has no closing `}`").hint("write `$${` for a plain `${`"))?;
        let (name, default) = match inner[..end].split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (&inner[..end], None),
        };
        let is_name = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(Fault::new("", format!("`{name}` is not the name of a variable"))
                .hint("letters, digits and `_`, as in `${FASTAPI_URL:-http://localhost:8000}`"));
        }
        match (lookup(name), default) {
            (Some(value), _) => filled.text.push_str(&value),
            (None, Some(default)) => {
                filled.text.push_str(default);
                filled.defaulted.push(name.to_owned());
            }
            (None, None) => {
                return Err(Fault::new("", format!("the variable `{name}` is not set"))
                    .hint(format!("set it, or give a default: `${{{name}:-…}}`")));
            }
        }
        filled.variables += 1;
        rest = &inner[end + 1..];
    }
    filled.text.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        match name {
            "API" => Some("${API_KEY}".to_owned()),
            "API_KEY" => Some("secret".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn a_value_cannot_smuggle_in_another_variable() {
        let filled = fill("${API}/${API_KEY}/${NO:-${x}", &lookup).unwrap();
        assert_eq!(filled.text, "${API_KEY}/secret/${x");
        assert_eq!(filled.defaulted, ["NO"]);
        assert_eq!(fill("a $${API} b", &lookup).unwrap().text, "a ${API} b");
    }

    #[test]
    fn what_cannot_be_filled_says_why() {
        assert_eq!(fill("${MISSING}", &lookup).unwrap_err().message, "the variable `MISSING` is not set");
        assert!(fill("${OPEN", &lookup).is_err());
        assert!(fill("${a b}", &lookup).is_err());
        assert!(fill("${}", &lookup).is_err());
    }
}
