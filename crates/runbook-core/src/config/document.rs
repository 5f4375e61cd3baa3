//! From a text to a [`Config`]: parse, choose the environment, overlay, fill in, give types, check what types cannot say.

use std::path::Path;

use super::{
    CustomStage, DeployConfig, JournalConfig, Kinded, MonitorConfig, PolicyConfig, ProjectConfig, RollbackConfig,
    ServiceConfig, StatusIssueConfig,
    error::{ConfigError, Fault, Source, suggestion},
    interpolate,
    model::{DeployTable, ServiceTable, StageTable},
    reader,
    tree::{self, Key, Node, Table, Value},
};
use crate::{
    plan::stage_kind,
    registry::Lookup,
    words::{Digest, EnvironmentId, KindId},
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
    "rollback",
    "policy",
    "journal",
    "notify",
    "status_issue",
    "stage",
    "environment",
];
const OVERRIDABLE: &[&str] =
    &["variables", "service", "ci", "deploy", "monitor", "rollback", "policy", "journal", "notify", "status_issue"];

/// A read `runbook.toml`, before an environment is chosen.
#[derive(Debug, Clone)]
pub struct Document {
    source: Source,
    root: Table,
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
    /// `[rollback]`.
    pub rollback: RollbackConfig,
    /// `[policy]`.
    pub policy: PolicyConfig,
    /// `[journal]`.
    pub journal: JournalConfig,
    /// `[[notify]]`.
    pub notify: Vec<Kinded>,
    /// `[status_issue]`.
    pub status_issue: StatusIssueConfig,
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
        secret_names.push(config.status_issue.token_env.clone());
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
        for (at, (path, node)) in items(source, &mut root, "service")?.into_iter().enumerate() {
            let span = node.span.clone();
            let service = service(source, &path, node)?;
            if services.iter().any(|other| other.id == service.id) {
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
            rollback: section(source, &mut root, "rollback")?,
            policy: section(source, &mut root, "policy")?,
            journal: section(source, &mut root, "journal")?,
            notify,
            status_issue: section(source, &mut root, "status_issue")?,
            stages,
            secret_names: Vec::new(),
            digest,
        };
        self.check(&config)?;
        Ok(config)
    }

    /// What types cannot say.
    fn check(&self, config: &Config) -> Result<(), ConfigError> {
        let wrong = |path: &str, message: &str, hint: &str| {
            let span = self.find(path);
            Err(ConfigError::new(&self.source, span, Fault::new(path, message).hint(hint)))
        };
        let monitor = &config.monitor;
        if monitor.interval.0.is_zero() {
            return wrong("monitor.interval", "a pause of 0 would never let go of the service", "for example \"2s\"");
        }
        if monitor.confirm == 0 || monitor.confirm > 100 {
            return wrong("monitor.confirm", "between 1 and 100 bad samples confirm a fault", "for example 3");
        }
        if monitor.window.0 < monitor.interval.0 {
            return wrong(
                "monitor.window",
                "the window is shorter than the pause between two samples",
                "make it longer",
            );
        }
        if monitor.window.0.as_millis() / monitor.interval.0.as_millis().max(1) > 3_600 {
            return wrong("monitor.interval", "the window would hold more than 3600 samples", "make the pause longer");
        }
        for (at, table) in config.notify.iter().enumerate() {
            if config.notify[..at].iter().any(|other| other.kind == table.kind) {
                let message = format!("there is a notifier `{}` already", table.kind);
                return wrong(&format!("notify[{at}]"), &message, "one of each kind can be told apart");
            }
        }
        let mut steps: Vec<String> = ["safety-gate", "ci", "deploy", "monitor", "rollback", "verify", "stop", "report"]
            .map(str::to_owned)
            .to_vec();
        for (at, stage) in config.stages.iter().enumerate() {
            let path = format!("stage[{at}]");
            if steps.iter().any(|step| step == stage.id.as_str()) {
                return wrong(&path, &format!("there is a step `{}` already", stage.id), "give it an id of its own");
            }
            if !steps.iter().any(|step| step == stage.after.as_str()) || stage.after.as_str() == stage_kind::REPORT {
                let hint =
                    suggestion(stage.after.as_str(), steps.iter().map(String::as_str).filter(|s| *s != "report"));
                return wrong(
                    &path,
                    &format!("`after = \"{}\"` names no step that it could follow", stage.after),
                    &hint,
                );
            }
            steps.push(stage.id.to_string());
        }
        Ok(())
    }

    /// The place of a key such as `monitor.interval` or `stage[1]`; the file's start when it is not written down.
    fn find(&self, path: &str) -> std::ops::Range<usize> {
        let mut span = 0..0;
        let mut table = Some(&self.root);
        for part in path.split('.') {
            let (name, index) = match part.split_once('[') {
                Some((name, index)) => (name, index.trim_end_matches(']').parse::<usize>().ok()),
                None => (part, None),
            };
            let Some(mut node) = table.and_then(|t| t.get(name)) else { break };
            if let (Some(index), Value::Array(items)) = (index, &node.value)
                && let Some(item) = items.get(index)
            {
                node = item;
            }
            span = node.span.clone();
            table = match &node.value {
                Value::Table(table) => Some(table),
                _ => None,
            };
        }
        span
    }
}

fn at(source: &Source, fallback: &std::ops::Range<usize>, path: &str, error: reader::ReadError) -> ConfigError {
    let span = error.span.clone().unwrap_or_else(|| fallback.clone());
    ConfigError::new(source, span, error.fault(path))
}

fn read<'de, T: serde::Deserialize<'de>>(source: &Source, path: &str, node: &'de Node) -> Result<T, ConfigError> {
    reader::read(node).map_err(|error| at(source, &node.span, path, error))
}

fn section<T: Default + serde::de::DeserializeOwned>(
    source: &Source,
    root: &mut Table,
    name: &str,
) -> Result<T, ConfigError> {
    match root.take(name) {
        Some((_, node)) => read(source, name, &node),
        None => Ok(T::default()),
    }
}

fn table_of<'a>(source: &Source, path: &str, node: &'a Node) -> Result<&'a Table, ConfigError> {
    match &node.value {
        Value::Table(table) => Ok(table),
        _ => {
            let fault = Fault::new(path, format!("expected a table, found {}", node.kind()));
            Err(ConfigError::new(source, node.span.clone(), fault))
        }
    }
}

fn items(source: &Source, root: &mut Table, name: &str) -> Result<Vec<(String, Node)>, ConfigError> {
    match root.take(name) {
        None => Ok(Vec::new()),
        Some((_, Node { value: Value::Array(items), .. })) => {
            Ok(items.into_iter().enumerate().map(|(at, node)| (format!("{name}[{at}]"), node)).collect())
        }
        Some((_, node)) => {
            let fault = Fault::new(name, format!("expected an array of tables, found {}", node.kind()))
                .hint(format!("write `[[{name}]]`"));
            Err(ConfigError::new(source, node.span, fault))
        }
    }
}

fn service(source: &Source, path: &str, mut node: Node) -> Result<ServiceConfig, ConfigError> {
    let mut probes = Vec::new();
    let mut deploy = None;
    let mut url_defaulted = Vec::new();
    if let Value::Table(table) = &mut node.value {
        for (path_of, probe) in items(source, table, "probe")? {
            probes.push(Kinded::of(source, &format!("{path}.{path_of}"), probe, None)?);
        }
        if let Some((_, node)) = table.take("deploy") {
            deploy = Some(Kinded::of(source, &format!("{path}.deploy"), node, None)?);
        }
        if let Some(url) = table.get("url") {
            url_defaulted.clone_from(&url.defaulted);
        }
    }
    let table: ServiceTable = reader::read(&node).map_err(|mut error| {
        if error.message.starts_with("unknown key") {
            error.hint = error.hint.map(|hint| match hint.strip_prefix("expected one of ") {
                Some(keys) => format!("expected one of {keys}, `probe`, `deploy`"),
                None => hint,
            });
        }
        at(source, &node.span, path, error)
    })?;
    Ok(ServiceConfig {
        name: table.name.unwrap_or_else(|| table.id.to_string()),
        id: table.id,
        url: table.url,
        url_defaulted,
        critical: table.critical,
        paths: table.paths,
        probes,
        deploy,
    })
}

fn deploy(source: &Source, mut node: Node) -> Result<DeployConfig, ConfigError> {
    let Value::Table(table) = &mut node.value else {
        table_of(source, "deploy", &node)?;
        return Ok(DeployConfig::default());
    };
    // With a kind, the keys that are not the table's own are the deployer's settings.
    let mut own = Table::default();
    if table.get("kind").is_some() {
        own.0.extend(table.take("on_push"));
    } else {
        std::mem::swap(&mut own, table);
    }
    let keys: DeployTable = read(source, "deploy", &Node::new(node.span.clone(), Value::Table(own)))?;
    let is_kinded = matches!(&node.value, Value::Table(table) if table.get("kind").is_some());
    let deployer = if is_kinded { Some(Kinded::of(source, "deploy", node, None)?) } else { None };
    Ok(DeployConfig { on_push: keys.on_push, deployer })
}

fn stage(source: &Source, path: &str, mut node: Node) -> Result<CustomStage, ConfigError> {
    let mut with = Node::new(node.span.clone(), Value::Table(Table::default()));
    let mut kind_span = node.span.clone();
    if let Value::Table(table) = &mut node.value {
        if let Some((_, node)) = table.take("with") {
            with = node;
        }
        if let Some(kind) = table.get("kind") {
            kind_span = kind.span.clone();
        }
    }
    let table: StageTable = read(source, path, &node)?;
    let kind: KindId = table.kind;
    Ok(CustomStage {
        id: table.id,
        kind: Kinded::with(source, path, kind, kind_span, with),
        after: table.after,
        timeout: table.timeout,
    })
}

fn digest_of(root: &Table, environment: &EnvironmentId) -> Digest {
    let tree = Node::new(0..0, Value::Table(root.clone())).to_json();
    let value = serde_json::json!({ "environment": environment, "config": tree });
    // A tree of strings, integers and booleans always has a canonical form.
    Digest::of(&serde_json_canonicalizer::to_vec(&value).unwrap_or_default())
}
