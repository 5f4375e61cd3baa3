//! From probes to judgements. `observer` takes samples, `look` and `window` take several of them for as long as it needs,
//! `conclude` says what they come to, and `judge` adds what else is known: thresholds (`alert`), the release before
//! (`compare`), planned maintenance, and whose fault it is (`causes`).
//!
//! Nothing here changes the outside world, and nothing decides what follows from a judgement.

mod alert;
mod alert_rule;
mod audience;
mod causes;
mod compare;
mod conclude;
mod judge;
mod look;
mod maintenance;
mod observer;
mod seen;
mod window;

pub use alert::{AlertConfig, AlertEvidence, AlertLevel, AlertSample, judge, judge_all};
pub use alert_rule::{AlertRule, AlertRuleError};
pub use audience::Audience;
pub use causes::{DependencyError, check_dependencies, root_causes};
pub use compare::{CompareRule, compare};
pub use conclude::{Conclusion, Confirmation, conclude};
pub use judge::Rules;
pub(crate) use look::least_time;
pub use look::{LookRule, look};
pub use maintenance::{MaintenanceConfig, MaintenanceDay, MaintenanceError, MaintenanceSchedule};
pub use observer::{Control, Observed, Observer, ObserverParts};
pub use seen::Seen;
pub use window::{Ends, Role, Watched, WindowRule, watch};
