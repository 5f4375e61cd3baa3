//! Commands of a deployer that keep a log of what they did, and can kill the runbook that started them.

use std::fs::{self, File};

use crate::bench::{CONFIG, World, until};

/// Kills the runbook that started this script when a file says so, once. The file says whether the script then ends too,
/// or waits for a word and goes on: the kernel does not end it with its starter.
const DIE: &str = r#"set -eu
die() {
    [ -e "$MACHINE/kill-$1" ] || return 0
    then=$(cat "$MACHINE/kill-$1")
    rm "$MACHINE/kill-$1"
    kill -9 "$PPID"
    [ "$then" = goes-on ] || exit 1
    while [ ! -e "$MACHINE/go" ]; do sleep 0.02; done
}
"#;

const DEPLOY: &str = r#"echo "deploy $1 $RUNBOOK_EFFECT_KEY" >> "$MACHINE/log"
die "before-$1"
printf '%s' "$1" > "$MACHINE/live.new"
mv "$MACHINE/live.new" "$MACHINE/live"
echo "$RUNBOOK_EFFECT_KEY" >> "$MACHINE/done"
die "after-$1"
"#;

const STOP: &str = r#"echo "stop - $RUNBOOK_EFFECT_KEY" >> "$MACHINE/log"
die before-stop
rm -f "$MACHINE/live"
echo "$RUNBOOK_EFFECT_KEY" >> "$MACHINE/done"
die after-stop
"#;

/// Knows for each effect whether it happened.
const STATE: &str = r#"if grep -qxF "$RUNBOOK_EFFECT_KEY" "$MACHINE/done"; then
    echo happened
else
    echo did-not-happen
fi
"#;

/// The homes of a journal that need no other machine.
pub(super) const HOMES: [&str; 2] = ["file", "local"];

/// A world with these scripts, v1.0.0 and v1.1.0. With `knows`, its deployer can say of each effect whether it happened;
/// otherwise only what is live.
pub(super) async fn world(home: &str, knows: bool) -> World {
    let state = if knows { "state = [\"sh\", \"ops/state.sh\"]\n" } else { "" };
    let config = CONFIG.replace("live = [", &format!("{state}live = ["));
    let world = World::with(&format!("{config}\n[journal]\nhome = \"{home}\"\n")).await;
    for (name, script) in [("deploy", DEPLOY), ("stop", STOP)] {
        world.repository.write(&format!("ops/{name}.sh"), format!("{DIE}{script}"));
    }
    world.repository.write("ops/state.sh", STATE);
    world.repository.commit("Scripts that keep a log");
    world
}

/// Something that a script did: a line of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deed {
    /// `deploy` or `stop`.
    pub(super) verb: String,
    /// The release; `-` for a stop.
    pub(super) release: String,
    /// The key of the effect that it was begun for.
    pub(super) key: String,
}

/// What was begun, oldest first.
pub(super) fn deeds(world: &World) -> Vec<Deed> {
    let log = fs::read_to_string(world.machine("log")).unwrap_or_default();
    let deed = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        let mut next = || words.next().unwrap_or_else(|| panic!("half a line in the log: {line:?}"));
        Deed { verb: next(), release: next(), key: next() }
    };
    log.lines().map(deed).collect()
}

/// The keys of the effects that were brought to their end.
pub(super) fn done(world: &World) -> Vec<String> {
    let done = fs::read_to_string(world.machine("done")).unwrap_or_default();
    done.lines().map(str::to_owned).collect()
}

/// Waits until no script of a killed runbook is at work any more: each inherits a lock.
pub(super) async fn calm(world: &World) {
    let lock = world.state_dir().join("commands/production/api.lock");
    let is_free = || File::open(&lock).map_or(true, |file| file.try_lock_shared().is_ok());
    until("a script of a killed run ends", is_free).await;
}
