//! Running a service as processes of this machine, one release at a time, across separate invocations.
//!
//! `settings` is what the owner writes, `home` the service's folder with its lock, record and log, `record` what is
//! remembered, `start` and `stop` the two changes, `port` the service's port, and
//! `deployer` the port that the runbook sees.

mod deployer;
mod home;
mod port;
mod record;
mod settings;
mod start;
mod stop;

pub use deployer::LocalProcessDeployer;
pub use settings::LocalProcessSettings;
