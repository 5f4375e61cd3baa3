//! The kinds that are known, each with the function that builds it from a place in the configuration.

use std::{collections::BTreeMap, fmt, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

use super::{
    BuildError, CiDefinition, DeployerDefinition, NotifierDefinition, Ports, ProbeDefinition, Scope, StageDefinition,
};
use crate::{
    config::{ConfigError, Kinded},
    ports::{Ci, Deployer, Notifier, Probe, Stage},
    stages,
};

/// A probe with its kind, for evidence and progress.
#[derive(Debug, Clone)]
pub struct BuiltProbe {
    /// Its kind.
    pub kind: String,
    /// The probe.
    pub probe: Arc<dyn Probe>,
}

type Build<T, C> = Arc<dyn Fn(&Kinded, &C) -> Result<T, ConfigError> + Send + Sync>;

/// The kinds of one port.
struct Kinds<T, C> {
    builders: BTreeMap<&'static str, Build<T, C>>,
    schemas: BTreeMap<&'static str, Schema>,
}

impl<T, C> Clone for Kinds<T, C> {
    fn clone(&self) -> Self {
        Self { builders: self.builders.clone(), schemas: self.schemas.clone() }
    }
}

impl<T, C> Default for Kinds<T, C> {
    fn default() -> Self {
        Self { builders: BTreeMap::new(), schemas: BTreeMap::new() }
    }
}

impl<T, C> fmt::Debug for Kinds<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.builders.keys()).finish()
    }
}

impl<T, C> Kinds<T, C> {
    fn add<S: DeserializeOwned>(
        &mut self,
        kind: &'static str,
        build: impl Fn(S, &C) -> Result<T, BuildError> + Send + Sync + 'static,
    ) {
        let build = move |table: &Kinded, context: &C| {
            let settings = table.settings::<S>()?;
            build(settings, context).map_err(|error| table.build_error(&error))
        };
        self.builders.insert(kind, Arc::new(build));
    }

    fn schema<S: JsonSchema>(&mut self, kind: &'static str) {
        self.schemas.insert(kind, SchemaGenerator::default().into_root_schema_for::<S>());
    }

    fn build(&self, what: &str, table: &Kinded, context: &C) -> Result<T, ConfigError> {
        match self.builders.get(table.kind.as_str()) {
            Some(build) => build(table, context),
            None => Err(table.unknown_kind(what, self.builders.keys().copied())),
        }
    }
}

/// All kinds that are known. Cheap to clone; a later registration of the same kind replaces the earlier one.
#[derive(Debug, Clone)]
pub struct Registry {
    probes: Kinds<Arc<dyn Probe>, Scope>,
    deployers: Kinds<Arc<dyn Deployer>, Scope>,
    ci: Kinds<Arc<dyn Ci>, Scope>,
    notifiers: Kinds<Option<Arc<dyn Notifier>>, Scope>,
    stages: Kinds<Arc<dyn Stage>, Ports>,
}

impl Default for Registry {
    /// The built-in stages, and nothing that touches the outside world.
    fn default() -> Self {
        let mut registry = Self {
            probes: Kinds::default(),
            deployers: Kinds::default(),
            ci: Kinds::default(),
            notifiers: Kinds::default(),
            stages: Kinds::default(),
        };
        registry.stage::<stages::SafetyGate>();
        registry.stage::<stages::CiStage>();
        registry.stage::<stages::BaselineStage>();
        registry.stage::<stages::Deploy>();
        registry.stage::<stages::Monitor>();
        registry.stage::<stages::Rollback>();
        registry.stage::<stages::Stop>();
        registry.stage::<stages::ReportStage>();
        registry
    }
}

impl Registry {
    /// Adds a kind of probe.
    pub fn probe<D: ProbeDefinition>(&mut self) -> &mut Self {
        self.probes.schema::<D::Settings>(D::KIND);
        self.probes.add(D::KIND, |settings, scope| Ok(Arc::new(D::build(settings, scope)?) as Arc<dyn Probe>));
        self
    }

    /// Adds a probe that needs no settings, such as one made by [`probe_fn`](crate::ports::probe_fn). Every table of the
    /// kind, and every service that has one, is answered by this one probe.
    pub fn probe_value(&mut self, kind: &'static str, probe: impl Probe + 'static) -> &mut Self {
        let probe: Arc<dyn Probe> = Arc::new(probe);
        self.probes.schema::<stages::NoSettings>(kind);
        self.probes.add(kind, move |_: stages::NoSettings, _| Ok(Arc::clone(&probe)));
        self
    }

    /// Adds a kind of deployer.
    pub fn deployer<D: DeployerDefinition>(&mut self) -> &mut Self {
        self.deployers.schema::<D::Settings>(D::KIND);
        self.deployers.add(D::KIND, |settings, scope| Ok(Arc::new(D::build(settings, scope)?) as Arc<dyn Deployer>));
        self
    }

    /// Adds a kind of CI.
    pub fn ci<D: CiDefinition>(&mut self) -> &mut Self {
        self.ci.schema::<D::Settings>(D::KIND);
        self.ci.add(D::KIND, |settings, scope| Ok(Arc::new(D::build(settings, scope)?) as Arc<dyn Ci>));
        self
    }

    /// Adds a kind of notifier.
    pub fn notifier<D: NotifierDefinition>(&mut self) -> &mut Self {
        self.notifiers.schema::<D::Settings>(D::KIND);
        self.notifiers.add(D::KIND, |settings, scope| {
            Ok(D::build(settings, scope)?.map(|notifier| Arc::new(notifier) as Arc<dyn Notifier>))
        });
        self
    }

    /// Adds a kind of stage; a built-in kind's name replaces the built-in stage.
    pub fn stage<D: StageDefinition>(&mut self) -> &mut Self {
        self.stages.add(D::KIND, |settings, ports| Ok(Arc::new(D::build(settings, ports)?) as Arc<dyn Stage>));
        self
    }

    /// Adds a stage that needs no settings, such as one made by [`stage_fn`](crate::ports::stage_fn).
    pub fn stage_value(&mut self, kind: &'static str, stage: impl Stage + 'static) -> &mut Self {
        let stage: Arc<dyn Stage> = Arc::new(stage);
        self.stages.add(kind, move |_: stages::NoSettings, _| Ok(Arc::clone(&stage)));
        self
    }

    /// Builds a probe.
    ///
    /// # Errors
    /// With the place in the file, when the kind is unknown or its settings are wrong.
    pub fn build_probe(&self, table: &Kinded, scope: &Scope) -> Result<BuiltProbe, ConfigError> {
        let probe = self.probes.build("probe", table, scope)?;
        Ok(BuiltProbe { kind: table.kind.as_str().to_owned(), probe })
    }

    /// Builds a deployer.
    ///
    /// # Errors
    /// As [`Registry::build_probe`].
    pub fn build_deployer(&self, table: &Kinded, scope: &Scope) -> Result<Arc<dyn Deployer>, ConfigError> {
        self.deployers.build("deployer", table, scope)
    }

    /// Builds CI.
    ///
    /// # Errors
    /// As [`Registry::build_probe`].
    pub fn build_ci(&self, table: &Kinded, scope: &Scope) -> Result<Arc<dyn Ci>, ConfigError> {
        self.ci.build("CI", table, scope)
    }

    /// Builds a notifier; `None` when it is turned off by an unset variable.
    ///
    /// # Errors
    /// As [`Registry::build_probe`].
    pub fn build_notifier(&self, table: &Kinded, scope: &Scope) -> Result<Option<Arc<dyn Notifier>>, ConfigError> {
        self.notifiers.build("notifier", table, scope)
    }

    /// Builds a stage.
    ///
    /// # Errors
    /// As [`Registry::build_probe`].
    pub fn build_stage(&self, table: &Kinded, ports: &Ports) -> Result<Arc<dyn Stage>, ConfigError> {
        self.stages.build("stage", table, ports)
    }

    /// The settings of each kind, by port, as JSON Schema: (`probe`, `deployer`, `ci`, `notifier`) → kind → schema.
    pub fn schemas(&self) -> BTreeMap<&'static str, &BTreeMap<&'static str, Schema>> {
        BTreeMap::from([
            ("probe", &self.probes.schemas),
            ("deployer", &self.deployers.schemas),
            ("ci", &self.ci.schemas),
            ("notifier", &self.notifiers.schemas),
        ])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::path::Path;

    use super::*;
    use crate::{
        config::Document,
        ports::probe_fn,
        registry::Lookup,
        words::{Health, Reading},
    };

    /// A registry with a closure as the kind `freezer`.
    fn registry() -> Registry {
        let mut registry = Registry::default();
        registry.probe_value(
            "freezer",
            probe_fn("freezer", || Box::pin(async { Ok(Reading::new(Health::Degraded, "-4 degrees")) })),
        );
        registry
    }

    /// Builds the probe of a service whose table of it holds these lines.
    fn build(registry: &Registry, lines: &str) -> Result<BuiltProbe, ConfigError> {
        let text = format!(
            "schema = 1\nproject = {{ name = \"Shop\" }}\n[[service]]\nid = \"api\"\n[[service.probe]]\n{lines}\n"
        );
        let none = Lookup::fixed::<String, String>([]);
        let config =
            Document::parse(Path::new("runbook.toml"), &text)?.config(&"production".parse().unwrap(), &none)?;
        let scope = Scope::bare(&config.project.name, config.environment.clone(), "project");
        registry.build_probe(&config.services[0].probes[0], &scope)
    }

    #[tokio::test]
    async fn a_closure_is_a_kind_of_probe() {
        let registry = registry();
        let built = build(&registry, "kind = \"freezer\"").unwrap();
        assert_eq!(built.kind, "freezer");
        let reading = built.probe.sample().await.unwrap();
        assert_eq!((reading.health, reading.evidence.as_str()), (Health::Degraded, "-4 degrees"));
        assert!(registry.schemas()["probe"].contains_key("freezer"), "editors know it too");
    }

    #[test]
    fn a_closure_takes_no_settings() {
        let error = build(&registry(), "kind = \"freezer\"\ndegrees = 4").unwrap_err();
        assert_eq!((error.line, error.column, error.key.as_deref()), (7, 1, Some("service[0].probe[0]")));
        assert_eq!(error.message, "unknown key `degrees`");
        let error = build(&registry(), "kind = \"freezr\"").unwrap_err();
        assert_eq!((error.line, error.hint.as_deref()), (6, Some("did you mean `freezer`?")));
    }
}
