//! Real programs that tests stand on, started from what the machine has installed: on free ports, with data of their
//! own, and ended with their test.
//!
//! | to test | use | Debian package |
//! | --- | --- | --- |
//! | a client of PostgreSQL | [`PostgreSql`] | `postgresql` |
//! | a client of MySQL | [`MariaDb`] | `mariadb-server` |
//! | a client of Redis | [`Redis`] | `redis-server` |
//! | what reaches a repository by SSH | [`Sshd`], [`SshAgent`] | `openssh-server`, `openssh-client` |
//! | what reaches a repository by HTTPS | [`GitHttps`] | `git` |
//! | what a browser makes of a page | [`Chromium`] | `chromium` |
//!
//! Where a program is not installed, a part is `None`, and one line on standard error says loudly what was skipped and
//! how to mend it. With `RUNBOOK_REQUIRE_PARTS=1`, as in CI, the same is a panic: there a skip would be a green test that
//! tested nothing.
//!
//! A server may be kept for a whole test binary, which is never dropped. It ends nevertheless, with its folder, when the
//! process ends, however that happens:
//!
//! ```
//! use runbook_testkit::parts::Redis;
//! use tokio::sync::OnceCell;
//!
//! static REDIS: OnceCell<Option<Redis>> = OnceCell::const_new();
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let Some(redis) = REDIS.get_or_init(Redis::start).await else { return };
//! assert_eq!(redis.command(&["SET", "greeting", "hello"]).await, "OK");
//! # });
//! ```
//!
//! `find` looks for programs, `run` runs those that end, `server` keeps those that stay, `group` ends them with all that
//! they have started; then one file for each part.

mod chromium;
mod find;
mod git_https;
mod group;
mod mariadb;
mod options;
mod postgresql;
mod redis;
mod run;
mod server;
mod sshd;

pub use chromium::{Chromium, Page};
pub use find::{REQUIRE_PARTS, require};
pub use git_https::GitHttps;
pub use mariadb::MariaDb;
pub use options::ServerOptions;
pub use postgresql::PostgreSql;
pub use redis::Redis;
pub use sshd::{SshAgent, Sshd};
