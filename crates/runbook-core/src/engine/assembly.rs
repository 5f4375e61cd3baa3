//! Puts an engine together: configuration, registry and the outside world become stages with their collaborators.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use super::{Engine, EngineError, Ledger, LedgerPorts};
use crate::{
    config::{Config, ConfigError, Kinded},
    plan::{Access, Plan, PlanError, World, plan, stage_kind},
    ports::{
        Clock, EventSink, Forge, History, IssueTracker, Journal, Liveness, LocalLatch, Notifier, VersionControl,
        VersionError,
    },
    redact::Redactor,
    registry::{BuiltProbe, Lookup, Ports, Registry, Scope, ServiceScope},
    state::EnvironmentState,
    status::{ServiceFacts, StatusContext},
    watch::{Control, MaintenanceSchedule, Observed, Observer, ObserverParts, Rules},
    words::{Action, Difference, IdError, KindId, Live, Release, Request, Reverted, RunId, ServiceId},
};

/// The outside world, as a face hands it in.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The folder of `runbook.toml`.
    pub root: PathBuf,
    /// Where state is kept.
    pub state_dir: PathBuf,
    /// Variables.
    pub variables: Lookup,
    /// Takes secrets out of everything that leaves.
    pub redactor: Redactor,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who this process is, and whether others are over.
    pub liveness: Arc<dyn Liveness>,
    /// The environment's journal.
    pub journal: Arc<dyn Journal>,
    /// The stop latch's fallback.
    pub local_latch: Option<Arc<dyn LocalLatch>>,
    /// The repository, where there is one.
    pub version_control: Option<Arc<dyn VersionControl>>,
    /// The status issue's home; `Err` holds why there is none.
    pub issue_tracker: Result<Arc<dyn IssueTracker>, String>,
    /// The forge's checks, deployments and pull requests.
    pub forge: Forge,
    /// Readings over time, where kept.
    pub history: Option<Arc<dyn History>>,
    /// Who watches.
    pub sinks: Vec<Arc<dyn EventSink>>,
    /// Whether this is a GitHub-hosted runner, from which a loopback URL reaches nobody's service.
    pub hosted_runner: bool,
}

/// A request could not be turned into a plan.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The request does not fit the configuration.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The version cannot be used.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// A version was named, but nothing here knows versions.
    #[error("version {0:?} cannot be looked up: this is not a git repository")]
    NoRepository(String),
    /// The journal could not be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// Builds every probe, deployer, notifier and stage that the configuration names.
    ///
    /// # Errors
    /// At the first place of the configuration that cannot be built.
    pub fn assemble(config: &Config, registry: &Registry, world: &Surroundings) -> Result<Self, ConfigError> {
        let mut observed = BTreeMap::new();
        let mut deployers = BTreeMap::new();
        let mut facts = Vec::new();
        for service in &config.services {
            let scope = scope(config, world, Some(service_scope(service, world)));
            if let Some(table) = service.deploy.as_ref().or(config.deploy.deployer.as_ref()) {
                deployers.insert(service.id.clone(), registry.build_deployer(table, &scope)?);
            }
            let probes = service_probes(service, registry, &scope)?;
            let is_loopback =
                service.url.as_deref().and_then(Authority::of).is_some_and(|authority| authority.is_loopback());
            observed.insert(service.id.clone(), Observed { probes, over_network: !is_loopback });
            facts.extend(scope.service.map(|service| service.facts));
        }
        let scope = scope(config, world, None);
        let ci = config.ci.as_ref().map(|table| registry.build_ci(table, &scope)).transpose()?;
        let notifiers: Vec<Arc<dyn Notifier>> = config
            .notify
            .iter()
            .filter_map(|table| registry.build_notifier(table, &scope).transpose())
            .collect::<Result<_, _>>()?;
        let control = &config.control;
        let control = Control {
            probes: control.probes.iter().map(|table| registry.build_probe(table, &scope)).collect::<Result<_, _>>()?,
            require: control.require as usize,
        };
        let known = config.services.iter().map(|service| service.id.clone()).collect();
        let maintenance = MaintenanceSchedule::build(&config.maintenance, &known)
            .map_err(|problem| ConfigError::file("maintenance", problem.message, None))?;
        let observer = Observer::new(ObserverParts {
            environment: config.environment.clone(),
            services: observed,
            control,
            maintenance,
            history: world.history.clone(),
            clock: Arc::clone(&world.clock),
            concurrency: config.monitor.concurrency as usize,
        });
        let rules = Rules {
            alerts: config.services.iter().map(|s| (s.id.clone(), s.alerts.clone())).collect(),
            depends_on: config.services.iter().map(|s| (s.id.clone(), s.depends_on.clone())).collect(),
            baseline: config.monitor.baseline.clone(),
        };
        let status = StatusContext {
            project: config.project.name.clone(),
            environment: config.environment.clone(),
            default_environment: config.default_environment,
            services: facts,
            valid_for_s: u32::try_from(config.status_issue.valid_for.0.as_secs()).unwrap_or(u32::MAX),
            labels: config.status_issue.labels.clone(),
            workflow: config.status_issue.workflow.clone(),
            deploys: !deployers.is_empty(),
        };
        let ports = Ports {
            clock: Arc::clone(&world.clock),
            liveness: Arc::clone(&world.liveness),
            version_control: world.version_control.clone(),
            ci,
            deployers: Arc::new(deployers),
            observer: Arc::new(observer),
            rules: Arc::new(rules),
            issue_tracker: world.issue_tracker.clone(),
            forge: world.forge.clone(),
            notifiers,
            status: Arc::new(status),
            monitor: config.monitor.clone(),
            rollback: config.rollback.clone(),
            records: config.deploy.records.clone(),
            policy: config.policy.clone(),
            paths: Arc::new(config.services.iter().map(|s| (s.id.clone(), s.paths.clone())).collect()),
            runs_on: Arc::new(
                config
                    .services
                    .iter()
                    .filter(|s| !s.runs_on.is_empty())
                    .map(|s| (s.id.clone(), s.runs_on.clone()))
                    .collect(),
            ),
        };
        let mut built_in = BTreeMap::new();
        for kind in [
            stage_kind::SAFETY_GATE,
            stage_kind::CI,
            stage_kind::BASELINE,
            stage_kind::DEPLOY,
            stage_kind::MONITOR,
            stage_kind::ROLLBACK,
            stage_kind::STOP,
            stage_kind::REPORT,
        ] {
            let kind = KindId::new(kind).map_err(|error| ConfigError::file("built-in", error.to_string(), None))?;
            built_in.insert(kind.clone(), registry.build_stage(&Kinded::bare(kind), &ports)?);
        }
        let mut stages = BTreeMap::new();
        for custom in &config.stages {
            stages.insert(custom.id.clone(), registry.build_stage(&custom.kind, &ports)?);
        }
        let ledger = LedgerPorts {
            journal: Arc::clone(&world.journal),
            local_latch: world.local_latch.clone(),
            clock: Arc::clone(&world.clock),
            redactor: world.redactor.clone(),
            sinks: world.sinks.clone(),
        };
        Ok(Self { stages, built_in, ports, ledger })
    }

    /// The collaborators that the stages were built with.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Everything that the journal tells of the environment, with the stop latch wherever it is set.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub async fn environment(&self) -> Result<EnvironmentState, EngineError> {
        Ok(Ledger::open(self.ledger.clone(), RunId::new()).await?.state().await?.1)
    }

    /// Looks at the world and makes a plan of a request. Changes nothing.
    ///
    /// # Errors
    /// When the request, or the version that it names, cannot be used.
    pub async fn prepare(&self, request: &Request, config: &Config) -> Result<Plan, PrepareError> {
        let mut world = self.survey(request).await?;
        let first = plan(request, config, &world)?;
        world.reverted = self.reverted(&first).await;
        Ok(if world.reverted.is_empty() { first } else { plan(request, config, &world)? })
    }

    /// What each way back of a plan takes back. What the repository cannot tell is unknown here, and the gate decides what
    /// follows from that.
    async fn reverted(&self, plan: &Plan) -> Vec<Reverted> {
        let mut all = Vec::new();
        for (from, to) in plan.ways_back() {
            let (difference, unknown) = match self.difference(from, to).await {
                Ok(difference) => (difference, None),
                Err(why) => (Difference::default(), Some(why)),
            };
            all.push(Reverted { from: from.clone(), to: to.clone(), difference, unknown });
        }
        all
    }

    async fn difference(&self, from: &Release, to: &Release) -> Result<Difference, String> {
        let repository = self.ports.version_control.as_ref().ok_or("this is not a git repository")?;
        let commit =
            |release: &Release| release.commit.clone().ok_or_else(|| format!("nobody knows the commit of {release}"));
        let (from, to) = (commit(from)?, commit(to)?);
        repository
            .difference(&from, &to, &self.ports.rollback.irreversible)
            .await
            .map_err(|error| super::with_causes(&error))
    }

    async fn survey(&self, request: &Request) -> Result<World, PrepareError> {
        let ledger = match request.action {
            // A stop does not need to know anything to begin, and waits for nobody.
            Action::EmergencyStop => None,
            _ => Some(Ledger::open(self.ledger.clone(), RunId::new()).await?),
        };
        let (environment, latched) = match &ledger {
            Some(ledger) => (ledger.state().await?.1, ledger.latch().await.is_some()),
            None => (EnvironmentState::default(), false),
        };
        let mut live = BTreeMap::new();
        if request.action.changes_services() {
            for (service, deployer) in self.ports.deployers.iter() {
                let found = match request.action {
                    Action::EmergencyStop => Live::Unknown,
                    // What cannot be asked is unknown here; the gate asks again and says why.
                    _ => deployer.live(service).await.unwrap_or_default(),
                };
                live.insert(service.clone(), found);
            }
        }
        let target = self.target(request, &environment, !live.is_empty()).await?;
        let custom =
            self.stages.iter().map(|(id, stage)| (id.clone(), stage.access())).collect::<BTreeMap<_, Access>>();
        Ok(World { environment, latched, live, target, reverted: Vec::new(), custom })
    }

    async fn target(
        &self,
        request: &Request,
        environment: &EnvironmentState,
        deploys: bool,
    ) -> Result<Option<Release>, PrepareError> {
        let wanted = match request.action {
            Action::Deploy | Action::UpdateComponent => {
                request.version.clone().or_else(|| request.origin.commit.as_ref().map(ToString::to_string))
            }
            Action::Rollback => request.version.clone(),
            Action::UpdateStatus | Action::EmergencyStop | Action::Resume => return Ok(None),
        };
        match (wanted, &self.ports.version_control) {
            (Some(wanted), Some(repository)) => match repository.resolve(&wanted).await {
                Ok(resolved) => Ok(Some(resolved.release)),
                // The repository may have lost the tag of what was live once.
                Err(error @ VersionError::NotFound { .. }) => {
                    environment.release(&wanted).cloned().map(Some).ok_or_else(|| error.into())
                }
                Err(error) => Err(error.into()),
            },
            // A deployer may know versions that no repository here knows.
            (Some(wanted), None) if request.version.is_some() && deploys => {
                let id = crate::words::ReleaseId::new(&wanted).map_err(|e: IdError| PlanError::Usage(e.to_string()))?;
                Ok(Some(Release { id, commit: None }))
            }
            (Some(wanted), None) if request.version.is_some() => Err(PrepareError::NoRepository(wanted)),
            _ => Ok(None),
        }
    }
}

/// The scope of a definition.
fn scope(config: &Config, world: &Surroundings, service: Option<ServiceScope>) -> Scope {
    Scope {
        project: config.project.name.clone(),
        root: world.root.clone(),
        state_dir: world.state_dir.clone(),
        environment: config.environment.clone(),
        service,
        variables: world.variables.clone(),
        redactor: world.redactor.clone(),
        hosted_runner: world.hosted_runner,
        version_control: world.version_control.clone(),
    }
}

fn service_scope(service: &crate::config::ServiceConfig, world: &Surroundings) -> ServiceScope {
    let authority = service.url.as_deref().and_then(Authority::of);
    let is_loopback = authority.as_ref().is_some_and(Authority::is_loopback);
    let out_of_reach = (world.hosted_runner && is_loopback).then(|| match service.url_defaulted.first() {
        Some(variable) => format!("{variable} is not set, and this runner has no service of its own"),
        None => "its URL is this machine's own, and this runner has no service of its own".to_owned(),
    });
    let facts = ServiceFacts {
        id: service.id.clone(),
        name: service.name.clone(),
        critical: service.critical,
        port: authority.and_then(|authority| authority.port),
    };
    ServiceScope { facts, url: service.url.clone(), out_of_reach }
}

fn service_probes(
    service: &crate::config::ServiceConfig,
    registry: &Registry,
    scope: &Scope,
) -> Result<Vec<BuiltProbe>, ConfigError> {
    let mut built =
        service.probes.iter().map(|table| registry.build_probe(table, scope)).collect::<Result<Vec<_>, _>>()?;
    // A service with an address and no probe is asked for its front page.
    if built.is_empty()
        && service.url.is_some()
        && let Ok(kind) = KindId::new("http")
    {
        built.push(registry.build_probe(&Kinded::bare(kind), scope)?);
    }
    Ok(built)
}

/// The part of a URL that names machine and port; enough to tell a loopback address, no more.
struct Authority<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    fn of(url: &'a str) -> Option<Self> {
        // `localhost:50051` is an address too, of what is no web server.
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let authority = rest.split(['/', '?', '#']).next()?;
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
            _ => (authority, None),
        };
        let default = match scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        Some(Self { host: host.trim_start_matches('[').trim_end_matches(']'), port: port.or(default) })
    }

    fn is_loopback(&self) -> bool {
        // RFC 6761, section 6.3: the name and everything below it.
        let name = self.host.trim_end_matches('.').to_ascii_lowercase();
        let is_local = |address: std::net::IpAddr| {
            let address = address.to_canonical();
            address.is_loopback() || address.is_unspecified()
        };
        name == "localhost" || name.ends_with(".localhost") || name.parse().is_ok_and(is_local)
    }
}

/// Which services a face asks for: checks that each exists.
///
/// # Errors
/// [`PlanError::UnknownComponent`] with the services there are.
pub fn known_services(config: &Config, asked: &[String]) -> Result<Vec<ServiceId>, PlanError> {
    asked
        .iter()
        .map(|name| {
            config.services.iter().map(|service| &service.id).find(|id| id.as_str() == name).cloned().ok_or_else(|| {
                PlanError::UnknownComponent {
                    component: name.clone(),
                    known: config.services.iter().map(|service| service.id.to_string()).collect(),
                }
            })
        })
        .collect()
}
