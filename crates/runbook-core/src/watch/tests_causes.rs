//! Root causes: stories, and what holds for any services, circles included.

use proptest::{collection::vec, prelude::*};

use super::*;

fn id(name: &str) -> ServiceId {
    ServiceId::new(name).unwrap()
}

/// `api: db cache, db: disk`
fn dependencies(text: &str) -> BTreeMap<ServiceId, Vec<ServiceId>> {
    text.split(',')
        .filter_map(|line| line.trim().split_once(':'))
        .map(|(service, names)| (id(service), names.split_whitespace().map(id).collect()))
        .collect()
}

/// `api=u db=?`, with h, d, u and ? for the four states.
fn states(text: &str) -> BTreeMap<ServiceId, Health> {
    let health = |sign: &str| match sign {
        "h" => Health::Healthy,
        "d" => Health::Degraded,
        "u" => Health::Unhealthy,
        _ => Health::Unknown,
    };
    text.split_whitespace()
        .filter_map(|word| word.split_once('='))
        .map(|(name, sign)| (id(name), health(sign)))
        .collect()
}

/// The causes as `api<db cache<db`.
fn causes(depends_on: &str, health: &str) -> String {
    let found = root_causes(&dependencies(depends_on), &states(health));
    found.iter().map(|(service, cause)| format!("{service}<{cause}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn one_root_cause_is_named_for_all_that_depend_on_it() {
    let shop = "web: api, api: db cache, db: disk, cache:, disk:";
    assert_eq!(causes(shop, "web=u api=u db=u cache=h disk=u"), "api<disk db<disk web<disk");
    assert_eq!(causes(shop, "web=u api=u db=u cache=h disk=h"), "api<db web<db");
    assert_eq!(causes(shop, "web=d api=u db=h cache=h disk=h"), "web<api");
    assert_eq!(causes(shop, "web=? api=u db=? cache=h disk=h"), "api<db web<db", "what is unknown may be the cause");
    assert_eq!(causes(shop, "web=h api=h db=h cache=h disk=u"), "", "who copes without it has no cause");
}

#[test]
fn a_healthy_service_in_between_breaks_the_chain() {
    assert_eq!(causes("web: api, api: db, db:", "web=u api=h db=u"), "");
    assert_eq!(causes("web: api, api: db, db:", "web=u db=u"), "", "so does one that was not looked at");
}

#[test]
fn what_is_degraded_explains_only_what_is_degraded() {
    let chain = "web: api, api: db, db:";
    assert_eq!(causes(chain, "web=u api=h db=h"), "");
    assert_eq!(causes("web: db, db:", "web=d db=d"), "web<db");
    assert_eq!(causes("web: db, db:", "web=u db=d"), "");
    assert_eq!(causes("web: db, db:", "web=? db=d"), "");
    assert_eq!(causes(chain, "web=d api=d db=u"), "api<db web<db");
    assert_eq!(causes(chain, "web=u api=d db=u"), "api<db", "db did not break web through an api that still answers");
    assert_eq!(causes(chain, "web=u api=u db=d"), "web<api", "a slow db does not break an api");
}

#[test]
fn the_worst_counts_then_the_order_of_depends_on() {
    assert_eq!(causes("web: a b c, a:, b:, c:", "web=u a=? b=u c=u"), "web<b");
    assert_eq!(causes("web: c a b, a:, b:, c:", "web=u a=u b=u c=u"), "web<c");
    assert_eq!(causes("web: c a, a:, c:", "web=d a=? c=d"), "web<a");
    assert_eq!(
        causes("web: a b, a: x, b:, x:", "web=u a=u b=u x=u"),
        "a<x web<x",
        "a comes first, with what is behind it"
    );
    assert_eq!(causes("web: b a, a: x, b:, x:", "web=u a=u b=u x=u"), "a<x web<b");
}

#[test]
fn a_circle_ends_and_has_no_root() {
    assert_eq!(causes("a: b, b: a", "a=u b=u"), "");
    assert_eq!(causes("a: a", "a=u"), "");
    assert_eq!(causes("web: a, a: b, b: a c, c:", "web=u a=u b=u c=u"), "a<c b<c web<c", "there is a way out of it");
}

#[test]
fn names_that_are_not_configured_are_refused() {
    let error = check_dependencies(&dependencies("api: databse, database:")).unwrap_err();
    assert_eq!(error.service, id("api"));
    assert_eq!(error.to_string(), "`api` depends on `databse`, which is not configured: did you mean `database`?");
    let alone = check_dependencies(&dependencies("api: db")).unwrap_err();
    assert_eq!(alone.to_string(), "`api` depends on `db`, which is not configured: there is none to choose from");
}

#[test]
fn a_circle_is_refused_with_its_path() {
    assert_eq!(check_dependencies(&dependencies("web: api cache, api: db, cache: db, db:")), Ok(()));
    let error =
        check_dependencies(&dependencies("web: api, api: cache db, cache:, db: queue, queue: api")).unwrap_err();
    assert_eq!(error.service, id("api"));
    assert_eq!(error.to_string(), "services depend on each other in a circle: api → db → queue → api");
    let itself = check_dependencies(&dependencies("api: api")).unwrap_err();
    assert_eq!(itself.to_string(), "services depend on each other in a circle: api → api");
}

/// A chain as deep as the largest configuration: neither the stack nor the time runs out.
#[test]
fn a_long_chain_is_followed() {
    let name = |at: usize| id(&format!("s{at:05}"));
    let count = 5_000;
    let depends_on: BTreeMap<_, _> =
        (0..count).map(|at| (name(at), (at + 1 < count).then(|| name(at + 1)).into_iter().collect())).collect();
    assert_eq!(check_dependencies(&depends_on), Ok(()));
    let health = depends_on.keys().map(|service| (service.clone(), Health::Unhealthy)).collect();
    let found = root_causes(&depends_on, &health);
    assert_eq!(found.len(), count - 1);
    assert!(found.values().all(|root| *root == name(count - 1)));
}

type Services = (BTreeMap<ServiceId, Vec<ServiceId>>, BTreeMap<ServiceId, Health>);

/// Up to eight services; with `backwards`, each depends only on earlier ones, so that there is no circle.
fn services(backwards: bool) -> impl Strategy<Value = Services> {
    let health = prop_oneof![
        Just(None),
        Just(Some(Health::Healthy)),
        Just(Some(Health::Degraded)),
        Just(Some(Health::Unhealthy)),
        Just(Some(Health::Unknown))
    ];
    vec((health, vec(0_usize..8, 0..5)), 1..8).prop_map(move |drawn| {
        let name = |at: usize| id(&format!("s{at}"));
        let depends_on = drawn
            .iter()
            .enumerate()
            .map(|(at, (_, on))| {
                let on = on.iter().filter(|on| !backwards || **on < at).map(|on| name(*on));
                (name(at), on.collect())
            })
            .collect();
        let health = drawn.iter().enumerate().filter_map(|(at, (health, _))| Some((name(at), (*health)?))).collect();
        (depends_on, health)
    })
}

/// All that explain a service, directly or through others, written in another way than the code.
fn explained_by(service: &ServiceId, (depends_on, health): &Services) -> BTreeSet<ServiceId> {
    let mut all = BTreeSet::new();
    let mut grown = BTreeSet::from([service.clone()]);
    while !grown.is_empty() {
        let mut next = BTreeSet::new();
        for from in &grown {
            for to in depends_on.get(from).into_iter().flatten() {
                let (Some(of), Some(by)) = (health.get(from), health.get(to)) else { continue };
                if *of != Health::Healthy && explains(*by, *of) && all.insert(to.clone()) {
                    next.insert(to.clone());
                }
            }
        }
        grown = next;
    }
    all
}

proptest! {
    #[test]
    fn a_root_has_no_root_and_the_healthy_have_none(services in services(false)) {
        let (depends_on, health) = &services;
        let found = root_causes(depends_on, health);
        prop_assert_eq!(&found, &root_causes(depends_on, health));
        for (service, root) in &found {
            prop_assert_ne!(health[service], Health::Healthy);
            prop_assert_ne!(health[root], Health::Healthy);
            prop_assert!(!found.contains_key(root), "{} is the cause of {} and has one itself", root, service);
            prop_assert!(explained_by(service, &services).contains(root));
            prop_assert!(health[root] != Health::Degraded || health[service] == Health::Degraded);
        }
    }

    /// Without circles, whoever has a dependency that explains it has a cause, and none of its causes is worse.
    #[test]
    fn what_can_be_explained_is(services in services(true)) {
        let (depends_on, health) = &services;
        let found = root_causes(depends_on, health);
        prop_assert!(circle(depends_on).is_none());
        for service in health.keys() {
            let roots: Vec<ServiceId> = explained_by(service, &services)
                .into_iter()
                .filter(|by| explained_by(by, &services).is_empty())
                .collect();
            prop_assert_eq!(found.contains_key(service), !roots.is_empty());
            if let Some(root) = found.get(service) {
                let worst = roots.iter().map(|root| health[root]).reduce(Health::worst);
                prop_assert_eq!(Some(health[root]), worst);
            }
        }
    }

    /// A circle is found exactly when some service reaches itself.
    #[test]
    fn circles_are_found((depends_on, _) in services(false)) {
        let all: BTreeMap<_, _> = depends_on.keys().map(|service| (service.clone(), Health::Unhealthy)).collect();
        let known = (depends_on.clone(), all);
        let is_circular = depends_on.keys().any(|service| explained_by(service, &known).contains(service));
        let path = circle(&depends_on);
        prop_assert_eq!(path.is_some(), is_circular);
        if let Some(path) = path {
            prop_assert_eq!(path.first(), path.last());
            prop_assert!(path.windows(2).all(|pair| depends_on[&pair[0]].contains(&pair[1])));
        }
    }
}
