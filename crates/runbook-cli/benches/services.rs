//! Rounds of looks at very many services, through the real configuration, engine and probes; `cargo xtask bench
//! services` starts it. Arguments: CONFIGURATION ROUNDS. Prints one JSON document.

use std::{
    error::Error,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use async_trait::async_trait;
use runbook_core::{
    Health, Reading, Redactor,
    config::{Config, Document},
    engine::{Engine, Surroundings},
    ports::{Forge, Probe, ProbeError, SystemClock},
    registry::{BuildError, Lookup, ProbeDefinition, Registry, Scope},
};
use runbook_health::{HttpProbe, HttpSettings};
use runbook_process::{FileJournal, ProcessLiveness};
use serde_json::{Value, json};

/// At every so many samples, the open files are counted: a count of some hundred of them takes a moment.
const COUNTED_EVERY: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [file, rounds] = arguments.as_slice() else {
        println!("see `cargo xtask bench services`");
        return Ok(());
    };
    let begun = Instant::now();
    let config = read(Path::new(file))?;
    let folder = tempfile::tempdir()?;
    let mut registry = Registry::default();
    registry.probe::<Timed>();
    let engine = Engine::assemble(&config, &registry, &surroundings(folder.path(), &config))?;
    let ready_ms = ms(begun);
    // As the face does it: one thread is enough for waiting.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rounds: u32 = rounds.parse()?;
    let measured = runtime.block_on(async {
        let mut measured = Vec::new();
        for _ in 0..rounds {
            measured.push(round(&engine).await?);
        }
        Ok::<_, Box<dyn Error>>(measured)
    })?;
    let (services, peak) = (config.services.len(), memory_kb("VmHWM:")?);
    println!("{}", json!({ "services": services, "ready_ms": ready_ms, "peak_rss_kb": peak, "rounds": measured }));
    Ok(())
}

async fn round(engine: &Engine) -> Result<Value, Box<dyn Error>> {
    let open_before = open_files();
    SEEN.begin();
    let begun = Instant::now();
    let document = engine.check(&[]).await;
    let took = ms(begun);
    let count = |health: Health| document.services.iter().filter(|row| row.health == health).count();
    let round = json!({
        "ms": took,
        "healthy": count(Health::Healthy),
        "unhealthy": count(Health::Unhealthy),
        "samples": SEEN.samples.load(Relaxed),
        "most_under_way": SEEN.most_under_way.load(Relaxed),
        "most_sockets": SEEN.most_open.load(Relaxed).saturating_sub(open_before),
        "healthy_known_ms": SEEN.healthy_known(begun),
        "longest_healthy_ms": SEEN.longest_healthy_us.load(Relaxed) as f64 / 1e3,
    });
    drop(document);
    let mut round = round;
    round["rss_kb"] = memory_kb("VmRSS:")?.into();
    Ok(round)
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn read(file: &Path) -> Result<Config, Box<dyn Error>> {
    let document = Document::parse(file, &fs::read_to_string(file)?)?;
    let environment = document.default_environment().ok_or("the configuration has no default environment")?;
    Ok(document.config(&environment, &Lookup::new(|_| None))?)
}

fn surroundings(folder: &Path, config: &Config) -> Surroundings {
    Surroundings {
        root: folder.to_owned(),
        state_dir: folder.to_owned(),
        variables: Lookup::new(|_| None),
        redactor: Redactor::default(),
        clock: Arc::new(SystemClock),
        liveness: Arc::new(ProcessLiveness::new()),
        journal: Arc::new(FileJournal::open(folder, &config.environment)),
        local_latch: None,
        version_control: None,
        issue_tracker: Err("a bench publishes no status".to_owned()),
        forge: Forge::none("a bench asks no forge"),
        history: None,
        sinks: Vec::new(),
        hosted_runner: false,
    }
}

/// What was seen of a round's samples.
struct Seen {
    samples: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    most_open: AtomicUsize,
    /// Since [`Seen::origin`], in microseconds.
    healthy_known_us: AtomicU64,
    longest_healthy_us: AtomicU64,
    origin: std::sync::LazyLock<Instant>,
}

static SEEN: Seen = Seen {
    samples: AtomicUsize::new(0),
    under_way: AtomicUsize::new(0),
    most_under_way: AtomicUsize::new(0),
    most_open: AtomicUsize::new(0),
    healthy_known_us: AtomicU64::new(0),
    longest_healthy_us: AtomicU64::new(0),
    origin: std::sync::LazyLock::new(Instant::now),
};

impl Seen {
    fn begin(&self) {
        for count in [&self.samples, &self.most_under_way, &self.most_open] {
            count.store(0, Relaxed);
        }
        self.longest_healthy_us.store(0, Relaxed);
        self.healthy_known_us.store(self.now_us(), Relaxed);
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// How long after the round had begun the last healthy service was known.
    fn healthy_known(&self, begun: Instant) -> f64 {
        let begun_us = self.now_us() as f64 - begun.elapsed().as_secs_f64() * 1e6;
        (self.healthy_known_us.load(Relaxed) as f64 - begun_us) / 1e3
    }
}

/// The probe of kind `http`, watched.
#[derive(Debug)]
struct Timed(HttpProbe);

impl ProbeDefinition for Timed {
    const KIND: &'static str = HttpProbe::KIND;
    type Settings = HttpSettings;

    fn build(settings: HttpSettings, scope: &Scope) -> Result<Self, BuildError> {
        HttpProbe::build(settings, scope).map(Self)
    }
}

#[async_trait]
impl Probe for Timed {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        let under_way = SEEN.under_way.fetch_add(1, Relaxed) + 1;
        SEEN.most_under_way.fetch_max(under_way, Relaxed);
        let begun = Instant::now();
        let reading = self.0.sample().await;
        SEEN.under_way.fetch_sub(1, Relaxed);
        if SEEN.samples.fetch_add(1, Relaxed).is_multiple_of(COUNTED_EVERY) {
            SEEN.most_open.fetch_max(open_files(), Relaxed);
        }
        if reading.as_ref().is_ok_and(|reading| reading.health == Health::Healthy) {
            let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            SEEN.longest_healthy_us.fetch_max(took, Relaxed);
            SEEN.healthy_known_us.fetch_max(SEEN.now_us(), Relaxed);
        }
        reading
    }
}

/// How many files, sockets among them, this process has open.
fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fn memory_kb(line: &str) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kb = status.lines().find_map(|found| found.strip_prefix(line)).ok_or("the line is missing")?;
    Ok(kb.trim().trim_end_matches("kB").trim_end().parse()?)
}
