//! What Linux tells about processes and boots under `/proc`. On a system without it, everything here is an error, and
//! callers say that they do not know.

use std::{fs, io};

/// The facts of one process that cannot be confused with another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    /// One letter, such as `S` (sleeping) or `Z` (a zombie: it is over, and nobody has fetched its exit status).
    pub(crate) state: char,
    /// Its process group.
    pub(crate) group: u32,
    /// When it started, in clock ticks since boot.
    pub(crate) start_time: u64,
}

impl Stat {
    /// Whether the process is over, and only its exit status remains.
    pub(crate) fn is_over(self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }
}

/// Reads `/proc/<pid>/stat` (see proc(5)).
pub(crate) fn stat(pid: u32) -> io::Result<Stat> {
    let text = fs::read(format!("/proc/{pid}/stat"))?;
    parse_stat(&String::from_utf8_lossy(&text))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat has an unknown form")))
}

/// The program's name stands in parentheses and may itself hold spaces and parentheses, so fields are counted from
/// the last closing one.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    // Field 3 is the state; 5 is the group, 22 the start time.
    let group = fields.nth(1)?.parse().ok()?;
    let start_time = fields.nth(16)?.parse().ok()?;
    Some(Stat { state, group, start_time })
}

/// The kernel's random id of this boot.
pub(crate) fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at once")]
    use super::*;

    #[test]
    fn a_name_full_of_parentheses_does_not_shift_the_fields() {
        let fields = "S 1 77 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21";
        for name in ["sh", "a b", "x) S 9 9 (y", "))))"] {
            let stat = parse_stat(&format!("12 ({name}) {fields}")).unwrap();
            assert_eq!(stat, Stat { state: 'S', group: 77, start_time: 4242 }, "{name}");
        }
        assert_eq!(parse_stat("12 (sh) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn this_process_is_seen_as_the_same_twice() {
        let pid = std::process::id();
        assert_eq!(stat(pid).unwrap().start_time, stat(pid).unwrap().start_time);
        assert_eq!(boot_id().unwrap(), boot_id().unwrap());
    }
}
