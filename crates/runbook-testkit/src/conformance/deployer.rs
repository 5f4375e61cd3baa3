//! What every deployer promises.

use runbook_core::{
    EffectKey, EnvironmentId, Live, Release, ServiceId,
    event::{Landed, Operation},
    ports::{DeployError, Deployed, Deployer, Order},
};

use super::permitted;

/// A deployer and what it may do while it is driven through its contract: it deploys, returns and stops for real.
#[derive(Debug, Clone)]
pub struct DeployerCase<'a> {
    /// The deployer.
    pub deployer: &'a dyn Deployer,
    /// A service of it.
    pub service: ServiceId,
    /// The environment.
    pub environment: EnvironmentId,
    /// Two releases that it can make live.
    pub releases: [Release; 2],
}

impl DeployerCase<'_> {
    fn order(&self, release: &Release) -> Order {
        Order { service: self.service.clone(), release: release.clone(), environment: self.environment.clone() }
    }

    async fn live(&self) -> Live {
        match self.deployer.live(&self.service).await {
            Ok(live) => live,
            Err(error) => panic!("to ask what is live must work, but gave {error:?}"),
        }
    }

    /// A deployer may not know what is live; what it claims to know has to be right.
    async fn assert_live(&self, expected: &Live, when: &str) {
        let live = self.live().await;
        let right = match (&live, expected) {
            (Live::Release(live), Live::Release(expected)) => live.same_as(expected),
            (Live::Unknown, _) => true,
            (live, expected) => live == expected,
        };
        assert!(right, "{when}, {expected} must be live, but the deployer says {live}");
    }
}

/// Drives a deployer through its contract. The service is stopped at the end.
///
/// # Panics
/// At the first broken promise.
pub async fn deployer(case: DeployerCase<'_>) {
    let [first, second] = case.releases.clone();

    let before = case.live().await;
    for release in [&first, &second] {
        let rehearsed = case.deployer.rehearse(&case.order(release)).await;
        assert!(rehearsed.is_ok(), "a rehearsal must answer, but gave {rehearsed:?}");
    }
    assert_eq!(case.live().await, before, "a rehearsal must change nothing");

    let key = change(&case, deploy(&case.service, &first), "a deploy").await;
    let first_live = Live::Release(first.clone());
    case.assert_live(&first_live, "after a deploy").await;
    happened(&case, &key, &first_live, "a deploy that was done").await;

    let key = change(&case, deploy(&case.service, &second), "a deploy over another release").await;
    let second_live = Live::Release(second.clone());
    case.assert_live(&second_live, "after a deploy over another release").await;
    happened(&case, &key, &second_live, "a deploy over another release that was done").await;

    let activate = Operation::Activate { service: case.service.clone(), release: first.clone() };
    change(&case, activate, "the return to an earlier release").await;
    case.assert_live(&first_live, "after the return").await;

    did_not_happen(&case, &second_live).await;

    for when in ["a stop", "a stop of what is stopped"] {
        let key = change(&case, Operation::Stop { service: case.service.clone() }, when).await;
        case.assert_live(&Live::Stopped, &format!("after {when}")).await;
        happened(&case, &key, &Live::Stopped, when).await;
    }
    change(&case, deploy(&case.service, &first), "a deploy after a stop").await;
    case.assert_live(&first_live, "after a deploy after a stop").await;
    change(&case, Operation::Stop { service: case.service.clone() }, "the last stop").await;
}

fn deploy(service: &ServiceId, release: &Release) -> Operation {
    Operation::Deploy { service: service.clone(), release: release.clone() }
}

/// Does an operation twice with one permit, as after a lost answer, and returns its key.
async fn change(case: &DeployerCase<'_>, operation: Operation, what: &str) -> EffectKey {
    permitted(operation.clone(), async |permit| {
        for again in ["", ", repeated with the same key,"] {
            let result: Result<Deployed, DeployError> = match &operation {
                Operation::Deploy { release, .. } => case.deployer.deploy(&permit, &case.order(release)).await,
                Operation::Activate { release, .. } => case.deployer.activate(&permit, &case.order(release)).await,
                _ => case.deployer.stop(&permit, &case.service).await,
            };
            assert!(result.is_ok(), "{what}{again} must work, but gave {result:?}");
        }
        permit.key().clone()
    })
    .await
}

async fn happened(case: &DeployerCase<'_>, key: &EffectKey, intended: &Live, what: &str) {
    match case.deployer.state(key, &case.service, intended).await {
        Ok(Landed::Happened | Landed::Unknown) => {}
        other => {
            panic!("after a crash, {what} must be found to have happened (or be unknown), but state gave {other:?}")
        }
    }
}

/// An effect that nobody began, intended to make live what is not.
async fn did_not_happen(case: &DeployerCase<'_>, intended: &Live) {
    let never: EffectKey = permitted(
        Operation::Custom {
            name: "never".to_owned(),
            service: Some(case.service.clone()),
            detail: serde_json::Value::Null,
        },
        async |permit| permit.key().clone(),
    )
    .await;
    match case.deployer.state(&never, &case.service, intended).await {
        Ok(Landed::DidNotHappen | Landed::Unknown) => {}
        other => panic!("an effect that never began must not be found to have happened, but state gave {other:?}"),
    }
}
