//! Where the journal of an environment is at home, as `[journal]` says.

use std::sync::Arc;

use async_trait::async_trait;
use runbook_core::{
    config::JournalHome,
    engine::with_causes,
    event::{Encoded, Head, Stored},
    ports::{Journal, JournalError},
    state::EnvironmentState,
};
use runbook_git::{GitJournal, JournalSettings};
use runbook_process::FileJournal;

use crate::project::Project;

/// Opens no connection and reads no event. A home that is not there shows when it is first asked: an emergency stop has
/// to go on without it.
pub(crate) fn open(project: &Project) -> Arc<dyn Journal> {
    let settings = &project.config.journal;
    let environment = &project.config.environment;
    let remote = match settings.home {
        JournalHome::File => return Arc::new(FileJournal::open(&project.state_dir, environment)),
        JournalHome::Local => None,
        JournalHome::Remote => Some(settings.remote.clone()),
    };
    let token = settings.token_env.as_ref().and_then(|name| project.variables.secret(name));
    let settings = JournalSettings { remote, token, ..JournalSettings::default() };
    match GitJournal::open(&project.root, environment, settings) {
        Ok(journal) => Arc::new(journal),
        Err(error) => {
            let place = format!("the repository at {}", project.root.display());
            let why = format!("{}; `[journal] home` says that it lives there", with_causes(&error));
            Arc::new(NotThere { place, why })
        }
    }
}

/// A journal whose home is not there.
#[derive(Debug)]
struct NotThere {
    place: String,
    why: String,
}

impl NotThere {
    fn fails<T>(&self, doing: &'static str) -> Result<T, JournalError> {
        Err(JournalError::Unreachable { doing, place: self.place.clone(), source: self.why.clone().into() })
    }
}

#[async_trait]
impl Journal for NotThere {
    async fn replay(&self, _: Head) -> Result<(Vec<Stored>, Head), JournalError> {
        self.fails("read")
    }

    async fn append(&self, _: &Encoded, _: Head, _: &EnvironmentState) -> Result<(), JournalError> {
        self.fails("append to")
    }

    fn place(&self) -> String {
        self.place.clone()
    }
}
