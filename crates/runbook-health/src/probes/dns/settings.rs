//! What people write in a table with `kind = "dns"`. An empty table asks this machine's resolver for the IPv4 addresses
//! of the host in the service's URL, and expects at least one.

use runbook_core::config::Period;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::condition::NumberCondition;

/// The keys of a `dns` probe.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DnsSettings {
    /// The name to look up, always as a whole: no search domain is appended. By default the host of the service's URL.
    pub name: Option<String>,
    /// The DNS server to measure, such as `1.1.1.1`, `[2606:4700::1111]:53` or `ns1.example.com`; without a port it is
    /// 53. A server that is named and does not answer is unhealthy. By default this machine's resolver is asked; when
    /// that one fails, the name was not measured, which is unknown.
    pub server: Option<String>,
    /// The type of record to ask for.
    #[serde(rename = "type")]
    pub record_type: DnsType,
    /// How the question travels. Over `udp` an answer that was cut short is asked for again over TCP.
    pub protocol: DnsProtocol,
    /// How long the whole measurement may take. The question is sent once to each address of the server, which share
    /// the time.
    pub timeout: Period,
    /// What is expected of the answer. Without it, any record of the type is enough.
    pub expect: DnsExpectSettings,
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self {
            name: None,
            server: None,
            record_type: DnsType::default(),
            protocol: DnsProtocol::default(),
            timeout: Period::secs(5),
            expect: DnsExpectSettings::default(),
        }
    }
}

/// A type of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum DnsType {
    /// IPv4 addresses; aliases (CNAME) are followed.
    #[default]
    A,
    /// IPv6 addresses; aliases (CNAME) are followed.
    Aaaa,
    /// The name that this one is an alias of.
    Cname,
    /// Texts; the strings of one record are joined.
    Txt,
}

/// How a question travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DnsProtocol {
    /// As a datagram; over TCP when the answer does not fit into one.
    #[default]
    Udp,
    /// Over a connection.
    Tcp,
}

/// What is expected of an answer. All of it must hold for a healthy reading.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DnsExpectSettings {
    /// All of these must be among the answers, in any order: addresses, names or whole texts.
    pub answers: Vec<String>,
    /// Whether there may be no others than `answers`.
    pub only: bool,
    /// A condition on the number of records, such as `2` or `"> 1"`. With `0`, a name that does not exist is healthy.
    pub count: Option<NumberCondition>,
}
