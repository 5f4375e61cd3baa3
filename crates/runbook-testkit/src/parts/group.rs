//! A process group, killed as a whole when it is dropped: a program that is given up must not leave its helpers behind.

use rustix::process::{Pid, Signal, kill_process_group};

/// The group that a started program leads.
#[derive(Debug)]
pub(super) struct Group(Option<Pid>);

impl Group {
    /// The group of a program that was started with `process_group(0)`.
    pub(super) fn led_by(process: u32) -> Self {
        // 0 and 1 would mean this process's own group and every process.
        Self(i32::try_from(process).ok().filter(|&process| process > 1).and_then(Pid::from_raw))
    }

    /// Sends a signal to every process of the group. One that is gone already is no error.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            let _ = kill_process_group(leader, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
