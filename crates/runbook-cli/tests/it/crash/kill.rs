//! The hand that kills: SIGKILL for the runbook alone, as the kernel's out-of-memory killer would do it. What it started
//! lives on.

use std::{process::Stdio, time::Duration};

use runbook_testkit::github::FakeGitHub;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Child,
    time::timeout,
};

use crate::bench::{LONGEST, World, until};

async fn kill(mut child: Child) {
    child.kill().await.expect("it cannot be killed");
}

/// Starts a command and kills it once it has printed so many events, each of which is durable by then. False when it
/// ended before.
pub(crate) async fn killed_after(world: &World, arguments: &[&str], count: usize) -> bool {
    let mut command = world.command(&[arguments, &["--format", "events"]].concat());
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    while let Some(line) = timeout(LONGEST, lines.next_line()).await.expect("it takes too long").unwrap() {
        seen += usize::from(line.contains("runbook/event/v1"));
        if seen == count {
            kill(child).await;
            return true;
        }
    }
    child.wait().await.unwrap();
    false
}

/// Starts a command that nobody listens to.
fn unheard(world: &World, arguments: &[&str]) -> Child {
    world.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Starts a command and kills it after this time. False when it ended before.
pub(crate) async fn killed_within(world: &World, arguments: &[&str], delay: Duration) -> bool {
    let mut child = unheard(world, arguments);
    if timeout(delay, child.wait()).await.is_ok() {
        return false;
    }
    kill(child).await;
    true
}

/// Starts a command and kills it once so many requests have come to GitHub, which must not have answered the last of
/// them. False when it ended before.
pub(crate) async fn killed_at_call(world: &World, arguments: &[&str], github: &FakeGitHub, count: u32) -> bool {
    let mut child = unheard(world, arguments);
    let is_over = tokio::select! {
        ended = timeout(LONGEST, child.wait()) => {
            ended.expect("it takes too long").unwrap();
            true
        }
        () = until("the request", || github.requests().len() >= count as usize) => false,
    };
    if !is_over {
        kill(child).await;
    }
    !is_over
}
