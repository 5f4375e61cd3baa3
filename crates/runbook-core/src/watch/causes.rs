//! Whose fault it is: of services that depend on each other and are in a bad state, the one where it began. Also what the
//! dependencies may look like. What a status makes of a cause is no business of this file.

use std::collections::{BTreeMap, BTreeSet};

use super::alert_rule::did_you_mean;
use crate::words::{Health, ServiceId};

/// Dependencies that make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DependencyError {
    /// The service whose `depends_on` is wrong.
    pub service: ServiceId,
    /// What is wrong with it: the name that is not configured, or the path of the circle.
    pub message: String,
}

/// Whether each dependency is configured, which is to say a key of this map, and no service depends on itself.
///
/// # Errors
/// [`DependencyError`] at the first that is wrong: names that are not configured before circles.
pub fn check_dependencies(depends_on: &BTreeMap<ServiceId, Vec<ServiceId>>) -> Result<(), DependencyError> {
    for (service, names) in depends_on {
        if let Some(name) = names.iter().find(|name| !depends_on.contains_key(*name)) {
            let known = depends_on.keys().filter(|known| *known != service).map(ServiceId::as_str);
            let hint = did_you_mean(name.as_str(), known);
            let message = format!("`{service}` depends on `{name}`, which is not configured: {hint}");
            return Err(DependencyError { service: service.clone(), message });
        }
    }
    let Some(path) = circle(depends_on) else { return Ok(()) };
    let words: Vec<&str> = path.iter().map(ServiceId::as_str).collect();
    let message = format!("services depend on each other in a circle: {}", words.join(" → "));
    Err(DependencyError { service: path[0].clone(), message })
}

/// The first circle, as the path from a service back to itself; never empty.
fn circle(depends_on: &BTreeMap<ServiceId, Vec<ServiceId>>) -> Option<Vec<ServiceId>> {
    let mut done: BTreeSet<&ServiceId> = BTreeSet::new();
    for start in depends_on.keys() {
        // The services on the way down, each with those of its dependencies that were not yet gone into.
        let mut way: Vec<(&ServiceId, std::slice::Iter<'_, ServiceId>)> = Vec::new();
        let mut next = Some(start);
        loop {
            if let Some(service) = next.filter(|service| !done.contains(service)) {
                if let Some(from) = way.iter().position(|(above, _)| *above == service) {
                    let path = way[from..].iter().map(|(service, _)| *service).chain([service]);
                    return Some(path.cloned().collect());
                }
                way.push((service, depends_on.get(service).map(Vec::as_slice).unwrap_or_default().iter()));
            }
            let Some((service, dependencies)) = way.last_mut() else { break };
            next = dependencies.next();
            if next.is_none() {
                done.insert(*service);
                way.pop();
            }
        }
    }
    None
}

/// For each service that is in a bad state because of another: that other one.
///
/// | dependency | it explains |
/// | --- | --- |
/// | unhealthy, unknown | each dependant that is not healthy |
/// | degraded | dependants that are degraded |
/// | healthy, not looked at | nothing |
///
/// The cause is followed from dependency to dependency, to one that nothing explains. Of several such, the worst counts;
/// of equally bad ones the first, in the order of `depends_on`. Services in a circle explain each other and so have no
/// cause; [`check_dependencies`] refuses circles.
pub fn root_causes(
    depends_on: &BTreeMap<ServiceId, Vec<ServiceId>>,
    health: &BTreeMap<ServiceId, Health>,
) -> BTreeMap<ServiceId, ServiceId> {
    let graph = Graph::of(depends_on, health);
    let mut reached = vec![None; graph.nodes.len()];
    let mut causes = BTreeMap::new();
    for (at, (service, _)) in graph.nodes.iter().enumerate() {
        if let Some(root) = graph.root(at, &mut reached) {
            causes.insert((*service).clone(), graph.nodes[root].0.clone());
        }
    }
    causes
}

/// The services that are not healthy, and which of them explain which.
struct Graph<'a> {
    nodes: Vec<(&'a ServiceId, Health)>,
    /// By the place of a service in `nodes`, the places of those that explain it, in the order of `depends_on`.
    explained_by: Vec<Vec<usize>>,
}

impl<'a> Graph<'a> {
    fn of(depends_on: &'a BTreeMap<ServiceId, Vec<ServiceId>>, health: &'a BTreeMap<ServiceId, Health>) -> Self {
        let nodes: Vec<(&ServiceId, Health)> = health
            .iter()
            .filter(|(_, health)| **health != Health::Healthy)
            .map(|(service, health)| (service, *health))
            .collect();
        let places: BTreeMap<&ServiceId, usize> =
            nodes.iter().enumerate().map(|(at, (service, _))| (*service, at)).collect();
        let explained_by = nodes
            .iter()
            .map(|(service, of)| {
                let names = depends_on.get(*service).map(Vec::as_slice).unwrap_or_default();
                let bad = names.iter().filter_map(|name| places.get(name).copied());
                bad.filter(|at| explains(nodes[*at].1, *of)).collect()
            })
            .collect();
        Self { nodes, explained_by }
    }

    /// The root cause of one service; `None` when nothing explains it. `reached` holds for each service from where it was
    /// reached last, so that it needs not be cleared.
    fn root(&self, of: usize, reached: &mut [Option<usize>]) -> Option<usize> {
        let mut worst: Option<usize> = None;
        reached[of] = Some(of);
        // What lies on top is next, so the dependencies go in backwards.
        let mut open: Vec<usize> = self.explained_by[of].iter().rev().copied().collect();
        while let Some(at) = open.pop() {
            if reached[at].replace(of) == Some(of) {
                continue;
            }
            if !self.explained_by[at].is_empty() {
                open.extend(self.explained_by[at].iter().rev());
                continue;
            }
            let is_worse = |than: usize| {
                let health = self.nodes[at].1;
                health != self.nodes[than].1 && health.worst(self.nodes[than].1) == health
            };
            if worst.is_none_or(is_worse) {
                worst = Some(at);
            }
            if self.nodes[at].1 == Health::Unhealthy {
                // Nothing is worse, and nothing that follows is earlier.
                break;
            }
        }
        worst
    }
}

/// Whether the state of a dependency explains that of a dependant which is not healthy.
fn explains(dependency: Health, dependant: Health) -> bool {
    match dependency {
        Health::Unhealthy | Health::Unknown => true,
        Health::Degraded => dependant == Health::Degraded,
        Health::Healthy => false,
    }
}

#[cfg(test)]
#[path = "tests_causes.rs"]
mod tests;
