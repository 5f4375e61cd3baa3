//! The outside world of a command: repository, journal, forge, machine, as adapters. The only place that joins them.

use std::sync::Arc;

use runbook_core::{
    Actor, ActorKind, Origin, Owner, Redactor, Secret, StepId,
    engine::Surroundings,
    plan::stage_kind,
    ports::{EventSink, Forge, IssueTracker, Liveness, Notice, OwnerState, SystemClock, VersionControl},
};
use runbook_git::GitRepository;
use runbook_github::{
    ActionsEnvironment, AppCredentials, Connection, ConnectionSettings, Credentials, GitHubForge, Proxies, StatusIssue,
};
use runbook_health::{Retention, SqliteHistory};
use runbook_process::{FileLatch, ProcessLiveness, prepare_state_dir};

use crate::{fault::Fault, journal, project::Project, templates::Templates};

/// What a command is going to do: what only looks does not open a repository or make ready to talk to a forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It measures or reads.
    Look,
    /// It plans, and prints the plan.
    Plan,
    /// It plans and executes, and writes its state.
    Act,
    /// It stops everything, also where its state cannot be written.
    Stop,
}

/// What a command knows of its surroundings.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) surroundings: Surroundings,
    /// GitHub Actions, when this is a job of it.
    pub(crate) actions: Option<ActionsEnvironment>,
    /// What texts are made with.
    pub(crate) templates: Templates,
    purpose: Purpose,
}

impl World {
    /// Joins the adapters. Opens no connection, and writes nothing.
    pub(crate) fn new(project: &Project, sinks: Vec<Arc<dyn EventSink>>, purpose: Purpose) -> Self {
        let config = &project.config;
        let actions = ActionsEnvironment::from(&project.variables);
        let templates = Templates::read(project);
        let repository = (purpose != Purpose::Look).then(|| GitRepository::open(&project.root).ok()).flatten();
        let repository = repository.map(|repository| Arc::new(repository) as Arc<dyn VersionControl>);
        let surroundings = Surroundings {
            root: project.root.clone(),
            state_dir: project.state_dir.clone(),
            variables: project.variables.clone(),
            redactor: redactor(project),
            clock: Arc::new(SystemClock),
            liveness: Arc::new(JobOrProcess {
                job: actions.as_ref().map(ActionsEnvironment::owner),
                process: ProcessLiveness::new(),
            }),
            journal: journal::open(project),
            local_latch: Some(Arc::new(FileLatch::new(&project.state_dir, &config.environment))),
            version_control: repository,
            issue_tracker: match purpose {
                Purpose::Act | Purpose::Stop => issue_tracker(project, actions.as_ref(), &templates, &sinks),
                Purpose::Look | Purpose::Plan => Err("this command publishes nothing".to_owned()),
            },
            forge: match purpose {
                Purpose::Act => forge(project, actions.as_ref(), &templates).unwrap_or_else(Forge::none),
                Purpose::Look | Purpose::Plan | Purpose::Stop => Forge::none("this command asks no forge"),
            },
            history: None,
            sinks,
            hosted_runner: actions.as_ref().is_some_and(ActionsEnvironment::is_github_hosted),
        };
        Self { surroundings, actions, templates, purpose }
    }

    /// With the history of readings, where one is kept. Its file is opened only when it is first asked for.
    pub(crate) fn with_history(mut self, project: &Project) -> Self {
        let kept = &project.config.history;
        if kept.enabled {
            let history = SqliteHistory::open(&project.state_dir, Retention::from(kept));
            self.surroundings.history = Some(Arc::new(history));
        }
        self
    }

    /// Who asks, and from where.
    pub(crate) async fn origin(&self) -> (Actor, Origin) {
        if let Some(actions) = &self.actions {
            return (actions.actor(), actions.origin());
        }
        let name = std::env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned());
        let mut origin = Origin { trigger: "cli".to_owned(), ..Origin::default() };
        if self.purpose != Purpose::Stop
            && let Some(repository) = &self.surroundings.version_control
            && let Ok(checkout) = repository.checkout().await
        {
            origin.branch = checkout.branch;
            origin.commit = checkout.head;
        }
        (Actor { name, kind: ActorKind::Person }, origin)
    }
}

/// Makes the state directory where it is missing, and tries whether it can be written.
pub(crate) fn make_ready(project: &Project) -> Result<(), Fault> {
    prepare_state_dir(&project.state_dir).map_err(|error| {
        Fault::usage(runbook_core::engine::with_causes(&error))
            .hint("nothing was changed; make it writable, or name another with RUNBOOK_STATE_DIR")
    })
}

/// The values of every variable that the configuration calls a secret, and of those whose name says that they are one.
pub(crate) fn redactor(project: &Project) -> Redactor {
    let named = project.config.secret_names.iter().filter_map(|name| project.variables.secret(name));
    let of_proxy = Proxies::from(&project.variables).password();
    Redactor::new(&named.chain(of_proxy).chain(told_secrets()).collect::<Vec<_>>())
}

/// Takes out the values of variables whose name says that they are secrets: all that is known without a configuration.
pub(crate) fn redactor_of_variables() -> Redactor {
    Redactor::new(&told_secrets().collect::<Vec<_>>())
}

fn told_secrets() -> impl Iterator<Item = Secret> {
    std::env::vars_os().filter_map(|(name, value)| {
        let name = name.to_str()?.to_ascii_uppercase();
        let is_secret =
            ["TOKEN", "SECRET", "PASSWORD", "WEBHOOK", "PRIVATE_KEY", "API_KEY"].iter().any(|w| name.contains(w));
        // Short values of such variables (`TOKEN_TTL=300`) hide nothing and would tear words apart.
        is_secret
            .then(|| value.to_str().map(str::to_owned))
            .flatten()
            .filter(|value| value.len() >= 12)
            .map(Secret::new)
    })
}

/// The way to GitHub, as `[github]` says; `Err` holds why there is none. It sends nothing.
pub(crate) fn github(project: &Project, actions: Option<&ActionsEnvironment>) -> Result<Connection, String> {
    connection(project, actions, None, None)
}

/// The way to GitHub for the status issue, which may have a token and an address of its own.
pub(crate) fn github_of_issue(project: &Project, actions: Option<&ActionsEnvironment>) -> Result<Connection, String> {
    let own = &project.config.status_issue;
    connection(project, actions, own.token_env.as_deref(), own.api_url.as_deref())
}

/// The same, with another token or address than `[github]` says.
fn connection(
    project: &Project,
    actions: Option<&ActionsEnvironment>,
    token_env: Option<&str>,
    api_url: Option<&str>,
) -> Result<Connection, String> {
    let (variables, github) = (&project.variables, &project.config.github);
    let repository = repository(project, actions)?;
    let set = |name: &str| variables.get(name).ok_or_else(|| format!("{name} is not set"));
    let credentials = match (token_env, github.app()) {
        (None, Some((id, private_key))) => Credentials::App(AppCredentials {
            id: set(id)?,
            private_key: Secret::new(set(private_key)?),
            installation_id: github.installation_id,
        }),
        (own, _) => Credentials::Token(Secret::new(set(own.unwrap_or(&github.token_env))?)),
    };
    let api_url = api_url
        .or(github.api_url.as_deref())
        .map(str::to_owned)
        .or_else(|| variables.get("GITHUB_API_URL"))
        .unwrap_or_else(|| "https://api.github.com".to_owned());
    let proxies = Proxies::from(variables);
    let settings = ConnectionSettings { proxies, ..ConnectionSettings::new(api_url, repository, credentials) };
    Connection::new(settings).map_err(|error| error.to_string())
}

/// The repository at the forge, `owner/name`.
fn repository(project: &Project, actions: Option<&ActionsEnvironment>) -> Result<String, String> {
    let named = project.config.project.repository.clone();
    named
        .or_else(|| actions.map(|actions| actions.repository.clone()))
        .or_else(|| project.variables.get("GITHUB_REPOSITORY"))
        .ok_or_else(|| "no repository: set `[project] repository = \"owner/name\"` or GITHUB_REPOSITORY".to_owned())
}

fn issue_tracker(
    project: &Project,
    actions: Option<&ActionsEnvironment>,
    templates: &Templates,
    sinks: &[Arc<dyn EventSink>],
) -> Result<Arc<dyn IssueTracker>, String> {
    let settings = &project.config.status_issue;
    if !settings.enabled {
        return Err("[status_issue] enabled = false".to_owned());
    }
    let connection = github_of_issue(project, actions)?;
    let issue = StatusIssue::at(&connection, templates.renderer()?).warning(templates.warnings());
    let (sinks, step) = (sinks.to_vec(), StepId::new(stage_kind::REPORT).map_err(|error| error.to_string())?);
    let issue = issue.announcing(move |line| {
        let notice = Notice::Progress { step: step.clone(), message: line.to_owned() };
        sinks.iter().for_each(|sink| sink.on_notice(&notice));
    });
    Ok(Arc::new(issue))
}

/// The forge's checks, deployments and pull requests.
fn forge(project: &Project, actions: Option<&ActionsEnvironment>, templates: &Templates) -> Result<Forge, String> {
    let connection = github(project, actions)?;
    Ok(Forge::of(Arc::new(GitHubForge::at(&connection, templates.renderer()?))))
}

/// This process as a job of GitHub Actions where it is one; whether others are over, the machine says.
#[derive(Debug)]
struct JobOrProcess {
    job: Option<Owner>,
    process: ProcessLiveness,
}

#[async_trait::async_trait]
impl Liveness for JobOrProcess {
    fn me(&self) -> Owner {
        self.job.clone().unwrap_or_else(|| self.process.me())
    }

    async fn owner_state(&self, owner: &Owner) -> OwnerState {
        if self.job.as_ref() == Some(owner) {
            return OwnerState::Alive;
        }
        self.process.owner_state(owner).await
    }
}
