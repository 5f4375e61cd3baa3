//! What `cargo xtask bench journal` measures: a journal in git with a long history is opened and appended to, beside
//! the reading of that history and beside git's own commands. Prints one JSON document. Arguments: RUNS ROUNDS FOLDER.
//!
//! `runs` makes up what happened, `repository` is where it is stored and what git itself does with it.

mod repository;
mod runs;

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use runbook_core::{
    event::Head,
    ports::Journal,
    state::{EnvironmentState, Snapshot},
};
use serde_json::{Value, json};

use self::{
    repository::Repository,
    runs::{APPENDS, EVENTS, Runs},
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [wanted, rounds, folder] = arguments.as_slice() else {
        println!("see `cargo xtask bench journal`");
        return Ok(());
    };
    let (wanted, rounds): (u32, u32) = (wanted.parse()?, rounds.parse()?);
    let mut runs = Runs::new()?;
    let begun = Instant::now();
    let repository = Repository::make(Path::new(folder), &mut runs, wanted)?;
    let made = begun.elapsed();
    let facts: [(&str, Value); 6] = [
        ("runs", wanted.into()),
        ("events", (wanted * EVENTS).into()),
        ("appends", (wanted * APPENDS).into()),
        ("state_bytes", Snapshot::text(runs.head(), runs.state()).len().into()),
        ("pack_bytes", repository.pack_bytes()?.into()),
        ("made_s", made.as_secs_f64().into()),
    ];
    // As the face does it: one thread is enough for waiting.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(measure(&repository, &mut runs, rounds))?;
    let mut document = json!({
        "open_ms": figures.open,
        "replay_ms": figures.replay,
        "cat_file_ms": figures.cat_file,
        "append_ms": figures.append,
        "plumbing_ms": figures.plumbing,
        "sync_ms": figures.sync,
    });
    for (name, fact) in facts {
        document[name] = fact;
    }
    println!("{document}");
    Ok(())
}

/// Milliseconds of each round.
#[derive(Debug, Default)]
struct Figures {
    open: Vec<f64>,
    replay: Vec<f64>,
    cat_file: Vec<f64>,
    append: Vec<f64>,
    plumbing: Vec<f64>,
    sync: Vec<f64>,
}

/// Everything in turns, round by round. The first round warms up and does not count.
async fn measure(repository: &Repository, runs: &mut Runs, rounds: u32) -> Result<Figures> {
    let mut figures = Figures::default();
    for round in 0..=rounds {
        let open = open(repository, runs).await?;
        let cat_file = repository.show_state(runs)?;
        let replay = replay(repository, runs).await?;
        let append = append(repository, runs).await?;
        let plumbing = append_by_git(repository, runs)?;
        let sync = repository.sync_once(runs)?;
        if round > 0 {
            figures.open.push(ms(open));
            figures.replay.push(ms(replay));
            figures.cat_file.push(ms(cat_file));
            figures.append.push(ms(append));
            figures.plumbing.push(ms(plumbing));
            figures.sync.push(ms(sync));
        }
    }
    Ok(figures)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// As a run opens it: finds the repository, and reads the newest fold.
async fn open(repository: &Repository, runs: &Runs) -> Result<Duration> {
    let started = Instant::now();
    let snapshot = repository.journal()?.snapshot().await?;
    let took = started.elapsed();
    let newest = snapshot.is_some_and(|snapshot| snapshot.head == runs.head() && snapshot.state == *runs.state());
    if newest { Ok(took) } else { Err("the journal does not hold the newest state".into()) }
}

/// What opening would be without the fold: the whole chain is read, verified and folded.
async fn replay(repository: &Repository, runs: &Runs) -> Result<Duration> {
    let started = Instant::now();
    let (stored, head) = repository.journal()?.replay(Head::EMPTY).await?;
    let state = EnvironmentState::replay(stored.iter().map(|stored| &stored.event));
    let took = started.elapsed();
    if head == runs.head() && state == *runs.state() {
        Ok(took)
    } else {
        Err("the journal does not lead to the newest state".into())
    }
}

/// The mean of a run's appends, through a journal that is open.
async fn append(repository: &Repository, runs: &mut Runs) -> Result<Duration> {
    let journal = repository.journal()?;
    let mut took = Duration::ZERO;
    for _ in 0..APPENDS {
        let batch = runs.next_batch()?;
        let started = Instant::now();
        journal.append(&batch.encoded, batch.after, runs.state()).await?;
        took += started.elapsed();
    }
    Ok(took / APPENDS)
}

/// The mean of a run's appends, each by git's own commands.
fn append_by_git(repository: &Repository, runs: &mut Runs) -> Result<Duration> {
    let mut took = Duration::ZERO;
    for _ in 0..APPENDS {
        let batch = runs.next_batch()?;
        took += repository.append_by_git(&batch, runs)?;
    }
    Ok(took / APPENDS)
}
