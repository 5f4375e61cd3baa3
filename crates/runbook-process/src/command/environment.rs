//! What a child may know of its surroundings: a short list of variables, and what the owner names.

use std::{collections::BTreeMap, fmt};

use runbook_core::registry::{BuildError, Lookup};
use serde::{Deserialize, Serialize};

/// What programs need to find other programs, their home and their language, and nothing that holds a secret.
const ALLOWED: [&str; 7] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER"];

/// The variables of an `env = { … }` table. It prints its names only, because a value may come from anywhere.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct EnvironmentTable(pub BTreeMap<String, String>);

impl fmt::Debug for EnvironmentTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The environment that children get.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    variables: Lookup,
    own: EnvironmentTable,
    pass: Vec<String>,
}

impl Surroundings {
    /// Takes `env` and `pass_env` of the settings.
    ///
    /// # Errors
    /// A name that no variable can have.
    pub(crate) fn new(variables: &Lookup, own: &EnvironmentTable, pass: &[String]) -> Result<Self, BuildError> {
        let named = own.0.keys().map(|name| ("env", name)).chain(pass.iter().map(|name| ("pass_env", name)));
        for (key, name) in named {
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(BuildError::key(key, format!("{name:?} is not the name of a variable")));
            }
        }
        if let Some((name, _)) = own.0.iter().find(|(_, value)| value.contains('\0')) {
            return Err(BuildError::key("env", format!("the value of {name} holds a null character")));
        }
        Ok(Self { variables: variables.clone(), own: own.clone(), pass: pass.to_vec() })
    }

    /// The variables now: the allowed and the passed ones as far as they are set, then `env`, which wins.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        let passed = ALLOWED.into_iter().chain(self.pass.iter().map(String::as_str));
        let mut all: BTreeMap<String, String> =
            passed.filter_map(|name| Some((name.to_owned(), self.variables.get(name)?))).collect();
        all.extend(self.own.0.clone());
        all
    }

    /// Where programs are looked for.
    pub(crate) fn path(&self) -> Option<String> {
        self.variables().remove("PATH")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    #[test]
    fn only_what_is_named_gets_through() {
        let variables =
            Lookup::fixed([("PATH", "/bin"), ("GITHUB_TOKEN", "secret"), ("PORT", "80"), ("EMPTY", ""), ("LANG", "C")]);
        let own = EnvironmentTable([("LANG".to_owned(), "de".to_owned())].into());
        let around = Surroundings::new(&variables, &own, &["PORT".into(), "EMPTY".into(), "UNSET".into()]).unwrap();
        let expected = [("LANG", "de"), ("PATH", "/bin"), ("PORT", "80")];
        assert_eq!(around.variables(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!(format!("{own:?}"), r#"{"LANG"}"#, "values do not print");
    }

    #[test]
    fn names_that_no_variable_can_have_are_refused() {
        let own = EnvironmentTable([("A=B".to_owned(), String::new())].into());
        let none = Lookup::fixed::<&str, &str>([]);
        assert_eq!(Surroundings::new(&none, &own, &[]).unwrap_err().key.as_deref(), Some("env"));
        let passed = Surroundings::new(&none, &EnvironmentTable::default(), &[String::new()]);
        assert_eq!(passed.unwrap_err().key.as_deref(), Some("pass_env"));
    }
}
