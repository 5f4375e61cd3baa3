//! Names and identities. Each is a type of its own, so that a service can never stand where an
//! environment belongs, and each is checked where it enters.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A name that does not fit its type, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {expected}")]
pub struct IdError {
    value: String,
    expected: &'static str,
}

/// Declares a checked string type. `$ok` decides, `$expected` completes "… is not …".
macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $ok:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks and takes the name.
            ///
            /// # Errors
            /// [`IdError`] when it does not have the form that the type promises.
            pub fn new(value: impl Into<String>) -> Result<Self, IdError> {
                let value = value.into();
                let ok: fn(&str) -> bool = $ok;
                if ok(&value) { Ok(Self(value)) } else { Err(IdError { value, expected: $expected }) }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(value: &str) -> Result<Self, IdError> {
                Self::new(value)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "engine")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $expected })
            }
        }
    };
}

/// Lower-case letters, digits and inner hyphens: safe in a ref name, a file name and a URL.
fn is_slug(value: &str) -> bool {
    (1..=63).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !value.starts_with('-')
        && !value.ends_with('-')
}

/// What a tag, a branch or a version may look like: never an option, a range, a path out of its folder, or anything that
/// a shell would act on when a suggested command is pasted.
fn is_version(value: &str) -> bool {
    (1..=200).contains(&value.len())
        && !value.starts_with(['-', '/', '.'])
        && !value.ends_with(['/', '.'])
        && !value.contains("..")
        && !value.contains("@{")
        && value.chars().all(|c| !c.is_control() && !c.is_whitespace() && !"~^:?*[]\\$`\"'<>|&;(){}!#%".contains(c))
}

name_type!(
    /// A service, as `[[service]] id` names it.
    ServiceId, "a service id (1 to 63 of a-z, 0-9 and inner hyphens)", is_slug
);
name_type!(
    /// An environment: it has its own services, policy, lock, stop latch and journal.
    EnvironmentId, "an environment name (1 to 63 of a-z, 0-9 and inner hyphens)", is_slug
);
name_type!(
    /// One step of a plan, such as `verify`. Unique within the plan.
    StepId, "a step id (1 to 63 of a-z, 0-9 and inner hyphens)", is_slug
);
name_type!(
    /// The kind of stage, probe, deployer, CI or notifier that a registry builds.
    KindId, "a kind (1 to 63 of a-z, 0-9 and inner hyphens)", is_slug
);
name_type!(
    /// The name that people give a release: a tag such as `v1.2.0`, or a commit.
    ReleaseId, "a release (a tag or commit, without spaces, quotes or characters that shells act on)", is_version
);
name_type!(
    /// A full commit id: 40 (SHA-1) or 64 (SHA-256) lower-case hex digits.
    CommitId,
    "a full commit id (40 or 64 hex digits)",
    |v| matches!(v.len(), 40 | 64) && v.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
);
name_type!(
    /// `run/step/service/operation/n`: names one effect for good. `n` rises only after "did not happen" was measured.
    EffectKey, "an effect key (run/step/service/operation/n)", |v| v.split('/').count() == 5 && v.len() < 400
);

impl CommitId {
    /// The first twelve digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

/// Declares an identity that sorts by the time it was made (UUIDv7, RFC 9562).
macro_rules! uuid_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "engine", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identity; it sorts after every earlier one of the same machine.
            #[allow(clippy::new_without_default, reason = "a default that differs each time would surprise")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(value: &str) -> Result<Self, IdError> {
                Uuid::parse_str(value)
                    .map(Self)
                    .map_err(|_| IdError { value: value.to_owned(), expected: "a UUID" })
            }
        }
    };
}

uuid_type!(
    /// One execution of one action.
    RunId
);
uuid_type!(
    /// One event; looked for after a lost response, so that nothing is written twice.
    EventId
);

/// A SHA-256, written as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// What stands before the first event of a journal.
    pub const ZERO: Self = Self([0; 32]);

    /// The SHA-256 of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = IdError;
    fn from_str(value: &str) -> Result<Self, IdError> {
        let wrong = || IdError { value: value.to_owned(), expected: "a SHA-256 (64 hex digits)" };
        if value.len() != 64 || !value.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&value[at..at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "engine")]
impl schemars::JsonSchema for Digest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Digest".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{64}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_be_options_paths_or_ranges_are_refused() {
        for bad in
            ["v1$(reboot)", "v1`x`", "v1;x", "v'1", "", "-rf", "a..b", "/etc", "v1 2", "HEAD~1", "a:b", "x@{1}", "v1\n"]
        {
            assert!(ReleaseId::new(bad).is_err(), "{bad:?} was taken");
        }
        for good in ["v1.2.3", "release/2026-01", "0123abc", "fastapi@1.0"] {
            assert!(ReleaseId::new(good).is_ok(), "{good:?} was refused");
        }
        assert!(EnvironmentId::new("../prod").is_err());
        assert!(ServiceId::new("Fast").is_err());
    }

    #[test]
    fn digests_read_back() {
        let digest = Digest::of(b"runbook");
        assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
        assert!("zz".repeat(32).parse::<Digest>().is_err());
    }
}
