//! Whether the process that owns a run still exists. Jobs of a forge are another adapter's part.

use async_trait::async_trait;
use runbook_core::{
    Owner,
    ports::{Liveness, OwnerState},
};
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};

use crate::procfs;

/// Knows this process and asks for others on the same machine.
///
/// A process is named by host, boot, pid and start time together: pids are used again, the four are not. Containers
/// that share a host name must share their process ids too; give each its own host name otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessLiveness {
    host: String,
    boot_id: String,
    pid: u32,
    start_time: u64,
}

impl Default for ProcessLiveness {
    fn default() -> Self {
        Self::new()
    }
}

impl ProcessLiveness {
    /// Looks at this process and this boot once. Where the system has no `/proc`, boot and start time stay empty, and
    /// every process counts as unknown.
    pub fn new() -> Self {
        let pid = std::process::id();
        Self {
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            boot_id: procfs::boot_id().unwrap_or_default(),
            pid,
            start_time: procfs::stat(pid).map_or(0, |stat| stat.start_time),
        }
    }

    fn process_state(&self, host: &str, boot_id: &str, pid: u32, start_time: u64) -> OwnerState {
        if host != self.host || self.boot_id.is_empty() || boot_id.is_empty() {
            return OwnerState::Unknown;
        }
        if boot_id != self.boot_id {
            return OwnerState::Over;
        }
        let Some(id) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return OwnerState::Over };
        // Asked of the kernel and not of /proc, which can be mounted so that it hides other users' processes.
        if test_kill_process(id) == Err(Errno::SRCH) {
            return OwnerState::Over;
        }
        match procfs::stat(pid) {
            Ok(stat) if stat.start_time != start_time || stat.is_over() => OwnerState::Over,
            Ok(_) => OwnerState::Alive,
            Err(_) => OwnerState::Unknown,
        }
    }
}

#[async_trait]
impl Liveness for ProcessLiveness {
    fn me(&self) -> Owner {
        Owner::Process {
            host: self.host.clone(),
            boot_id: self.boot_id.clone(),
            pid: self.pid,
            start_time: self.start_time,
        }
    }

    async fn owner_state(&self, owner: &Owner) -> OwnerState {
        match owner {
            Owner::Process { host, boot_id, pid, start_time } => self.process_state(host, boot_id, *pid, *start_time),
            Owner::Job { .. } => OwnerState::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at once")]
    use std::process::{Command, Stdio};

    use super::*;

    fn state(me: &ProcessLiveness, change: impl FnOnce(&mut ProcessLiveness)) -> OwnerState {
        let mut other = me.clone();
        change(&mut other);
        me.process_state(&other.host, &other.boot_id, other.pid, other.start_time)
    }

    #[test]
    fn only_what_is_proven_is_over() {
        let me = ProcessLiveness::new();
        assert_eq!(state(&me, |_| {}), OwnerState::Alive);
        assert_eq!(state(&me, |other| other.host.push('x')), OwnerState::Unknown);
        assert_eq!(state(&me, |other| other.boot_id.clear()), OwnerState::Unknown);
        assert_eq!(state(&me, |other| other.boot_id = "an earlier boot".into()), OwnerState::Over);
        assert_eq!(state(&me, |other| other.start_time += 1), OwnerState::Over, "the pid was used again");
        assert_eq!(state(&me, |other| other.pid = 0), OwnerState::Over);
    }

    #[test]
    fn a_process_is_over_once_it_has_ended_also_as_a_zombie() {
        let me = ProcessLiveness::new();
        let mut child = Command::new("sleep").arg("60").stdout(Stdio::null()).spawn().unwrap();
        let (pid, start_time) = (child.id(), procfs::stat(child.id()).unwrap().start_time);
        let ask = || me.process_state(&me.host, &me.boot_id, pid, start_time);
        assert_eq!(ask(), OwnerState::Alive);
        child.kill().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while ask() != OwnerState::Over {
            assert!(std::time::Instant::now() < deadline, "a zombie still counts as alive");
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(ask(), OwnerState::Over);
    }

    #[tokio::test]
    async fn a_job_is_not_for_this_machine_to_judge() {
        let me = ProcessLiveness::new();
        let job = Owner::Job { repository: "o/r".into(), run_id: "1".into(), attempt: 1, job: "deploy".into() };
        assert_eq!(me.owner_state(&job).await, OwnerState::Unknown);
        assert_eq!(me.owner_state(&me.me()).await, OwnerState::Alive);
    }
}
