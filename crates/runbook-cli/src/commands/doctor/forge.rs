//! GitHub, as the configuration says that it is used: what is needed of it follows from what is switched on.

use runbook_core::Finding;
use runbook_github::doctor::{Need, Permission, Questions, examine, unasked};

use crate::{
    project::Project,
    world::{self, World},
};

pub(super) async fn look(project: &Project, world: &World) -> Vec<Finding> {
    let workflow = project.config.status_issue.workflow.clone();
    let mut questions = Questions { needs: needs(project), workflow };
    let actions = world.actions.as_ref();
    let issue = &project.config.status_issue;
    let mut of_issue = Vec::new();
    if issue.token_env.is_some() || issue.api_url.is_some() {
        // The status issue has a token of its own: what it may do is asked with that one.
        let (issues, others): (Vec<Need>, Vec<Need>) =
            questions.needs.into_iter().partition(|need| need.permission == Permission::Issues);
        questions.needs = others;
        let own = Questions { needs: issues, workflow: questions.workflow.clone() };
        if !own.needs.is_empty() {
            let found = match world::github_of_issue(project, actions) {
                Ok(connection) => examine(&connection, &own).await,
                Err(why) => unasked(&own, &why),
            };
            of_issue = found.into_iter().filter_map(as_of_issue).collect();
        }
    }
    let mut findings = match world::github(project, actions) {
        Ok(connection) => examine(&connection, &questions).await,
        Err(why) => unasked(&questions, &why),
    };
    findings.extend(of_issue);
    findings
}

/// The part of what was found that is about the status issue.
fn as_of_issue(mut finding: Finding) -> Option<Finding> {
    match finding.id.as_str() {
        "github.token" => finding.id = "status_issue.token".to_owned(),
        "permission.issues" | "github.issues" => {}
        _ => return None,
    }
    Some(finding)
}

fn needs(project: &Project) -> Vec<Need> {
    let config = &project.config;
    let need = |permission, write, without: &str| Need { permission, write, without: without.to_owned() };
    let mut needs = Vec::new();
    if config.status_issue.enabled {
        needs.push(need(Permission::Issues, true, "the status issue is not kept current"));
    }
    needs.push(need(Permission::Actions, false, "nobody can see whether the schedule is on"));
    if !config.policy.required_checks.is_empty() {
        needs.push(need(Permission::Checks, false, "the safety gate cannot see required checks, and blocks"));
        needs.push(need(Permission::Statuses, false, "the safety gate cannot see required statuses, and blocks"));
    }
    let deploys = config.deploy.deployer.is_some() || config.services.iter().any(|service| service.deploy.is_some());
    if deploys && config.deploy.records.enabled != Some(false) {
        needs.push(need(Permission::Deployments, true, "deployments are not shown at GitHub"));
    }
    if config.rollback.pull_request {
        needs.push(need(Permission::PullRequests, true, "a rollback opens no pull request"));
    }
    needs
}
