//! Placeholder, being written.
use std::collections::BTreeMap;
use crate::words::{Health, ServiceId};
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct DependencyError { pub service: ServiceId }
pub fn check_dependencies(_: &BTreeMap<ServiceId, Vec<ServiceId>>) -> Result<(), DependencyError> { Ok(()) }
pub fn root_causes(_: &BTreeMap<ServiceId, Vec<ServiceId>>, _: &BTreeMap<ServiceId, Health>) -> BTreeMap<ServiceId, ServiceId> { BTreeMap::new() }
