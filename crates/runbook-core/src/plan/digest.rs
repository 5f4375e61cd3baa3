//! The fingerprint of a plan: SHA-256 over its canonical JSON (RFC 8785).
//!
//! It covers what will happen to what: request, configuration, live and target releases, latch and steps. It does not
//! cover actor, reason, time, run id, journal head or readings, so the same plan made twice has one digest.

use super::Plan;
use crate::words::Digest;

/// The digest of a plan.
pub fn plan_digest(plan: &Plan) -> Digest {
    // A plan holds strings, integers and booleans only, which always have a canonical form.
    Digest::of(&serde_json_canonicalizer::to_vec(plan).unwrap_or_default())
}
