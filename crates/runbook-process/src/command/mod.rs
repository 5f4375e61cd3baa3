//! Running commands: always an argv, never a shell; always with a deadline, and in a process group of its own that
//! ends as a whole.

mod environment;
mod group;
mod kept;
mod lock;
mod program;
mod run;
mod runner;
mod tail;
mod template;

pub use environment::EnvironmentTable;
pub(crate) use environment::Surroundings;
pub(crate) use group::{ProcessGroup, Signal};
pub(crate) use kept::Kept;
pub(crate) use lock::{CommandLock, HeldLock};
pub(crate) use program::{find_program, program_path};
pub(crate) use run::{End, Invocation, LOCK_DESCRIPTOR, Ran};
pub(crate) use runner::Runner;
pub(crate) use tail::{Stream, Tail, last_words};
pub(crate) use template::{Argv, Placeholder, Values};
