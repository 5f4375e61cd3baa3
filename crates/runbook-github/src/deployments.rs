//! GitHub's deployments and their statuses: <https://docs.github.com/rest/deployments>.
//!
//! A deployment is found again by its id, else by what its payload says of run and task. GitHub's defaults are never
//! taken: it would merge branches (`auto_merge`), want every status to be a success (`required_contexts`), and retire
//! other deployments by its own rule (`auto_inactive`).

use async_trait::async_trait;
use runbook_core::{
    DeploymentState, EffectKey, LeftBehind, ServiceId,
    engine::Permit,
    ports::{DeploymentError, DeploymentRecord, Deployments, RecordedDeployment},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    api::Failure,
    forge::{GitHubForge, PAGE, line},
};

/// So many pages of one commit's deployments are read at most.
const PAGES: usize = 5;
/// So many earlier deployments are looked at, the newest first; those before them were retired by their successors.
const MOST_RETIRED: usize = 10;
/// The longest description that GitHub takes, in characters.
const MAX_DESCRIPTION: usize = 140;
const PERMISSION: &str = "deployments: write";

#[derive(Debug, Deserialize)]
struct Deployment {
    id: u64,
    #[serde(default)]
    payload: Value,
}

#[derive(Debug, Deserialize)]
struct Status {
    id: u64,
    state: String,
}

/// What the payload of a deployment of ours says.
#[derive(Debug, Deserialize)]
struct Mark {
    run: String,
    task: String,
    services: Vec<ServiceId>,
}

impl Deployment {
    /// `None`: it is not one of ours. GitHub hands a payload back as it came, or as a text.
    fn mark(&self) -> Option<Mark> {
        let mark = match &self.payload {
            Value::String(text) => serde_json::from_str::<Value>(text).ok()?.get("runbook")?.clone(),
            payload => payload.get("runbook")?.clone(),
        };
        serde_json::from_value(mark).ok()
    }

    fn is_of(&self, record: &DeploymentRecord) -> bool {
        self.mark().is_some_and(|mark| mark.run == record.run.to_string() && mark.task == record.task.as_str())
    }
}

#[async_trait]
impl Deployments for GitHubForge {
    async fn record(&self, permit: &Permit, record: &DeploymentRecord) -> Result<RecordedDeployment, DeploymentError> {
        let until = self.until();
        let found = self.find(record, until).await;
        let found = found.map_err(|failure| self.untold("look for a deployment", failure, LeftBehind::NoChange))?;
        let (id, created) = match found {
            Some(id) => (id, false),
            None => (self.create(permit.key(), record, until).await?, true),
        };
        // What was made just now says nothing yet.
        let told = !created && self.says(id, record.state, until).await?;
        if !told {
            self.tell(id, record, created, until).await?;
        }
        if record.state == DeploymentState::Success {
            let retired = self.retire(id, record, until).await;
            retired.map_err(|failure| self.untold("retire earlier deployments", failure, LeftBehind::Changed))?;
        }
        Ok(RecordedDeployment { id, created })
    }
}

impl GitHubForge {
    /// The deployment by its known id, else by its mark. A list that could not be read is an error, never an empty list.
    async fn find(&self, record: &DeploymentRecord, until: Instant) -> Result<Option<u64>, Failure> {
        if let Some(id) = record.known_id {
            match self.connection.api.get::<Deployment>(&self.path(&format!("/deployments/{id}")), until).await {
                Ok(found) if found.is_of(record) => return Ok(Some(found.id)),
                Ok(_) => {}
                Err(failure) if failure.is_gone() => {}
                Err(failure) => return Err(failure),
            }
        }
        let DeploymentRecord { commit, environment, task, .. } = record;
        for page in 1..=PAGES {
            let query = format!("sha={commit}&environment={environment}&task={task}&per_page={PAGE}&page={page}");
            let path = self.path(&format!("/deployments?{query}"));
            let (found, more) = self.connection.api.page::<Deployment>(&path, until).await?;
            if let Some(ours) = found.iter().find(|deployment| deployment.is_of(record)) {
                return Ok(Some(ours.id));
            }
            if found.len() < PAGE && !more {
                break;
            }
        }
        Ok(None)
    }

    /// Makes the deployment. After a lost answer it looks again; what is not found then may still appear.
    async fn create(&self, key: &EffectKey, record: &DeploymentRecord, until: Instant) -> Result<u64, DeploymentError> {
        let wanted = json!({
            "ref": record.commit,
            "task": record.task,
            "auto_merge": false,
            "required_contexts": [],
            "environment": record.environment,
            "description": line(&format!("{} by Runbook", record.release), MAX_DESCRIPTION),
            "payload": { "runbook": {
                "run": record.run,
                "task": record.task,
                "effect": key,
                "release": record.release,
                "services": record.services,
            } },
        });
        let failure = match self.connection.api.post::<Deployment>(&self.path("/deployments"), &wanted, until).await {
            Ok(made) => return Ok(made.id),
            Err(failure) => failure,
        };
        if !failure.may_have_happened() {
            return Err(self.untold("make a deployment", failure, LeftBehind::NoChange));
        }
        match self.find(record, until).await {
            Ok(Some(id)) => Ok(id),
            Ok(None) | Err(_) => Err(self.untold("make a deployment", failure, LeftBehind::Unknown)),
        }
    }

    /// Gives the deployment its state. After a lost answer it looks whether that is there.
    async fn tell(
        &self,
        id: u64,
        record: &DeploymentRecord,
        created: bool,
        until: Instant,
    ) -> Result<(), DeploymentError> {
        let mut status = status(record.state.as_str(), &record.description);
        if let Some(url) = &record.log_url {
            status["log_url"] = url.as_str().into();
        }
        if let Some(url) = &record.environment_url {
            status["environment_url"] = url.as_str().into();
        }
        let path = self.path(&format!("/deployments/{id}/statuses"));
        let failure = match self.connection.api.post::<Status>(&path, &status, until).await {
            Ok(_) => return Ok(()),
            Err(failure) => failure,
        };
        let wanted = record.state.as_str();
        if failure.may_have_happened() && self.newest(id, until).await.is_ok_and(|now| now.as_deref() == Some(wanted)) {
            return Ok(());
        }
        let left = match (failure.may_have_happened(), created) {
            (true, _) => LeftBehind::Unknown,
            (false, true) => LeftBehind::Changed,
            (false, false) => LeftBehind::NoChange,
        };
        Err(self.untold("tell the state of a deployment", failure, left))
    }

    /// Whether the deployment says so already.
    async fn says(&self, id: u64, state: DeploymentState, until: Instant) -> Result<bool, DeploymentError> {
        match self.newest(id, until).await {
            Ok(newest) => Ok(newest.as_deref() == Some(state.as_str())),
            Err(failure) => Err(self.untold("read the state of a deployment", failure, LeftBehind::NoChange)),
        }
    }

    /// What the newest status of a deployment says; `None`: it has none.
    async fn newest(&self, id: u64, until: Instant) -> Result<Option<String>, Failure> {
        let path = self.path(&format!("/deployments/{id}/statuses?per_page={PAGE}"));
        // GitHub lists the newest first, and one page holds more than a run gives.
        let (statuses, _) = self.connection.api.page::<Status>(&path, until).await?;
        Ok(statuses.into_iter().max_by_key(|status| status.id).map(|status| status.state))
    }

    /// Sets the earlier deployments of this environment inactive that this one replaces: those of ours, all of whose
    /// services it has. One that failed stays what it is; one that a run left in progress ends here.
    async fn retire(&self, id: u64, record: &DeploymentRecord, until: Instant) -> Result<(), Failure> {
        let path = self.path(&format!("/deployments?environment={}&per_page={PAGE}", record.environment));
        let (listed, _) = self.connection.api.page::<Deployment>(&path, until).await?;
        let is_replaced = |deployment: &&Deployment| {
            let mark = deployment.mark().filter(|_| deployment.id < id);
            mark.is_some_and(|mark| mark.services.iter().all(|service| record.services.contains(service)))
        };
        for earlier in listed.iter().filter(is_replaced).take(MOST_RETIRED) {
            let newest = self.newest(earlier.id, until).await?;
            if matches!(newest.as_deref(), Some("inactive" | "failure" | "error")) {
                continue;
            }
            let description = format!("replaced by {}", record.release);
            let path = self.path(&format!("/deployments/{}/statuses", earlier.id));
            // A repeat after a lost answer leaves a second such status, and the same state.
            self.connection.api.post::<Status>(&path, &status("inactive", &description), until).await?;
        }
        Ok(())
    }

    fn untold(&self, doing: &str, failure: Failure, left: LeftBehind) -> DeploymentError {
        let message = self.words(doing, &failure, PERMISSION);
        DeploymentError { message, left, source: failure.into_cause() }
    }
}

fn status(state: &str, description: &str) -> Value {
    json!({ "state": state, "description": line(description, MAX_DESCRIPTION), "auto_inactive": false })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

    use super::*;

    #[test]
    fn a_mark_is_read_however_it_comes_back() {
        let mark = json!({ "runbook": { "run": "r", "task": "deploy", "services": ["api"], "release": "v1" } });
        for payload in [mark.clone(), Value::String(mark.to_string())] {
            let mark = Deployment { id: 1, payload }.mark().unwrap();
            assert_eq!((mark.run.as_str(), mark.task.as_str(), mark.services.len()), ("r", "deploy", 1));
        }
        for strange in [json!(null), json!("text"), json!({}), json!({ "runbook": "yes" }), json!(["runbook"])] {
            assert!(Deployment { id: 1, payload: strange }.mark().is_none());
        }
    }
}
