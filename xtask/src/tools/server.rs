//! A program that serves while others work: started, heard once, ended with its value.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

/// What is started here is ready within a second.
const START: Duration = Duration::from_secs(10);

/// A running program. Its standard input stays open as long as it shall run.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    said: String,
}

impl Server {
    /// Starts a program that says one line when it is ready.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut server = Self::start_silent(command.stdout(Stdio::piped()))?;
        let stdout = server.process.stdout.take().context("its output is a pipe")?;
        let (tell, told) = mpsc::channel();
        // It ends with the program, which closes the pipe.
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            // Nobody waits any more after the deadline.
            let _ = tell.send(read.map(|_| line));
        });
        let late = || format!("{:?} was not ready within {START:?}", command.get_program());
        server.said = told.recv_timeout(START).with_context(late)??.trim().to_owned();
        ensure!(!server.said.is_empty(), "{:?} ended without a word", command.get_program());
        Ok(server)
    }

    /// Starts a program that does not say when it is ready.
    pub(crate) fn start_silent(command: &mut Command) -> Result<Self> {
        let process = command.stdin(Stdio::piped()).spawn();
        let process = process.with_context(|| format!("failed to start {:?}", command.get_program()))?;
        Ok(Self { process, said: String::new() })
    }

    /// The line that it said.
    pub(crate) fn said(&self) -> &str {
        &self.said
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Whether it has ended on its own.
    pub(crate) fn is_over(&mut self) -> bool {
        !matches!(self.process.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended on its own, and there is nothing to save.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    #[test]
    fn a_program_is_heard_and_ended() {
        let mut server = Server::start(Command::new("sh").args(["-c", "echo ready at 17; cat"])).unwrap();
        assert_eq!(server.said(), "ready at 17");
        assert!(!server.is_over() && server.id() > 1);
        drop(server);
        assert!(Server::start(&mut Command::new("true")).is_err_and(|error| error.to_string().contains("without")));
    }
}
