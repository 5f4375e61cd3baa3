//! Whether a probe may be tried from this machine at all.

use runbook_core::{ports::ProbeError, registry::Scope};

use crate::transport::Host;

/// What the scope says about reaching the target, kept until a sample is taken.
#[derive(Debug, Clone)]
pub(crate) struct Reach(Option<String>);

impl Reach {
    /// `named`: the probe's own table names the host. A named host elsewhere can be reached although the service's
    /// URL cannot; a named loopback host is as far away as the service.
    pub(crate) fn of(scope: &Scope, host: &Host, named: bool) -> Self {
        let words = scope.service.as_ref().and_then(|service| service.out_of_reach.clone());
        // Also where the service itself is elsewhere.
        let own = || format!("`{host}` is this machine itself, and this runner has no service of its own");
        let words = words.filter(|_| !named || host.ends_here());
        Self(words.or_else(|| (scope.hosted_runner && named && host.ends_here()).then(own)))
    }

    /// # Errors
    /// With the scope's words, when the target is out of reach.
    pub(crate) fn check(&self) -> Result<(), ProbeError> {
        match &self.0 {
            Some(words) => Err(ProbeError::new(words.clone())),
            None => Ok(()),
        }
    }
}
