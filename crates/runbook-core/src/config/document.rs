//! From a text to a [`Config`]: parse, choose the environment, overlay, fill in, give types, check what types cannot say.

use std::{collections::BTreeSet, path::Path};

use super::{
    ControlConfig, CustomStage, DeployConfig, GithubConfig, HistoryConfig, JournalConfig, Kinded, MonitorConfig,
    PolicyConfig, ProjectConfig, RollbackConfig, ServiceConfig, StatusIssueConfig, WorkflowConfig,
    error::{ConfigError, Fault, Source, suggestion},
    interpolate, reader,
    tables::{at, control, deploy, items, read, section, service, stage, table_of},
    tree::{self, Key, Node, Table, Value},
};
use crate::{
    registry::Lookup,
    watch::MaintenanceConfig,
    words::{Digest, EnvironmentId, ServiceId},
};

const TABLES: &[&str] = &[
    "schema",
    "default_environment",
    "project",
    "variables",
    "service",
    "ci",
    "deploy",
    "monitor",
    "control",
    "maintenance",
    "history",
    "rollback",
    "policy",
    "journal",
    "notify",
    "github",
    "status_issue",
    "workflow",
    "stage",
    "environment",
];
const OVERRIDABLE: &[&str] = &[
    "variables",
    "service",
    "ci",
    "deploy",
    "monitor",
    "control",
    "maintenance",
    "history",
    "rollback",
    "policy",
    "journal",
    "notify",
    "github",
    "status_issue",
];

/// A read `runbook.toml`, before an environment is chosen.
#[derive(Debug, Clone)]
pub struct Document {
    pub(super) source: Source,
    pub(super) root: Table,
    environments: Vec<EnvironmentId>,
    default_environment: Option<EnvironmentId>,
}

/// The configuration of one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `[project]`.
    pub project: ProjectConfig,
    /// The environment that this is the configuration of.
    pub environment: EnvironmentId,
    /// Whether it is the default one.
    pub default_environment: bool,
    /// `[[service]]`, in the order of the file.
    pub services: Vec<ServiceConfig>,
    /// `[ci]`.
    pub ci: Option<Kinded>,
    /// `[deploy]`.
    pub deploy: DeployConfig,
    /// `[monitor]`.
    pub monitor: MonitorConfig,
    /// `[control]`.
    pub control: ControlConfig,
    /// `[[maintenance]]`, in the order of the file.
    pub maintenance: Vec<MaintenanceConfig>,
    /// `[history]`.
    pub history: HistoryConfig,
    /// `[rollback]`.
    pub rollback: RollbackConfig,
    /// `[policy]`.
    pub policy: PolicyConfig,
    /// `[journal]`.
    pub journal: JournalConfig,
    /// `[[notify]]`.
    pub notify: Vec<Kinded>,
    /// `[github]`.
    pub github: GithubConfig,
    /// `[status_issue]`.
    pub status_issue: StatusIssueConfig,
    /// `[workflow]`.
    pub workflow: WorkflowConfig,
    /// `[[stage]]`, in the order of the file.
    pub stages: Vec<CustomStage>,
    /// The variables that hold secrets: every value of a key that ends in `_env`.
    pub secret_names: Vec<String>,
    /// The digest of all of it, as interpolated. Secrets are names here, so it holds none.
    pub digest: Digest,
}

impl Document {
    /// Reads a text; `file` is only named in errors.
    ///
    /// # Errors
    /// Where it is not TOML, or its frame (schema, environments) is wrong.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let source = Source { file: file.to_owned(), text: text.into() };
        let root = tree::parse(&source)?;
        reader::only(&root, TABLES).map_err(|error| at(&source, &(0..0), "", error))?;
        match root.get("schema") {
            Some(Node { value: Value::Integer(1), .. }) => {}
            Some(node) => {
                let fault = Fault::new("schema", "this version of runbook reads schema 1").hint("write `schema = 1`");
                return Err(ConfigError::new(&source, node.span.clone(), fault));
            }
            None => {
                let fault =
                    Fault::new("schema", "the key `schema` is missing").hint("begin the file with `schema = 1`");
                return Err(ConfigError::new(&source, 0..0, fault));
            }
        }
        let mut environments = Vec::new();
        if let Some(node) = root.get("environment") {
            for (key, overlay) in &table_of(&source, "environment", node)?.0 {
                let path = format!("environment.{}", key.name);
                let id = EnvironmentId::new(&key.name)
                    .map_err(|e| ConfigError::new(&source, key.span.clone(), Fault::new(&path, e.to_string())))?;
                reader::only(table_of(&source, &path, overlay)?, OVERRIDABLE)
                    .map_err(|error| at(&source, &overlay.span, &path, error))?;
                environments.push(id);
            }
        }
        let default_environment = match root.get("default_environment") {
            None => None,
            Some(node) => {
                let id: EnvironmentId = read(&source, "default_environment", node)?;
                if !environments.is_empty() && !environments.contains(&id) {
                    let fault = Fault::new("default_environment", format!("there is no environment `{id}`"))
                        .hint(suggestion(id.as_str(), environments.iter().map(EnvironmentId::as_str)));
                    return Err(ConfigError::new(&source, node.span.clone(), fault));
                }
                Some(id)
            }
        };
        Ok(Self { source, root, environments, default_environment })
    }

    /// The environments that the file names.
    pub fn environments(&self) -> &[EnvironmentId] {
        &self.environments
    }

    /// The environment that is meant when nobody names one: the default, the only one, or `production` when the file
    /// names none. `None`: there are several and no default.
    pub fn default_environment(&self) -> Option<EnvironmentId> {
        match (&self.default_environment, self.environments.as_slice()) {
            (Some(id), _) | (None, [id]) => Some(id.clone()),
            (None, []) => EnvironmentId::new("production").ok(),
            (None, _) => None,
        }
    }

    /// The configuration of one environment.
    ///
    /// # Errors
    /// At the first thing that is wrong.
    pub fn config(&self, environment: &EnvironmentId, variables: &Lookup) -> Result<Config, ConfigError> {
        let known = self.environments.contains(environment) || self.default_environment().as_ref() == Some(environment);
        if !known {
            let fault = Fault::new("environment", format!("there is no environment `{environment}`"))
                .hint(suggestion(environment.as_str(), self.environments.iter().map(EnvironmentId::as_str)));
            return Err(ConfigError::new(&self.source, 0..0, fault));
        }
        let mut root = self.root.clone();
        self.overlay(&mut root, environment)?;
        let own = self.variables(&mut root)?;
        let find = |name: &str| {
            variables.get(name).or_else(|| own.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()))
        };
        interpolate::table(&self.source, "", &mut root, &find)?;
        let digest = digest_of(&root, environment);
        let mut secret_names = Vec::new();
        root.secret_names(&mut secret_names);
        let mut config = self.typed(root, environment, digest)?;
        secret_names.push(config.github.token_env.clone());
        // An App's id is no secret, and a short number that would be taken out of everything.
        secret_names.retain(|name| config.github.app_id_env.as_ref() != Some(name));
        config.secret_names = secret_names;
        Ok(config)
    }

    fn overlay(&self, root: &mut Table, environment: &EnvironmentId) -> Result<(), ConfigError> {
        let Some((_, Node { value: Value::Table(mut environments), .. })) = root.take("environment") else {
            return Ok(());
        };
        let Some((_, Node { value: Value::Table(mut overlay), .. })) = environments.take(environment.as_str()) else {
            return Ok(());
        };
        let path = format!("environment.{environment}.service");
        if let Some((_, node)) = overlay.take("service") {
            for (key, node) in table_of(&self.source, &path, &node)?.clone().0 {
                self.overlay_service(root, &path, &key, node)?;
            }
        }
        root.overlay(overlay);
        Ok(())
    }

    fn overlay_service(&self, root: &mut Table, path: &str, key: &Key, over: Node) -> Result<(), ConfigError> {
        let services = match root.get_mut("service") {
            Some(Node { value: Value::Array(services), .. }) => services.as_mut_slice(),
            _ => &mut [],
        };
        let id = |node: &Node| match &node.value {
            Value::Table(table) => table.get("id").and_then(Node::as_str).map(str::to_owned),
            _ => None,
        };
        let ids: Vec<String> = services.iter().filter_map(id).collect();
        let path = interpolate::join(path, &key.name);
        let Some(service) = services.iter_mut().find(|service| id(service).as_deref() == Some(&key.name)) else {
            let fault = Fault::new(path, format!("there is no service `{}`", key.name))
                .hint(suggestion(&key.name, ids.iter().map(String::as_str)));
            return Err(ConfigError::new(&self.source, key.span.clone(), fault));
        };
        let over_table = table_of(&self.source, &path, &over)?.clone();
        if let Value::Table(under) = &mut service.value {
            under.overlay(over_table);
        }
        Ok(())
    }

    fn variables(&self, root: &mut Table) -> Result<Vec<(String, String)>, ConfigError> {
        let Some((_, node)) = root.take("variables") else { return Ok(Vec::new()) };
        let named: std::collections::BTreeMap<String, String> = read(&self.source, "variables", &node)?;
        Ok(named.into_iter().filter(|(_, value)| !value.is_empty()).collect())
    }

    fn typed(&self, mut root: Table, environment: &EnvironmentId, digest: Digest) -> Result<Config, ConfigError> {
        let source = &self.source;
        let project = match root.take("project") {
            Some((_, node)) => read(source, "project", &node)?,
            None => {
                let fault = Fault::new("project", "the table `[project]` is missing")
                    .hint("add `[project]` with `name = \"…\"`");
                return Err(ConfigError::new(source, 0..0, fault));
            }
        };
        let mut services: Vec<ServiceConfig> = Vec::new();
        let mut known: BTreeSet<ServiceId> = BTreeSet::new();
        for (at, (path, node)) in items(source, &mut root, "service")?.into_iter().enumerate() {
            let span = node.span.clone();
            let service = service(source, &path, node)?;
            if !known.insert(service.id.clone()) {
                let fault =
                    Fault::new(format!("service[{at}].id"), format!("the service `{}` is there twice", service.id));
                return Err(ConfigError::new(source, span, fault));
            }
            services.push(service);
        }
        let ci = match root.take("ci") {
            Some((_, node)) => Some(Kinded::of(source, "ci", node, Some("command"))?),
            None => None,
        };
        let deploy = match root.take("deploy") {
            Some((_, node)) => deploy(source, node)?,
            None => DeployConfig::default(),
        };
        let control = match root.take("control") {
            Some((_, node)) => control(source, node)?,
            None => ControlConfig { probes: Vec::new(), require: 1 },
        };
        let maintenance = items(source, &mut root, "maintenance")?
            .into_iter()
            .map(|(path, node)| read(source, &path, &node))
            .collect::<Result<_, _>>()?;
        let notify = items(source, &mut root, "notify")?
            .into_iter()
            .map(|(path, node)| Kinded::of(source, &path, node, None))
            .collect::<Result<_, _>>()?;
        let stages = items(source, &mut root, "stage")?
            .into_iter()
            .map(|(path, node)| stage(source, &path, node))
            .collect::<Result<Vec<_>, _>>()?;
        let config = Config {
            project,
            environment: environment.clone(),
            default_environment: self.default_environment().as_ref() == Some(environment),
            services,
            ci,
            deploy,
            monitor: section(source, &mut root, "monitor")?,
            control,
            maintenance,
            history: section(source, &mut root, "history")?,
            rollback: section(source, &mut root, "rollback")?,
            policy: section(source, &mut root, "policy")?,
            journal: section(source, &mut root, "journal")?,
            notify,
            github: section(source, &mut root, "github")?,
            status_issue: section(source, &mut root, "status_issue")?,
            workflow: section(source, &mut root, "workflow")?,
            stages,
            secret_names: Vec::new(),
            digest,
        };
        self.check(&config)?;
        Ok(config)
    }
}

fn digest_of(root: &Table, environment: &EnvironmentId) -> Digest {
    /// Written as it is walked: a copy of the tree would be the most that reading a long file takes.
    #[derive(serde::Serialize)]
    struct Digested<'a> {
        config: &'a Table,
        environment: &'a EnvironmentId,
    }
    let value = Digested { config: root, environment };
    // A tree of strings, integers and booleans always has a canonical form.
    Digest::of(&serde_json_canonicalizer::to_vec(&value).unwrap_or_default())
}
