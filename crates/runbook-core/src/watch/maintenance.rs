//! Placeholder, being written.
use std::collections::BTreeSet;
use jiff::Timestamp;
use crate::words::{Maintenance, ServiceId};
#[derive(Debug, Clone, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceConfig { pub reason: Option<String> }
#[derive(Debug, Clone, Default)]
pub struct MaintenanceSchedule;
pub struct MaintenanceError { pub index: usize, pub key: String, pub message: String }
impl MaintenanceSchedule {
    pub fn build(_: &[MaintenanceConfig], _: &BTreeSet<ServiceId>) -> Result<Self, MaintenanceError> { Ok(Self) }
    pub fn active(&self, _: &ServiceId, _: Timestamp) -> Option<Maintenance> { None }
}
