//! What a definition may see while it builds: the project's facts, never its whole configuration.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use crate::{
    config::{MonitorConfig, PolicyConfig, RecordConfig, RollbackConfig},
    ports::{Ci, Clock, Deployer, Forge, IssueTracker, Liveness, Notifier, VersionControl},
    redact::{Redactor, Secret},
    status::{ServiceFacts, StatusContext},
    watch::{Observer, Rules},
    words::{EnvironmentId, ServiceId},
};

type Find = dyn Fn(&str) -> Option<String> + Send + Sync;

/// Looks a variable up. The core reads no environment; the face hands this in.
#[derive(Clone)]
pub struct Lookup(Arc<Find>);

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup")
    }
}

impl Lookup {
    /// Looks variables up with this function.
    pub fn new(find: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    /// Looks variables up in a fixed list.
    pub fn fixed<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        let variables: BTreeMap<String, String> =
            variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self::new(move |name| variables.get(name).cloned())
    }

    /// The variable's value; one that is empty counts as unset.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// The variable's value as a secret.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.get(name).map(Secret::new)
    }
}

/// The service that something is built for.
#[derive(Debug, Clone)]
pub struct ServiceScope {
    /// Id, name, port.
    pub facts: ServiceFacts,
    /// Its URL, interpolated.
    pub url: Option<String>,
    /// Why its URL cannot be reached from here, when that is known: a loopback URL on a GitHub-hosted runner. Probes
    /// then answer [`ProbeError`](crate::ports::ProbeError) with these words.
    pub out_of_reach: Option<String>,
}

/// What a definition may see while it builds.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The project's name.
    pub project: String,
    /// The folder of `runbook.toml`; relative paths start here.
    pub root: PathBuf,
    /// Where state is kept (`.runbook/`): checkouts, logs, locks.
    pub state_dir: PathBuf,
    /// Which environment.
    pub environment: EnvironmentId,
    /// The service, for probes and deployers.
    pub service: Option<ServiceScope>,
    /// Variables; secrets are taken from here by name.
    pub variables: Lookup,
    /// Takes secrets out of what is kept or shown.
    pub redactor: Redactor,
    /// Whether this is a runner of somebody else's, which has no service of its own: what has a loopback address cannot be
    /// measured from here.
    pub hosted_runner: bool,
    /// The repository, where there is one.
    pub version_control: Option<Arc<dyn VersionControl>>,
}

impl Scope {
    /// The scope of a folder, without a service, variables, secrets or a repository. Whoever has more says it with
    /// `Scope { service, ..Scope::bare(…) }`, and need not be told of what else a scope may hold one day.
    pub fn bare(project: impl Into<String>, environment: EnvironmentId, root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self {
            project: project.into(),
            state_dir: root.join(".runbook"),
            root,
            environment,
            service: None,
            variables: Lookup::new(|_| None),
            redactor: Redactor::default(),
            hosted_runner: false,
            version_control: None,
        }
    }
}

/// The collaborators that stages are built with. Each stage has its own clone, so whatever grows with the services is
/// shared.
#[derive(Debug, Clone)]
pub struct Ports {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether owners of runs still exist, and who this process is.
    pub liveness: Arc<dyn Liveness>,
    /// The repository, where there is one.
    pub version_control: Option<Arc<dyn VersionControl>>,
    /// Build and test, where configured.
    pub ci: Option<Arc<dyn Ci>>,
    /// Each service's deployer, where it has one.
    pub deployers: Arc<BTreeMap<ServiceId, Arc<dyn Deployer>>>,
    /// Takes samples of services.
    pub observer: Arc<Observer>,
    /// The owner's rules for judging what was seen.
    pub rules: Arc<Rules>,
    /// The status issue's home; `Err` holds why there is none.
    pub issue_tracker: Result<Arc<dyn IssueTracker>, String>,
    /// The forge's checks, deployments and pull requests.
    pub forge: Forge,
    /// The chats.
    pub notifiers: Vec<Arc<dyn Notifier>>,
    /// What pictures of the status need to know.
    pub status: Arc<StatusContext>,
    /// The owner's settings for watching.
    pub monitor: MonitorConfig,
    /// The owner's settings for returning.
    pub rollback: RollbackConfig,
    /// Whether and how the forge is told of deployments.
    pub records: RecordConfig,
    /// What the safety gate insists on.
    pub policy: PolicyConfig,
    /// Each service's `paths`, for the rollback of one component.
    pub paths: Arc<BTreeMap<ServiceId, Vec<String>>>,
    /// Where the probes of a service run, for each that says `runs_on`: no run takes samples of it.
    pub runs_on: Arc<BTreeMap<ServiceId, Vec<String>>>,
}
