//! Where a probe asks, and as whom: from its own keys, a URL in a variable, or the service's URL.

use std::path::PathBuf;

use runbook_core::{
    Secret,
    registry::{BuildError, Scope},
};

use super::{Protocol, TlsMode, security::Security, url::DatabaseUrl};
use crate::{probes::target::Target, reach::Reach, transport::Host};

/// The keys that every probe of a database has.
#[derive(Debug, Default)]
pub(in crate::probes) struct Place {
    pub(in crate::probes) host: Option<String>,
    pub(in crate::probes) port: Option<u16>,
    pub(in crate::probes) database: Option<String>,
    pub(in crate::probes) user: Option<String>,
    pub(in crate::probes) password_env: Option<String>,
    pub(in crate::probes) url_env: Option<String>,
    pub(in crate::probes) tls: Option<TlsMode>,
    pub(in crate::probes) ca_file: Option<PathBuf>,
}

/// Where to ask, and as whom.
#[derive(Debug, Clone)]
pub(in crate::probes) struct Login {
    pub(in crate::probes) host: Host,
    pub(in crate::probes) port: u16,
    pub(in crate::probes) database: Option<String>,
    pub(in crate::probes) user: Option<String>,
    pub(in crate::probes) password: Option<Secret>,
}

/// What a probe keeps of its place.
#[derive(Debug)]
pub(super) struct Found {
    /// `Err` says in words why nobody can be asked.
    pub(super) login: Result<Login, String>,
    pub(super) reach: Option<Reach>,
    pub(super) security: Security,
    /// In all forms in which they may turn up.
    pub(super) secrets: Vec<Secret>,
}

impl Place {
    /// Finds the place. A variable that is not set is no error yet: another command may need the configuration without
    /// it.
    pub(super) fn find<P: Protocol>(self, scope: &Scope) -> Result<Found, BuildError> {
        let mut secrets = Vec::new();
        let (login, named, url_tls) = match &self.url_env {
            Some(variable) => {
                self.check_alone()?;
                let (login, tls) = of_variable::<P>(variable, scope, &mut secrets)?;
                (login, true, tls)
            }
            None => {
                let (login, tls) = self.of_keys::<P>(scope, &mut secrets)?;
                (login, self.host.is_some(), tls)
            }
        };
        let security = self.security::<P>(url_tls, scope)?;
        let reach = login.as_ref().ok().map(|login| Reach::of(scope, &login.host, named));
        Ok(Found { login, reach, security, secrets })
    }

    fn check_alone(&self) -> Result<(), BuildError> {
        for (key, is_set) in [
            ("host", self.host.is_some()),
            ("port", self.port.is_some()),
            ("database", self.database.is_some()),
            ("user", self.user.is_some()),
            ("password_env", self.password_env.is_some()),
        ] {
            if is_set {
                let problem = format!("`url_env` names a whole address, so `{key}` has no place beside it");
                return Err(BuildError::key(key, problem));
            }
        }
        Ok(())
    }

    fn of_keys<P: Protocol>(
        &self,
        scope: &Scope,
        secrets: &mut Vec<Secret>,
    ) -> Result<(Result<Login, String>, Option<TlsMode>), BuildError> {
        for (key, text) in [("user", &self.user), ("database", &self.database)] {
            if text.as_ref().is_some_and(|text| text.contains('\0')) {
                return Err(BuildError::key(key, "the character NUL has no place in a name"));
            }
        }
        if self.port == Some(0) {
            return Err(BuildError::key("port", "port 0 cannot be connected to"));
        }
        let host = self.host.as_deref().map(Host::parse).transpose();
        let own_host = host.map_err(|problem| BuildError::key("host", problem))?;
        let mut tls = None;
        let mut login = match own_host {
            // Another host has its own users and passwords.
            Some(host) => Login { host, port: P::PORT, database: None, user: None, password: None },
            None => {
                let (login, url_tls) = of_service::<P>(scope, secrets)?;
                tls = url_tls;
                login
            }
        };
        login.port = self.port.unwrap_or(login.port);
        login.database = self.database.clone().or(login.database);
        if let Some(user) = &self.user {
            login.user = Some(user.clone());
            login.password = None;
        }
        if login.user.as_ref().is_none_or(String::is_empty) && P::NEEDS_USER {
            return Err(BuildError::key("user", "the server wants to know who asks: the name of a user is missing"));
        }
        let Some(variable) = &self.password_env else { return Ok((Ok(login), tls)) };
        if variable.is_empty() {
            return Err(BuildError::key("password_env", "the name of a variable is missing"));
        }
        let Some(password) = scope.variables.secret(variable) else {
            return Ok((Err(format!("{variable} is not set, so nobody can log in")), tls));
        };
        secrets.push(password.clone());
        login.password = Some(password);
        Ok((Ok(login), tls))
    }

    fn security<P: Protocol>(&self, url_tls: Option<TlsMode>, scope: &Scope) -> Result<Security, BuildError> {
        let by_file = self.ca_file.is_some().then_some(TlsMode::Verify);
        let mode = self.tls.or(by_file).or(url_tls).unwrap_or(P::TLS);
        if mode == TlsMode::Prefer && P::TLS != TlsMode::Prefer {
            let problem = format!("{} cannot offer TLS, it is there or not: `off`, `require` or `verify`", P::NAME);
            return Err(BuildError::key("tls", problem));
        }
        if self.ca_file.is_some() && mode != TlsMode::Verify {
            return Err(BuildError::key("ca_file", "only `tls = \"verify\"` asks whom to trust"));
        }
        Ok(Security::new(mode, self.ca_file.as_ref().map(|file| scope.root.join(file))))
    }
}

fn of_variable<P: Protocol>(
    variable: &str,
    scope: &Scope,
    secrets: &mut Vec<Secret>,
) -> Result<(Result<Login, String>, Option<TlsMode>), BuildError> {
    if variable.is_empty() {
        return Err(BuildError::key("url_env", "the name of a variable is missing"));
    }
    let Some(url) = scope.variables.secret(variable) else {
        return Ok((Err(format!("{variable} is not set, so nobody knows where to ask")), None));
    };
    secrets.push(url.clone());
    let (login, tls) = match of_url::<P>(url.reveal().trim(), secrets) {
        Ok(found) => found,
        Err(problem) => return Ok((Err(format!("{variable} {problem}")), None)),
    };
    if P::NEEDS_USER && login.user.is_none() {
        return Ok((Err(format!("{variable} names no user, and the server wants to know who asks")), tls));
    }
    Ok((Ok(login), tls))
}

/// Of a URL of the database's own kind, everything; of any other, the host, and the port unless it is the web's.
fn of_service<P: Protocol>(scope: &Scope, secrets: &mut Vec<Secret>) -> Result<(Login, Option<TlsMode>), BuildError> {
    let url = scope.service.as_ref().and_then(|service| service.url.as_deref());
    if let Some(url) = url.filter(|url| DatabaseUrl::is_one(url, P::SCHEMES)) {
        return of_url::<P>(url, secrets)
            .map_err(|problem| BuildError::table(format!("the service's `url` {problem}")));
    }
    let target = Target::of_service(scope)?
        .ok_or_else(|| BuildError::table("the service has no `url`, so the probe needs `host` or `url_env`"))?;
    let is_web = matches!(target.scheme.as_str(), "http" | "https");
    let port = target.port.filter(|_| !is_web).unwrap_or(P::PORT);
    Ok((Login { host: target.host, port, database: None, user: None, password: None }, None))
}

fn of_url<P: Protocol>(url: &str, secrets: &mut Vec<Secret>) -> Result<(Login, Option<TlsMode>), String> {
    let url = DatabaseUrl::parse(url, P::SCHEMES)?;
    secrets.extend(url.password.iter().chain(&url.written_password).cloned());
    let port = url.port.unwrap_or(P::PORT);
    Ok((Login { host: url.host, port, database: url.database, user: url.user, password: url.password }, url.tls))
}
