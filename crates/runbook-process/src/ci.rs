//! CI by commands: each an argv of the owner's, run in order in the tree that is to be deployed.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use runbook_core::{
    config::Period,
    engine::with_causes,
    event::CommandRun,
    ports::{Ci, CiError, CiOrder, CiReport},
    registry::{BuildError, CiDefinition, Scope},
};
use serde::Deserialize;

use crate::{
    checkouts::Checkouts,
    command::{Argv, End, EnvironmentTable, Placeholder, Runner, Values, last_words},
};

/// The keys of `[ci] kind = "command"`.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandCiSettings {
    /// The commands, in order: `[["cargo", "build"], ["cargo", "test"]]`. Arguments may hold `{version}`, `{commit}` and
    /// `{environment}`. No shell reads them.
    pub commands: Vec<Vec<String>>,
    /// How long each command may take.
    #[serde(default = "default_timeout")]
    pub timeout: Period,
    /// The folder to run in, relative to the tree.
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// Variables for the commands.
    #[serde(default)]
    pub env: EnvironmentTable,
    /// Names of variables to pass on, beside `PATH`, `HOME`, `LANG`, `LC_ALL`, `TZ`, `TMPDIR` and `USER`.
    #[serde(default)]
    pub pass_env: Vec<String>,
}

fn default_timeout() -> Period {
    Period(Duration::from_secs(30 * 60))
}

/// Builds and tests by commands.
///
/// They run in the worktree when it is clean and stands at the release's commit, or when no release is given;
/// otherwise in a checkout of that commit: what is tested is what will be deployed. (Without a repository there is
/// nothing but the worktree to test.) The first command that fails is
/// the last that runs. A dropped future kills the running command with its process group.
pub struct CommandCi {
    commands: Vec<Argv>,
    runner: Runner,
    cwd: PathBuf,
    root: PathBuf,
    checkouts: Checkouts,
}

impl fmt::Debug for CommandCi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandCi")
            .field("commands", &self.commands.len())
            .field("cwd", &self.cwd)
            .field("runner", &self.runner)
            .finish_non_exhaustive()
    }
}

impl CiDefinition for CommandCi {
    const KIND: &'static str = "command";
    type Settings = CommandCiSettings;

    fn build(settings: Self::Settings, scope: &Scope) -> Result<Self, BuildError> {
        if settings.commands.is_empty() {
            return Err(BuildError::key("commands", "no command: CI that runs nothing would pass everything"));
        }
        let known = [Placeholder::Version, Placeholder::Commit, Placeholder::Environment];
        let parse = |argv: &Vec<String>| Argv::parse("commands", argv, &known);
        Ok(Self {
            commands: settings.commands.iter().map(parse).collect::<Result<_, _>>()?,
            runner: Runner::new(scope, settings.timeout, &settings.env, &settings.pass_env)?,
            cwd: settings.cwd.unwrap_or_default(),
            root: scope.root.clone(),
            checkouts: Checkouts::new(&scope.state_dir, scope.version_control.clone()),
        })
    }
}

impl CommandCi {
    /// The tree to test, and the values of the placeholders.
    async fn tree(&self, order: &CiOrder) -> Result<(PathBuf, Values), CiError> {
        let environment = Some(order.environment.to_string());
        let Some(release) = &order.release else {
            return Ok((self.root.clone(), Values { environment, ..Values::default() }));
        };
        let version = Some(release.id.to_string());
        let Ok(repository) = self.checkouts.repository() else {
            let commit = release.commit.as_ref().map(ToString::to_string);
            return Ok((self.root.clone(), Values { version, commit, environment, component: None }));
        };
        let commit = self.checkouts.commit(release).await.map_err(|error| CiError::Other(with_causes(&error)))?;
        let worktree = repository.checkout().await.map_err(|error| CiError::Other(with_causes(&error)))?;
        let tree = if worktree.head.as_ref() == Some(&commit) && worktree.dirty.is_empty() {
            self.root.clone()
        } else {
            self.checkouts.export(&commit).await.map_err(|error| CiError::Other(with_causes(&error)))?
        };
        Ok((tree, Values { version, commit: Some(commit.to_string()), environment, component: None }))
    }

    async fn run_one(&self, argv: Vec<String>, cwd: &Path) -> Result<CommandRun, CiError> {
        let shown: Vec<String> = argv.iter().map(|argument| self.runner.redactor.redact(argument)).collect();
        let ran = match self.runner.invocation(argv, cwd).run().await {
            Ok(ran) => ran,
            Err(source) => return Err(CiError::Start { argv: shown, source }),
        };
        match ran.end {
            End::Exited(exit_code) => Ok(CommandRun {
                argv: shown,
                exit_code,
                elapsed_ms: u64::try_from(ran.elapsed.as_millis()).unwrap_or(u64::MAX),
                tail: ran.tail,
            }),
            End::TimedOut => {
                let limit_s = self.runner.timeout.as_secs();
                Err(CiError::Timeout { argv: shown, limit_s, tail: last_words(&ran.tail) })
            }
        }
    }
}

#[async_trait]
impl Ci for CommandCi {
    async fn run(&self, order: &CiOrder) -> Result<CiReport, CiError> {
        let (tree, values) = self.tree(order).await?;
        let cwd = tree.join(&self.cwd);
        let mut report = CiReport::default();
        for command in &self.commands {
            let argv = command.expand(&values).map_err(|missing| {
                CiError::Other(format!("{missing}: CI was asked about the worktree, and not about a release"))
            })?;
            report.commands.push(self.run_one(argv, &cwd).await?);
            if report.failure().is_some() {
                break;
            }
        }
        Ok(report)
    }
}
