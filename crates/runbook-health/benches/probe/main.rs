//! The processes of `cargo xtask bench`'s `probe`, `probe-tls` and `services`, each started by it with a word:
//!
//! - `target LISTENERS`, `secure-target LISTENERS FOLDER`, `holes`: what is probed, until standard input ends;
//! - `probe URLS PATTERN CONCURRENCY MILLISECONDS [CA]`: the crate's own probe, again and again;
//! - `floor URLS CONCURRENCY MILLISECONDS`: plain requests, which no monitor could do without;
//! - `drive EXPORTER PROCESS URLS CONCURRENCY MILLISECONDS`: asks a blackbox_exporter for the same.
//!
//! A target prints one line with its URLs, which are asked in turns: the ports that connections to one of them come from
//! would run out in a second. The others print one JSON document. Every worker takes fresh connections,
//! reads whole bodies, and stops at the first answer that is not what it should be.

mod client;
mod drive;
mod floor;
mod load;
mod ours;
mod target;
mod usage;

use std::{error::Error, time::Duration};

use load::Load;

/// Whatever ends a worker.
type Fault = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // As the faces do it: one thread is enough for waiting.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = match words.as_slice() {
        ["target", listeners] => return runtime.block_on(target::plain(listeners.parse()?)),
        ["secure-target", listeners, folder] => {
            return runtime.block_on(target::secure(listeners.parse()?, folder.as_ref()));
        }
        ["holes"] => return runtime.block_on(target::holes()),
        ["probe", urls, pattern, concurrency, ms, ca @ ..] if ca.len() < 2 => {
            runtime.block_on(ours::probe(&turns(urls)?, pattern, ca.first().copied(), load(concurrency, ms)?))
        }
        ["floor", urls, concurrency, ms] => runtime.block_on(floor::requests(&turns(urls)?, load(concurrency, ms)?)),
        ["drive", exporter, process, urls, concurrency, ms] => {
            runtime.block_on(drive::exporter(exporter, process, &turns(urls)?, load(concurrency, ms)?))
        }
        _ => {
            println!("see `cargo xtask bench probe`");
            return Ok(());
        }
    };
    println!("{}", measured?);
    Ok(())
}

fn load(concurrency: &str, ms: &str) -> Result<Load, Fault> {
    Ok(Load { concurrency: concurrency.parse()?, time: Duration::from_millis(ms.parse()?) })
}

fn turns(urls: &str) -> Result<Vec<&str>, Fault> {
    let urls: Vec<&str> = urls.split_whitespace().collect();
    if urls.is_empty() { Err("there is no URL".into()) } else { Ok(urls) }
}
