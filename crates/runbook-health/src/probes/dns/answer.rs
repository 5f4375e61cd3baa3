//! The records in an answer that belong to the question: those of the name itself, or of the name that it is an alias
//! of. What else a server puts in is not looked at.

use std::{fmt, net::IpAddr};

use hickory_resolver::proto::rr::{self, DNSClass, Name, RData, RecordType};

use super::DnsType;

/// How many aliases are followed; resolvers stop at about as many.
pub(super) const MAX_ALIASES: usize = 8;

/// The value of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    Address(IpAddr),
    /// Compared without case.
    Name(Name),
    /// The strings of a TXT record in a row, as RFC 7208 (section 3.3) joins them.
    Text(Vec<u8>),
}

impl Record {
    fn of(data: &RData, record_type: DnsType) -> Option<Self> {
        Some(match (record_type, data) {
            (DnsType::A, RData::A(address)) => Self::Address(address.0.into()),
            (DnsType::Aaaa, RData::AAAA(address)) => Self::Address(address.0.into()),
            (DnsType::Cname, RData::CNAME(name)) => Self::Name(name.0.clone()),
            (DnsType::Txt, RData::TXT(text)) => Self::Text(text.txt_data.concat()),
            _ => return None,
        })
    }
}

/// A name without its final dot.
pub(super) struct Shown<'a>(pub(super) &'a Name);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_ascii();
        f.write_str(text.strip_suffix('.').filter(|bare| !bare.is_empty()).unwrap_or(&text))
    }
}

/// What the records of one answer say of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The name that the aliases lead to; the name itself without any.
    pub(super) name: Name,
    /// How many aliases led there.
    pub(super) aliases: usize,
    /// The records of that name.
    pub(super) records: Vec<Record>,
}

impl Found {
    /// Follows the aliases from `name` as far as the answer knows them. A loop ends after [`MAX_ALIASES`] and one more.
    pub(super) fn of(answers: &[rr::Record], name: &Name, record_type: DnsType) -> Self {
        let mut name = name.clone();
        let mut aliases = 0;
        while record_type != DnsType::Cname && aliases <= MAX_ALIASES {
            let next = of_name(answers, &name).find_map(|record| match &record.data {
                RData::CNAME(target) => Some(target.0.clone()),
                _ => None,
            });
            let Some(next) = next else { break };
            name = next;
            aliases += 1;
        }
        let records = of_name(answers, &name).filter_map(|record| Record::of(&record.data, record_type)).collect();
        Self { name, aliases, records }
    }
}

fn of_name<'a>(answers: &'a [rr::Record], name: &'a Name) -> impl Iterator<Item = &'a rr::Record> {
    answers.iter().filter(move |record| record.name == *name && record.dns_class == DNSClass::IN)
}

impl DnsType {
    /// As it stands in a question.
    pub(super) fn record_type(self) -> RecordType {
        match self {
            Self::A => RecordType::A,
            Self::Aaaa => RecordType::AAAA,
            Self::Cname => RecordType::CNAME,
            Self::Txt => RecordType::TXT,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use hickory_resolver::proto::rr::rdata;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn alias(from: &str, to: &str) -> rr::Record {
        rr::Record::from_rdata(name(from), 60, RData::CNAME(rdata::CNAME(name(to))))
    }

    fn address(of: &str, address: [u8; 4]) -> rr::Record {
        rr::Record::from_rdata(name(of), 60, RData::A(rdata::A(address.into())))
    }

    #[test]
    fn aliases_are_followed_in_whatever_order_they_stand() {
        let answers = [
            address("c.example.", [10, 0, 0, 1]),
            alias("B.example.", "c.example."),
            alias("a.example.", "b.EXAMPLE."),
            address("stranger.example.", [10, 0, 0, 2]),
            address("a.example.", [10, 0, 0, 3]),
        ];
        let found = Found::of(&answers, &name("a.example."), DnsType::A);
        assert_eq!(found.aliases, 2);
        assert_eq!(Shown(&found.name).to_string(), "c.example");
        assert_eq!(found.records, [Record::Address([10, 0, 0, 1].into())]);
        let found = Found::of(&answers, &name("a.example."), DnsType::Cname);
        assert_eq!((found.aliases, found.records), (0, vec![Record::Name(name("b.example."))]));
    }

    #[test]
    fn a_loop_of_aliases_ends() {
        let answers = [alias("a.example.", "b.example."), alias("b.example.", "a.example.")];
        let found = Found::of(&answers, &name("a.example."), DnsType::A);
        assert_eq!((found.aliases, found.records), (MAX_ALIASES + 1, Vec::new()));
    }
}
