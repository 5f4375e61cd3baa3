//! Real programs that tests stand on, started from what the machine has installed: on free ports, with data of their
//! own, and ended with their test.
//!
//! | to test | use | Debian package |
//! | --- | --- | --- |
//! | what a browser makes of a page | [`Chromium`] | `chromium` |
//!
//! Where a program is not installed, a part is `None`, and one line on standard error says loudly what was skipped and
//! how to mend it. With `RUNBOOK_REQUIRE_PARTS=1`, as in CI, the same is a panic: there a skip would be a green test that
//! tested nothing.
//!
//! `find` looks for programs, `group` ends them with all that they have started; then one file for each part.

mod chromium;
mod find;
mod group;

pub use chromium::{Chromium, Page};
pub use find::{REQUIRE_PARTS, require};
