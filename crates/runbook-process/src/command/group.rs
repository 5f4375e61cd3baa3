//! A process group, ended as a whole.

pub(crate) use rustix::process::Signal;
use rustix::process::{Pid, kill_process_group, test_kill_process_group};

/// The group that a process of ours leads. Its number is the leader's process id, which the system gives to nobody
/// else while the leader is not reaped or any other process is in the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessGroup(Pid);

impl ProcessGroup {
    /// The group led by this process.
    pub(crate) fn led_by(pid: u32) -> Option<Self> {
        // 0 and 1 would mean this process's own group and every process.
        i32::try_from(pid).ok().filter(|&pid| pid > 1).and_then(Pid::from_raw).map(Self)
    }

    /// Whether no process is left in it. One that is over and that nobody has reaped yet is still in it.
    pub(crate) fn is_empty(self) -> bool {
        test_kill_process_group(self.0) == Err(rustix::io::Errno::SRCH)
    }

    /// Sends a signal to every process of the group. A group that is gone already is no error.
    pub(crate) fn signal(self, signal: Signal) {
        if let Err(error) = kill_process_group(self.0, signal)
            && error != rustix::io::Errno::SRCH
        {
            tracing::debug!(group = self.0.as_raw_nonzero().get(), %error, "failed to signal a process group");
        }
    }
}

/// Kills a group when it is dropped, so that a command whose future is dropped leaves no process behind.
#[derive(Debug)]
pub(super) struct KillOnDrop(Option<ProcessGroup>);

impl KillOnDrop {
    pub(super) fn new(group: Option<ProcessGroup>) -> Self {
        Self(group)
    }

    pub(super) fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            group.signal(signal);
        }
    }

    /// The command has ended by itself; what it may have left running in the background is its owner's wish.
    pub(super) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
