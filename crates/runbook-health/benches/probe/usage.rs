//! What a process has used, as the system counts it.

use std::fs;

use crate::Fault;

/// The unit of times in `/proc/PID/stat`, in milliseconds: `USER_HZ`, which is 100 on every Linux (proc(5), time(7)).
const TICK_MS: f64 = 10.0;

/// What a process has used since it was started.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// On all processors, in user and kernel mode.
    pub cpu_ms: f64,
    /// The most memory that it had.
    pub peak_rss_kb: u64,
}

impl Usage {
    /// Of a process by its id, or of this one: `self`.
    pub fn of(process: &str) -> Result<Self, Fault> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The name stands in parentheses and may hold anything, so fields are counted from behind it.
        let (_, fields) = stat.rsplit_once(')').ok_or("stat has no name")?;
        let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).flat_map(str::parse).collect();
        let [user, system] = ticks[..] else { return Err("stat has no times".into()) };
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("status has no VmHWM")?;
        let peak = peak.trim().trim_end_matches("kB").trim_end().parse()?;
        Ok(Self { cpu_ms: (user + system) * TICK_MS, peak_rss_kb: peak })
    }
}
