//! The secrets of a request: read from their variables once, sent to the configured origin only, and hidden everywhere
//! else.

use data_encoding::BASE64;
use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, HeaderValue},
};
use runbook_core::{
    Secret,
    registry::{BuildError, Scope},
};

use super::{HttpSettings, address::Address, build::header_name};

/// What a request holds of secrets.
#[derive(Default)]
pub(super) struct Login {
    /// As they are sent.
    pub(super) headers: HeaderMap,
    /// In all the forms in which a service may echo them.
    pub(super) hidden: Vec<Secret>,
    /// Why the request cannot be sent, in words. A variable that is not set is no error of the configuration: another
    /// command may need it without that variable.
    pub(super) missing: Option<String>,
}

impl Login {
    pub(super) fn read(settings: &HttpSettings, address: &Address, scope: &Scope) -> Result<Self, BuildError> {
        let mut login = Self::default();
        login.hidden.extend(address.secrets());
        login.read_authorization(settings, address, scope)?;
        for (written, variable) in &settings.headers_env {
            let name = header_name("headers_env", written)?;
            let wrong = |problem: &str| BuildError::key(format!("headers_env.{written}"), problem);
            if variable.is_empty() {
                return Err(wrong("the name of a variable is missing"));
            }
            if login.headers.contains_key(&name) {
                return Err(wrong(if name == AUTHORIZATION {
                    "`basic_env`, `bearer_env` or the URL already says who asks"
                } else {
                    "this header stands here twice"
                }));
            }
            let Some(secret) = scope.variables.secret(variable) else {
                login.lack(format!("{variable} is not set, so the header {written} cannot be sent"));
                // The name is taken all the same.
                login.headers.insert(name, HeaderValue::from_static(""));
                continue;
            };
            let value = secret.reveal().trim();
            login.insert(name, value, variable);
            // `Token abc`: a service may name the token alone.
            login.hidden.extend(value.split_once(' ').map(|(_, token)| Secret::new(token)));
            login.hidden.push(secret);
        }
        Ok(login)
    }

    fn read_authorization(
        &mut self,
        settings: &HttpSettings,
        address: &Address,
        scope: &Scope,
    ) -> Result<(), BuildError> {
        let (key, variable) = match (&settings.basic_env, &settings.bearer_env, &address.login) {
            (Some(_), Some(_), _) => {
                return Err(BuildError::key(
                    "bearer_env",
                    "`basic_env` already says who asks; one of the two is enough",
                ));
            }
            (None, None, None) => return Ok(()),
            (None, None, Some(login)) => {
                self.insert_basic(login, "the URL's user and password");
                return Ok(());
            }
            (Some(variable), None, None) => ("basic_env", variable),
            (None, Some(variable), None) => ("bearer_env", variable),
            (basic, _, Some(_)) => {
                let key = if basic.is_some() { "basic_env" } else { "bearer_env" };
                return Err(BuildError::key(key, "the URL already holds a user; one of the two is enough"));
            }
        };
        if variable.is_empty() {
            return Err(BuildError::key(key, "the name of a variable is missing"));
        }
        let Some(secret) = scope.variables.secret(variable) else {
            self.lack(format!("{variable} is not set, so the request cannot say who asks"));
            self.headers.insert(AUTHORIZATION, HeaderValue::from_static(""));
            return Ok(());
        };
        if key == "basic_env" {
            self.insert_basic(&secret, variable);
        } else {
            self.insert(AUTHORIZATION, &format!("Bearer {}", secret.reveal().trim()), variable);
            self.hidden.push(secret);
        }
        Ok(())
    }

    fn insert_basic(&mut self, login: &Secret, source: &str) {
        let plain = login.reveal().trim();
        let encoded = Secret::new(BASE64.encode(plain.as_bytes()));
        self.insert(AUTHORIZATION, &format!("Basic {}", encoded.reveal()), source);
        let password = plain.split_once(':').map(|(_, password)| Secret::new(password));
        self.hidden.extend([login.clone(), encoded].into_iter().chain(password));
    }

    /// `source` is named when the value cannot be sent.
    fn insert(&mut self, name: hyper::header::HeaderName, value: &str, source: &str) {
        let value = HeaderValue::from_str(value).map_or_else(
            |_| {
                self.lack(format!("{source} has a character that no header may hold, such as a line break"));
                HeaderValue::from_static("")
            },
            |mut value| {
                value.set_sensitive(true);
                value
            },
        );
        self.headers.insert(name, value);
    }

    /// Of several reasons, the first one is told.
    fn lack(&mut self, words: String) {
        self.missing.get_or_insert(words);
    }
}
