//! Port: metric systems.

use std::fmt::Debug;

use async_trait::async_trait;

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// Its name, with the unit at its end.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Its dimensions.
    pub labels: Vec<(String, String)>,
}

/// Takes figures. Best effort: no run fails because of it.
#[async_trait]
pub trait MetricsSink: Debug + Send + Sync {
    /// Hands over figures; a repeat may count twice.
    async fn record(&self, measurements: &[Measurement]);
}
