//! Finds and reads the configuration, and chooses the environment.

use std::path::{Path, PathBuf};

use runbook_core::{
    EnvironmentId,
    config::{Config, ConfigError, Document},
    registry::Lookup,
};

use crate::{args::Global, fault::Fault};

const FILE: &str = "runbook.toml";
/// No honest configuration is larger.
const MOST_BYTES: u64 = 4 << 20;

/// A project's configuration in one environment.
#[derive(Debug)]
pub(crate) struct Project {
    /// The configuration.
    pub(crate) config: Config,
    /// Its folder.
    pub(crate) root: PathBuf,
    /// Where state is kept.
    pub(crate) state_dir: PathBuf,
    /// The variables of this process.
    pub(crate) variables: Lookup,
}

impl Project {
    /// The variables of this process.
    pub(crate) fn variables() -> Lookup {
        Lookup::new(|name| std::env::var(name).ok())
    }

    /// The environments that the configuration names, without choosing one.
    pub(crate) fn environments(global: &Global) -> Result<Vec<EnvironmentId>, Fault> {
        let file = find(global.config.as_deref())?;
        Ok(Document::parse(&shown(&file), &read(&file)?)?.environments().to_vec())
    }

    /// Reads the configuration. A mutating command wants its environment named when there are several and no default.
    pub(crate) fn load(global: &Global, mutates: bool) -> Result<Self, Fault> {
        let variables = Self::variables();
        let file = find(global.config.as_deref())?;
        let text = read(&file)?;
        let document = Document::parse(&shown(&file), &text)?;
        let environment = choose(global, &document, mutates)?;
        let config = document.config(&environment, &variables)?;
        let root = file.parent().map(Path::to_owned).unwrap_or_default();
        let state_dir = variables.get("RUNBOOK_STATE_DIR").map_or_else(|| root.join(".runbook"), PathBuf::from);
        Ok(Self { config, root, state_dir, variables })
    }
}

/// The configuration's file, and what it says, before an environment is chosen.
pub(crate) fn read_document(global: &Global) -> Result<(PathBuf, Document), Fault> {
    let file = find(global.config.as_deref())?;
    let document = Document::parse(&shown(&file), &read(&file)?)?;
    Ok((file, document))
}

fn find(named: Option<&Path>) -> Result<PathBuf, Fault> {
    if let Some(file) = named {
        return std::path::absolute(file).map_err(|error| Fault::internal(format!("{}: {error}", file.display())));
    }
    let start = std::env::current_dir()
        .map_err(|error| Fault::internal(format!("failed to find the current directory: {error}")))?;
    start.ancestors().map(|folder| folder.join(FILE)).find(|file| file.exists()).ok_or_else(|| {
        let mut fault = Fault::usage(format!("{FILE} was not found in {} or above it", start.display()))
            .hint("write one with `runbook init`, or name it with --config FILE")
            .next("runbook init");
        fault.kind = "configuration";
        fault
    })
}

/// As short as people would write it.
pub(crate) fn shown(file: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    file.strip_prefix(&here).unwrap_or(file).to_owned()
}

fn read(file: &Path) -> Result<String, Fault> {
    let wrong = |message: String, hint: &str| {
        let hint = Some(hint.to_owned()).filter(|hint| !hint.is_empty());
        Fault::from(ConfigError::file(shown(file), message, hint))
    };
    let size = std::fs::metadata(file)
        .map_err(|error| wrong(format!("failed to read it: {error}"), "write one with `runbook init`"))?
        .len();
    if size > MOST_BYTES {
        return Err(wrong(format!("it has {size} bytes, which is no configuration"), ""));
    }
    let bytes = std::fs::read(file).map_err(|error| wrong(format!("failed to read it: {error}"), ""))?;
    String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned(), "save it as UTF-8"))
}

fn choose(global: &Global, document: &Document, mutates: bool) -> Result<EnvironmentId, Fault> {
    if let Some(name) = &global.environment {
        return EnvironmentId::new(name).map_err(|error| Fault::usage(format!("--environment: {error}")));
    }
    if let Some(environment) = document.default_environment() {
        return Ok(environment);
    }
    let names: Vec<&str> = document.environments().iter().map(EnvironmentId::as_str).collect();
    let verb = if mutates { "change" } else { "look at" };
    Err(Fault::usage(format!("there are several environments ({}); say which to {verb}", names.join(", ")))
        .hint("--environment NAME, or `default_environment = \"…\"` at the top of runbook.toml"))
}
