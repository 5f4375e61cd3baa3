//! Tells the stories that were asked for.

use std::process::ExitCode;

use anyhow::Result;

use super::{
    document::Document,
    story,
    world::{Interrupt, World},
};
use crate::{Args, Format, Scenario};

/// Tells the stories that were asked for, and leaves nothing behind.
pub(crate) async fn run(args: &Args) -> Result<ExitCode> {
    let scenarios = match args.scenario {
        Scenario::All => vec![Scenario::Good, Scenario::BadRelease, Scenario::EmergencyStop],
        one => vec![one],
    };
    let interrupt = Interrupt::listen()?;
    let mut told = Vec::new();
    for scenario in scenarios {
        let mut world = World::new(args, interrupt.clone()).await?;
        let story = story::tell(scenario, &mut world).await;
        // Whatever happened, nothing is left running.
        let ended = world.end().await;
        let story = story?;
        ended?;
        if args.format == Format::Human {
            story.print();
        }
        told.push(story);
        if interrupt.signal().is_some() {
            break;
        }
    }
    let ok = told.iter().all(|story| story.ok());
    if args.format == Format::Json {
        println!("{}", serde_json::to_string_pretty(&Document::of(args.scenario, told))?);
    }
    Ok(match (interrupt.signal(), ok) {
        (Some(code), _) => ExitCode::from(code),
        (None, true) => ExitCode::SUCCESS,
        (None, false) => ExitCode::FAILURE,
    })
}
