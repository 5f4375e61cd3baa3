//! Reads the tables that hold tables of other kinds: services with their probes, deployers, stages, control probes.

use super::{
    ControlConfig, CustomStage, DeployConfig, Kinded, RecordConfig, ServiceConfig,
    error::{ConfigError, Fault, Source},
    model::{DeployTable, ServiceTable, StageTable},
    reader,
    tree::{Node, Table, Value},
    watching::ControlTable,
};
use crate::words::KindId;

pub(super) fn at(
    source: &Source,
    fallback: &std::ops::Range<usize>,
    path: &str,
    error: reader::ReadError,
) -> ConfigError {
    let span = error.span.clone().unwrap_or_else(|| fallback.clone());
    ConfigError::new(source, span, error.fault(path))
}

pub(super) fn read<'de, T: serde::Deserialize<'de>>(
    source: &Source,
    path: &str,
    node: &'de Node,
) -> Result<T, ConfigError> {
    reader::read(node).map_err(|error| at(source, &node.span, path, error))
}

pub(super) fn section<T: Default + serde::de::DeserializeOwned>(
    source: &Source,
    root: &mut Table,
    name: &str,
) -> Result<T, ConfigError> {
    match root.take(name) {
        Some((_, node)) => read(source, name, &node),
        None => Ok(T::default()),
    }
}

pub(super) fn table_of<'a>(source: &Source, path: &str, node: &'a Node) -> Result<&'a Table, ConfigError> {
    match &node.value {
        Value::Table(table) => Ok(table),
        _ => {
            let fault = Fault::new(path, format!("expected a table, found {}", node.kind()));
            Err(ConfigError::new(source, node.span.clone(), fault))
        }
    }
}

pub(super) fn items(source: &Source, root: &mut Table, name: &str) -> Result<Vec<(String, Node)>, ConfigError> {
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

pub(super) fn service(source: &Source, path: &str, mut node: Node) -> Result<ServiceConfig, ConfigError> {
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
        if error.path.is_empty() && error.message.starts_with("unknown key") {
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
        depends_on: table.depends_on,
        alerts: table.alert,
        probes,
        deploy,
        runs_on: table.runs_on,
    })
}

pub(super) fn deploy(source: &Source, mut node: Node) -> Result<DeployConfig, ConfigError> {
    let Value::Table(table) = &mut node.value else {
        table_of(source, "deploy", &node)?;
        return Ok(DeployConfig::default());
    };
    // With a kind, the keys that are not the table's own are the deployer's settings.
    let mut own = Table::default();
    if table.get("kind").is_some() {
        ["on_push", "record", "environment_url"].iter().for_each(|key| own.0.extend(table.take(key)));
    } else {
        std::mem::swap(&mut own, table);
    }
    let keys: DeployTable = read(source, "deploy", &Node::new(node.span.clone(), Value::Table(own)))?;
    let is_kinded = matches!(&node.value, Value::Table(table) if table.get("kind").is_some());
    let deployer = if is_kinded { Some(Kinded::of(source, "deploy", node, None)?) } else { None };
    let records = RecordConfig { enabled: keys.record, environment_url: keys.environment_url };
    Ok(DeployConfig { on_push: keys.on_push, deployer, records })
}

pub(super) fn stage(source: &Source, path: &str, mut node: Node) -> Result<CustomStage, ConfigError> {
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

pub(super) fn control(source: &Source, mut node: Node) -> Result<ControlConfig, ConfigError> {
    let mut probes = Vec::new();
    if let Value::Table(table) = &mut node.value {
        for (path, probe) in items(source, table, "probe")? {
            probes.push(Kinded::of(source, &format!("control.{path}"), probe, None)?);
        }
    }
    let table: ControlTable = read(source, "control", &node)?;
    Ok(ControlConfig { probes, require: table.require })
}
