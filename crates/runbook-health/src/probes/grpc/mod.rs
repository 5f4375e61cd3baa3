//! `kind = "grpc"`: what a server says of a service's health (`grpc.health.v1`).
//!
//! `settings` is what people write, `build` checks and prepares, `exchange` makes one call over a connection that is
//! driven in place, `verdict` says what its outcome means, `probe` measures.

mod build;
mod exchange;
mod probe;
mod settings;
mod verdict;

pub use probe::GrpcProbe;
pub use settings::GrpcSettings;
