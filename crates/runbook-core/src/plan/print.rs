//! The printed form of a plan: what `--dry-run` shows.

use std::fmt;

use super::{Access, Plan, When};
use crate::words::{Action, Difference, Reverted};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.action, self.environment)?;
        if let Some(component) = &self.component {
            write!(f, ", only {component}")?;
        }
        writeln!(f)?;
        if self.latched {
            writeln!(f, "  the stop latch is set")?;
        }
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        writeln!(f, "services")?;
        for service in &self.services {
            write!(f, "  {:<12} {}", service.id, service.live)?;
            if let Some(target) = &service.target {
                write!(f, " → {target}")?;
                match &service.way_back {
                    // It is the way back itself.
                    _ if self.action == Action::Rollback => {}
                    Some(back) => write!(f, "   (way back: {back})")?,
                    None => write!(f, "   (no way back yet)")?,
                }
            }
            writeln!(f)?;
        }
        for reverted in &self.reverted {
            takes_back(f, reverted)?;
        }
        writeln!(f, "steps")?;
        for step in &self.steps {
            let access = match step.access {
                Access::ReadOnly => "looks",
                Access::Mutating => "changes",
                Access::Reporting => "tells",
            };
            let when = match step.when {
                When::InOrder => "",
                When::OnRollback if self.action == Action::Rollback => "",
                When::OnRollback => ", only when a rollback is decided",
                When::Finally => ", whatever happened",
            };
            writeln!(f, "  {:<12} {access}, at most {}{when}", step.id, Span(step.timeout_ms))?;
        }
        if self.watch.window_ms > 0 {
            writeln!(
                f,
                "watch          {} every {}, {} bad of {} samples confirm a fault",
                Span(self.watch.window_ms),
                Span(self.watch.interval_ms),
                self.watch.confirm,
                self.watch.confirm_of.max(self.watch.confirm)
            )?;
        }
        Ok(())
    }
}

/// What a way back takes back: all that is known of it.
fn takes_back(f: &mut fmt::Formatter<'_>, reverted: &Reverted) -> fmt::Result {
    let way = format!("returning {} → {}", reverted.from, reverted.to);
    if let Some(why) = &reverted.unknown {
        return writeln!(f, "{way} takes back what nobody can tell: {why}");
    }
    writeln!(f, "{way} takes back {}", reverted.size())?;
    let Difference { commits, files, irreversible } = &reverted.difference;
    for (what, list) in [("commit", commits), ("file", files), ("never", irreversible)] {
        for entry in &list.first {
            writeln!(f, "  {what:<12} {entry}")?;
        }
        if list.more > 0 {
            writeln!(f, "  {what:<12} … and {} more", list.more)?;
        }
    }
    Ok(())
}

/// Milliseconds, as people write them.
struct Span(u64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ms if ms >= 60_000 && ms % 60_000 == 0 => write!(f, "{} min", ms / 60_000),
            ms if ms >= 1_000 && ms % 1_000 == 0 => write!(f, "{} s", ms / 1_000),
            ms => write!(f, "{ms} ms"),
        }
    }
}
