//! The same work again and again, so many at a time and for so long, and what a process used for it.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use serde_json::{Value, json};
use tokio::task::LocalSet;

use crate::{Fault, usage::Usage};

/// The share of the time that goes before anything counts.
const WARM_UP: f64 = 0.15;

/// How much is asked, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub concurrency: usize,
    pub time: Duration,
}

impl Load {
    /// Has each worker do its work until the time is over; the number counts what was done before it, by all workers.
    /// `process` is the one whose use counts.
    pub async fn run<W, A>(self, process: &str, mut worker: impl FnMut() -> W) -> Result<Value, Fault>
    where
        W: FnMut(usize) -> A + 'static,
        A: Future<Output = Result<(), Fault>> + 'static,
    {
        let begun = Instant::now();
        let counts_from = begun + self.time.mul_f64(WARM_UP);
        let ends = begun + self.time;
        let before = Rc::new(Cell::new(None));
        let begun_work = Rc::new(Cell::new(0));
        let local = LocalSet::new();
        let tasks: Vec<_> = (0..self.concurrency)
            .map(|_| {
                let (mut work, before, process) = (worker(), before.clone(), process.to_owned());
                let begun_work = begun_work.clone();
                local.spawn_local(async move {
                    let mut took = Vec::with_capacity(1 << 16);
                    loop {
                        let started = Instant::now();
                        if started >= ends {
                            return Ok::<_, Fault>(took);
                        }
                        if started >= counts_from && before.get().is_none() {
                            before.set(Some((started, Usage::of(&process)?)));
                        }
                        let number = begun_work.replace(begun_work.get() + 1);
                        work(number).await?;
                        if before.get().is_some_and(|(since, _)| started >= since) {
                            took.push(started.elapsed());
                        }
                    }
                })
            })
            .collect();
        let all = local.run_until(try_join_all(tasks)).await?;
        let (since, before) = before.get().ok_or("the time was too short to count anything")?;
        let (elapsed, after) = (since.elapsed(), Usage::of(process)?);
        let mut took: Vec<Duration> = all.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        took.sort_unstable();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let rank = |percent: usize| took.get(took.len() * percent / 100).copied().map(ms);
        Ok(json!({
            "done": took.len(),
            "elapsed_ms": ms(elapsed),
            "cpu_ms": after.cpu_ms - before.cpu_ms,
            "peak_rss_kb": after.peak_rss_kb,
            "p50_ms": rank(50),
            "p95_ms": rank(95),
        }))
    }
}
