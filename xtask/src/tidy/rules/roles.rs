//! Which room of the house a package is: the table that the direction of dependencies is read from.

use super::super::graph::Package;

/// A package's place in the architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The runbook itself.
    Core,
    /// What people read.
    Render,
    /// One outside world.
    Adapter,
    /// Where people and programs come in.
    Face,
    /// What tests stand on.
    TestKit,
    /// Shows the crates in use.
    Example,
    /// Starts the programs.
    Xtask,
}

const ROLES: [(&str, Role); 12] = [
    ("runbook-core", Role::Core),
    ("runbook-render", Role::Render),
    ("runbook-health", Role::Adapter),
    ("runbook-git", Role::Adapter),
    ("runbook-github", Role::Adapter),
    ("runbook-process", Role::Adapter),
    ("runbook-notify", Role::Adapter),
    ("runbook-telemetry", Role::Adapter),
    ("runbook-agent", Role::Face),
    ("runbook-cli", Role::Face),
    ("runbook-testkit", Role::TestKit),
    ("xtask", Role::Xtask),
];

impl Role {
    /// The role of a package; `None` when nobody has given it one.
    pub(super) fn of(package: &Package) -> Option<Self> {
        if package.manifest.starts_with("examples/") {
            return Some(Self::Example);
        }
        ROLES.iter().find(|(name, _)| *name == package.name).map(|(_, role)| *role)
    }

    /// Whether a crate of this role may be built on one of the other.
    pub(super) fn may_use(self, other: Self) -> bool {
        match self {
            Self::Core | Self::Xtask => false,
            Self::Render => other == Self::Core,
            Self::Adapter | Self::TestKit => matches!(other, Self::Core | Self::Render),
            Self::Face => matches!(other, Self::Core | Self::Render | Self::Adapter | Self::Face),
            Self::Example => !matches!(other, Self::Example | Self::Xtask),
        }
    }

    /// Whether it knows the terminal.
    pub(super) fn knows_terminal(self) -> bool {
        matches!(self, Self::Face | Self::Example | Self::Xtask)
    }
}
