//! How a kind is defined: its name, its settings, and how it is built from them.
//!
//! All five traits have one shape. `Settings` is deserialised from the table with unknown keys refused by the reader,
//! so a definition only says what it knows; `build` checks what types cannot say, and names the key that is wrong.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Ports, Scope};
use crate::ports::{Ci, Deployer, Notifier, Probe, Stage};

/// Settings that have the right types and still cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BuildError {
    /// The key that is wrong, relative to the table (`expect.status`); the place in the file is found by it.
    pub key: Option<String>,
    /// What is wrong and what is expected.
    pub message: String,
}

impl BuildError {
    /// An error of one key.
    pub fn key(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: Some(key.into()), message: message.into() }
    }

    /// An error of the table as a whole.
    pub fn table(message: impl Into<String>) -> Self {
        Self { key: None, message: message.into() }
    }
}

/// A kind of probe: `[[service.probe]] kind = "…"`.
pub trait ProbeDefinition: Probe + Sized + 'static {
    /// The kind's name.
    const KIND: &'static str;
    /// Its keys, beside `kind`.
    type Settings: DeserializeOwned + JsonSchema;
    /// Builds it for the service of `scope`. Opens nothing and asks nobody.
    ///
    /// # Errors
    /// [`BuildError`] with the key that is wrong.
    fn build(settings: Self::Settings, scope: &Scope) -> Result<Self, BuildError>;
}

/// A kind of deployer: `deploy = { kind = "…" }` of a service, or `[deploy] kind = "…"` for all.
pub trait DeployerDefinition: Deployer + Sized + 'static {
    /// The kind's name.
    const KIND: &'static str;
    /// Its keys, beside `kind`.
    type Settings: DeserializeOwned + JsonSchema;
    /// Builds it for the service of `scope`. Starts nothing.
    ///
    /// # Errors
    /// [`BuildError`] with the key that is wrong.
    fn build(settings: Self::Settings, scope: &Scope) -> Result<Self, BuildError>;
}

/// A kind of CI: `[ci] kind = "…"`.
pub trait CiDefinition: Ci + Sized + 'static {
    /// The kind's name.
    const KIND: &'static str;
    /// Its keys, beside `kind`.
    type Settings: DeserializeOwned + JsonSchema;
    /// Builds it. Starts nothing.
    ///
    /// # Errors
    /// [`BuildError`] with the key that is wrong.
    fn build(settings: Self::Settings, scope: &Scope) -> Result<Self, BuildError>;
}

/// A kind of notifier: `[[notify]] kind = "…"`.
pub trait NotifierDefinition: Notifier + Sized + 'static {
    /// The kind's name.
    const KIND: &'static str;
    /// Its keys, beside `kind`.
    type Settings: DeserializeOwned + JsonSchema;
    /// Builds it; `Ok(None)` when the variable that holds its address is not set, which turns it off.
    ///
    /// # Errors
    /// [`BuildError`] with the key that is wrong.
    fn build(settings: Self::Settings, scope: &Scope) -> Result<Option<Self>, BuildError>;
}

/// A kind of stage: `[[stage]] kind = "…"  with = { … }`.
pub trait StageDefinition: Stage + Sized + 'static {
    /// The kind's name.
    const KIND: &'static str;
    /// The keys of `with`.
    type Settings: DeserializeOwned;
    /// Builds it with its collaborators.
    ///
    /// # Errors
    /// [`BuildError`] with the key that is wrong.
    fn build(settings: Self::Settings, ports: &Ports) -> Result<Self, BuildError>;
}
