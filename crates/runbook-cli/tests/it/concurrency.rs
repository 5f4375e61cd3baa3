//! Many at once: of runs that change services one is at work, whoever starts them and wherever the journal is; the others
//! are told so, and none is lost.

use std::{collections::BTreeSet, fs, process};

use runbook_core::Verdict;
use tempfile::TempDir;

use crate::bench::{CONFIG, Ran, World, end};

/// Says so in the log when it is not alone.
const DEPLOY: &str = r#"set -eu
mkdir "$MACHINE/busy" || echo overlap >> "$MACHINE/log"
echo "deploy $1" >> "$MACHINE/log"
sleep 0.2
printf '%s' "$1" > "$MACHINE/live.new"
mv "$MACHINE/live.new" "$MACHINE/live"
rmdir "$MACHINE/busy"
"#;

/// Checkouts of one project, each with its own releases to deploy, to one machine.
struct Fleet {
    worlds: Vec<World>,
    /// How many runs are started at once, one for each release.
    runs: usize,
    /// Where their journal is, when they share one through a remote.
    _remote: Option<TempDir>,
}

fn release(number: usize) -> String {
    format!("v2.{number}.0")
}

async fn checkout(journal: &str, runs: usize) -> World {
    let world = World::with(&format!("{CONFIG}\n[journal]\n{journal}\n")).await;
    world.repository.write("ops/deploy.sh", DEPLOY);
    for number in 0..runs {
        world.repository.write("VERSION", release(number));
        world.repository.commit(&format!("Release {}", release(number)));
        world.repository.tag(&release(number));
    }
    world
}

impl Fleet {
    /// All runs in one checkout, whose journal has this home.
    async fn at_home(home: &str, runs: usize) -> Self {
        let world = checkout(&format!("home = \"{home}\""), runs).await;
        world.deployed("v1.0.0").await;
        Self { worlds: vec![world], runs, _remote: None }
    }

    /// Each run in a checkout of its own, with a state directory of its own, as if on a machine of its own.
    async fn apart(runs: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bare = folder.path().join("remote.git");
        let made = process::Command::new("git").args(["init", "--quiet", "--bare"]).arg(&bare).status().unwrap();
        assert!(made.success());
        let journal = format!("home = \"remote\"\nremote = \"file://{}\"", bare.display());
        let first = checkout(&journal, runs).await;
        first.deployed("v1.0.0").await;
        let mut worlds = vec![first];
        for _ in 1..runs {
            let mut world = checkout(&journal, runs).await;
            world.set("MACHINE", worlds[0].beside("machine").display().to_string());
            world.set("API_URL", worlds[0].service.url());
            worlds.push(world);
        }
        Self { worlds, runs, _remote: Some(folder) }
    }

    fn world(&self, number: usize) -> &World {
        &self.worlds[number % self.worlds.len()]
    }

    /// What was deployed, oldest first.
    fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.worlds[0].machine("log")).unwrap();
        log.lines().map(str::to_owned).collect()
    }

    /// Starts a deploy of each of these releases, all at once, and waits for their ends.
    async fn deploy(&self, numbers: &[usize]) -> Vec<(usize, Ran)> {
        let start = |number: usize| {
            let child = self.world(number).start(&["deploy", &release(number), "--format", "json"]);
            (number, child)
        };
        let started: Vec<_> = numbers.iter().map(|number| start(*number)).collect();
        let mut ended = Vec::new();
        for (number, child) in started {
            ended.push((number, end(child, &["deploy", &release(number)]).await));
        }
        ended
    }

    /// Starts them all at once, and those again that were kept away, so many rounds at most. In the end each run that was
    /// started is in the history with its end, and each that says so did deploy, alone.
    async fn race(&self, rounds: usize) {
        let mut waiting: Vec<usize> = (0..self.runs).collect();
        let mut known = BTreeSet::new();
        let mut deployed = self.log();
        for round in 0..rounds {
            let mut kept_away = Vec::new();
            let mut succeeded = Vec::new();
            for (number, ran) in self.deploy(&waiting).await {
                match ran.code {
                    Some(0) => {
                        known.insert(ran.report(Verdict::Succeeded).run.to_string());
                        succeeded.push(format!("deploy {}", release(number)));
                    }
                    Some(3) => {
                        let report = ran.report(Verdict::Blocked);
                        assert!(report.verdict_reason.is_some_and(|reason| !reason.is_empty()), "{ran}");
                        known.insert(report.run.to_string());
                        kept_away.push(number);
                    }
                    code => panic!("round {round}: a deploy ended with {code:?}: {ran}"),
                }
            }
            let log = self.log();
            assert!(!log.contains(&"overlap".to_owned()), "two were at work at once: {log:?}");
            assert!(!succeeded.is_empty(), "nobody came to deploy in round {round}");
            let mut new = log[deployed.len()..].to_vec();
            let newest = new.last().and_then(|line| line.strip_prefix("deploy ")).map(str::to_owned);
            assert_eq!(self.worlds[0].live(), newest, "the newest deploy is live");
            new.sort();
            succeeded.sort();
            assert_eq!(new, succeeded, "each that says so deployed, and nobody else");
            deployed = log;
            waiting = kept_away;
            if waiting.is_empty() {
                break;
            }
        }
        self.remembers(&known).await;
    }

    /// The first checkout and the last one know of each run, and of its end.
    async fn remembers(&self, known: &BTreeSet<String>) {
        for world in [&self.worlds[0], self.world(self.runs - 1)] {
            world.run(&["history", "--verify"]).await.exits(0);
            let history = world.json(&["history", "--limit", "1000"]).await.exits(0).json();
            let runs = history["runs"].as_array().unwrap();
            assert!(runs.iter().all(|run| run["finished_at"].is_string()), "a run has no end: {history}");
            let told: BTreeSet<&str> = runs.iter().filter_map(|run| run["run"].as_str()).collect();
            let lost: Vec<&String> = known.iter().filter(|run| !told.contains(run.as_str())).collect();
            assert!(lost.is_empty(), "runs were lost: {lost:?} of {history}");
            // The first deploy is one more.
            assert_eq!(told.len(), known.len() + 1, "{history}");
            world.run(&["recover"]).await.exits(0).shows(&["no run was interrupted"]);
        }
    }
}

#[tokio::test]
async fn of_two_in_one_checkout_one_is_at_work() {
    Fleet::at_home("file", 2).await.race(2).await;
}

#[tokio::test]
async fn of_eight_in_one_checkout_one_is_at_work() {
    Fleet::at_home("file", 8).await.race(8).await;
}

/// A few rounds: their appends wait for one another, and each is synced.
#[tokio::test]
async fn of_eight_with_their_journal_in_git_one_is_at_work() {
    Fleet::at_home("local", 8).await.race(3).await;
}

#[tokio::test]
async fn of_two_that_share_a_remote_one_is_at_work() {
    Fleet::apart(2).await.race(2).await;
}

/// One round: eight that push to one remote take their time.
#[tokio::test]
async fn of_eight_that_share_a_remote_one_is_at_work() {
    Fleet::apart(8).await.race(1).await;
}

/// Who may wait comes to its turn after the other, with a plan of the world as it is then.
#[tokio::test]
async fn who_waits_comes_to_its_turn() {
    let world = World::new().await;
    world.deployed("v1.0.0").await;
    world.run(&["lock", "--reason", "a short look"]).await.exits(0);
    let waiting = world.start(&["deploy", "v1.1.0", "--wait", "30s"]);
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert_eq!(world.live().as_deref(), Some("v1.0.0"));
    world.run(&["unlock", "--reason", "done"]).await.exits(0);
    end(waiting, &["deploy", "v1.1.0", "--wait", "30s"]).await.exits(0).shows(&["waiting for it, at most"]);
    assert_eq!(world.live().as_deref(), Some("v1.1.0"));

    // In vain: it is blocked, and says by whom.
    world.run(&["lock", "--reason", "a long look"]).await.exits(0);
    world.run(&["deploy", "v1.0.0", "--wait", "300ms"]).await.exits(3).shows(&["a long look"]);
    world.run(&["deploy", "v1.0.0", "--wait", "soon"]).await.exits(2).says(&["--wait", "a length of time such as"]);
    // A stop waits for nobody.
    world.run(&["emergency-stop"]).await.exits(0);
}

#[tokio::test]
async fn of_four_that_wait_each_comes_to_its_turn() {
    let lane = Fleet::at_home("file", 4).await;
    let start = |number: usize| lane.world(number).start(&["deploy", &release(number), "--wait", "50s"]);
    let started: Vec<_> = (0..4).map(start).collect();
    for (number, child) in started.into_iter().enumerate() {
        end(child, &["deploy", &release(number), "--wait", "50s"]).await.exits(0);
    }
    let log = lane.log();
    assert!(!log.contains(&"overlap".to_owned()), "{log:?}");
    assert_eq!(log.iter().filter(|line| line.starts_with("deploy v2.")).count(), 4, "{log:?}");
}
