//! The last hours of a service in a strip as small as a word.

use runbook_core::Trend;

use super::{
    model::StripPicture,
    path::{Area, Bar, HEIGHT},
};
use crate::facts;

/// The lowest share that is drawn, of 100: what is there must be seen.
const LOWEST: f64 = 15.0;

/// The strip of these hours, oldest first.
pub(crate) fn strip(trend: &Trend, hours: &[Option<f64>]) -> StripPicture {
    let [mut up, mut down, mut unobserved] = [(); 3].map(|()| Area::default());
    for (at, uptime) in hours.iter().enumerate() {
        // A strip has a few dozen hours.
        let bar = |y: f64, height: f64| Bar { x: at as f64, y, width: 1.0, height };
        match uptime.filter(|uptime| uptime.is_finite()).map(|uptime| (1.0 - uptime.clamp(0.0, 1.0)) * HEIGHT) {
            Some(fault) => {
                let fault = if fault > 0.0 { fault.max(LOWEST) } else { 0.0 };
                down.add(bar(0.0, fault));
                up.add(bar(fault, HEIGHT - fault));
            }
            None => unobserved.add(bar(0.0, HEIGHT)),
        }
    }
    StripPicture {
        width: hours.len(),
        up: up.finish(),
        down: down.finish(),
        unobserved: unobserved.finish(),
        description: format!("Last 24 hours: {}", facts::observed(trend.uptime, trend.coverage)),
    }
}
