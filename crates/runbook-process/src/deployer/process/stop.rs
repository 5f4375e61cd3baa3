//! Ending a service's processes: asked first, killed after, and believed only when the lock is free.

use std::{io, time::Duration};

use runbook_core::{LeftBehind, engine::Permit, ports::DeployError};
use rustix::process::{Pid, kill_process};

use super::{
    LocalProcessDeployer,
    home::Home,
    record::{Phase, Record, ServiceProcess},
};
use crate::{
    command::{ProcessGroup, Signal},
    fence::fenced,
    files::holders,
    procfs,
};

/// How long the kernel may take to end what was killed.
pub(super) const KILL_WAIT: Duration = Duration::from_secs(5);

impl LocalProcessDeployer {
    /// Ends a service that is alive. It returns once the lock is free.
    pub(super) async fn bring_down(&self, home: &Home, permit: &Permit) -> Result<(), DeployError> {
        let unknown = |message: &str, error: io::Error| {
            DeployError::new(LeftBehind::Unknown, message.to_owned()).caused_by(error)
        };
        let key = permit.key();
        // A record that cannot be read or written must not keep a service from being stopped.
        let record = home.record().unwrap_or_else(|error| {
            tracing::warn!(%error, "the record of a service cannot be read; its processes are sought by its lock");
            None
        });
        self.note(home, record.as_ref().map(|record| record.turned(Phase::Stopping, key)));
        let process = record.as_ref().and_then(|record| record.process);
        let ended = self.end(home, process, permit).await;
        if !ended.map_err(|error| unknown("failed to see whether the service is down", error))? {
            let seconds = KILL_WAIT.as_secs();
            let message = format!(
                "the service is still alive {seconds} s after SIGKILL; look for who holds {}, such as with `fuser`",
                home.alive_lock().display()
            );
            return Err(DeployError::new(LeftBehind::Unknown, message));
        }
        self.note(home, record.map(|record| Record { process: None, ..record.turned(Phase::Stopped, key) }));
        Ok(())
    }

    /// Remembers as well as it can be: the effect goes on either way.
    pub(super) fn note(&self, home: &Home, record: Option<Record>) {
        if let Some(Err(error)) = record.map(|record| home.remember(&record)) {
            tracing::warn!(%error, "failed to write the record of a service");
        }
    }

    /// SIGTERM, then SIGKILL after `stop_timeout`, or as soon as the permit is fenced: an emergency stop waits for the
    /// lock of this change, and has no use for the service's grace. Whether the lock is free in the end.
    pub(super) async fn end(&self, home: &Home, process: Option<ServiceProcess>, permit: &Permit) -> io::Result<bool> {
        let mut group = None;
        for (signal, limit) in [(Signal::TERM, self.launch.stop_timeout), (Signal::KILL, KILL_WAIT)] {
            group = signal_service(home, process, signal).or(group);
            let is_down = tokio::select! {
                is_down = home.is_down_within(limit, || self.reap()) => is_down?,
                _ = fenced(permit), if signal == Signal::TERM => false,
            };
            if is_down {
                // Whoever is left of the group does not hold the lock, but belongs to the service too.
                if let Some(group) = group {
                    group.signal(Signal::KILL);
                }
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Signals the service's group, and the holders of its lock that have left the group. Returns the group, when it is
/// certain that it is the service's own: process ids are used again.
fn signal_service(home: &Home, process: Option<ServiceProcess>, signal: Signal) -> Option<ProcessGroup> {
    let holders = holders(&home.alive_lock());
    let process =
        process.filter(|process| is_same(*process) || holders.iter().any(|holder| holder.group == process.pid));
    let group = process.and_then(|process| ProcessGroup::led_by(process.pid));
    if let Some(group) = group {
        group.signal(signal);
    }
    for holder in holders.iter().filter(|holder| Some(holder.group) != process.map(|process| process.pid)) {
        if let Some(pid) = i32::try_from(holder.pid).ok().and_then(Pid::from_raw) {
            // One that has ended meanwhile needs no signal; another failure shows in the lock.
            let _ = kill_process(pid, signal);
        }
    }
    group
}

/// Whether the process with this id is still the one that was started. Where the system does not tell when a process
/// started, the held lock has to do as a proof.
fn is_same(process: ServiceProcess) -> bool {
    process.start_time.is_none_or(|start| procfs::stat(process.pid).is_ok_and(|stat| stat.start_time == start))
}
