//! The server's first word ("Protocol::HandshakeV10"): who it is, what it can do, and a nonce.

use super::fields::Fields;

/// What a client may ask of a connection, and a server may be able to do ("Capabilities Flags").
pub(super) mod capability {
    /// A database is named with the login.
    pub(in super::super) const DATABASE: u32 = 1 << 3;
    /// Fields of today's lengths.
    pub(in super::super) const PROTOCOL_41: u32 = 1 << 9;
    /// TLS.
    pub(in super::super) const TLS: u32 = 1 << 11;
    /// Transactions are told in answers.
    pub(in super::super) const TRANSACTIONS: u32 = 1 << 13;
    /// Logins by nonce.
    pub(in super::super) const SECURE_CONNECTION: u32 = 1 << 15;
    /// Ways to log in are named.
    pub(in super::super) const PLUGIN_AUTH: u32 = 1 << 19;
}

/// Who a server says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) is_mariadb: bool,
    pub(super) capabilities: u32,
    pub(super) nonce: Vec<u8>,
    /// The way in which the server would have users log in.
    pub(super) plugin: String,
}

impl Greeting {
    /// Reads a greeting; `None` when it is none, or that of a server of the last century.
    pub(super) fn read(packet: &[u8]) -> Option<Self> {
        let mut fields = Fields::of(packet);
        if fields.byte()? != 10 {
            return None;
        }
        let version = String::from_utf8_lossy(fields.until_nul()?).to_ascii_lowercase();
        let _thread = fields.number(4)?;
        let mut nonce = fields.take(8)?.to_vec();
        let _filler = fields.byte()?;
        let low = fields.number(2)?;
        let (_charset, _status) = (fields.byte()?, fields.number(2)?);
        let high = fields.number(2)?;
        let capabilities = u32::try_from(low | high << 16).ok()?;
        if capabilities & capability::PROTOCOL_41 == 0 || capabilities & capability::SECURE_CONNECTION == 0 {
            return None;
        }
        let whole = usize::from(fields.byte()?);
        let _reserved = fields.take(10)?;
        // The length counts both parts and a NUL at the end; the second part has at least 13 bytes.
        let second = fields.take(whole.saturating_sub(8).max(13))?;
        nonce.extend_from_slice(second.strip_suffix(&[0]).unwrap_or(second));
        let plugin = if capabilities & capability::PLUGIN_AUTH == 0 { b"" } else { fields.until_nul()? };
        let plugin = String::from_utf8_lossy(plugin).into_owned();
        Some(Self { is_mariadb: version.contains("mariadb"), capabilities, nonce, plugin })
    }

    pub(super) fn can(&self, capability: u32) -> bool {
        self.capabilities & capability != 0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As MySQL 8.0 says it, made by hand from its documentation.
    fn mysql_8() -> Vec<u8> {
        let mut packet = b"\x0a8.0.36\0\x07\0\0\0".to_vec();
        packet.extend(b"12345678\0");
        packet.extend([0xff, 0xff, 0xff, 0x02, 0x00, 0xff, 0xdf, 21]);
        packet.extend([0; 10]);
        packet.extend(b"abcdefghijkl\0caching_sha2_password\0");
        packet
    }

    #[test]
    fn a_greeting_is_read() {
        let greeting = Greeting::read(&mysql_8()).unwrap();
        assert_eq!(greeting.nonce, b"12345678abcdefghijkl");
        assert_eq!(greeting.plugin, "caching_sha2_password");
        assert!(!greeting.is_mariadb && greeting.can(capability::TLS) && greeting.can(capability::PLUGIN_AUTH));
    }

    /// A short packet must not be read beyond its end: other clients panic here.
    #[test]
    fn no_part_of_a_greeting_is_one() {
        let whole = mysql_8();
        for length in 0..whole.len() {
            assert_eq!(Greeting::read(&whole[..length]), None, "{length}");
        }
        assert_eq!(Greeting::read(b"\x09old"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut packet: Vec<u8>) {
            packet.insert(0, 10);
            let _ = Greeting::read(&packet);
        }
    }
}
