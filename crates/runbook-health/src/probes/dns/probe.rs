//! One measurement over DNS: ask each address once until one answers, follow aliases as far as needed, judge.

use std::{fmt, future::Future, net::SocketAddr, time::Duration};

use async_trait::async_trait;
use hickory_resolver::proto::{
    op::{Query, ResponseCode},
    rr::Name,
};
use runbook_core::{
    Health, Phases, Reading,
    ports::{Probe, ProbeError},
};
use tokio::time::timeout;

use super::{
    DnsProtocol, DnsType,
    answer::{Found, MAX_ALIASES, Shown},
    exchange::{Strays, ask},
    expect::{Expect, list},
    servers::Server,
};
use crate::{
    evidence::{Limit, Millis, Scrubber},
    reach::Reach,
    transport::{Fault, Step, Trace},
};

/// Asks a DNS server for the records of a name, once, over a socket of its own. Kind `dns`; see [`DnsSettings`] for its
/// keys.
///
/// | what happened | `server` is named | this machine's resolver |
/// | --- | --- | --- |
/// | the records, and they are as expected | healthy | healthy |
/// | other records, no such record, no such name (NXDOMAIN) | unhealthy | unhealthy |
/// | the server says that it failed (SERVFAIL, REFUSED …) | unhealthy | unknown |
/// | no answer in time, connection refused, what is no DNS answer | unhealthy | unknown |
/// | the server's own name cannot be looked up, no route from here | unknown | unknown |
///
/// Nothing is cached and nothing is repeated: each address of the server is asked once. A dropped future leaves nothing.
///
/// [`DnsSettings`]: crate::DnsSettings
pub struct DnsProbe {
    /// What to look up, or why there is nothing.
    pub(super) name: Result<Name, String>,
    pub(super) record_type: DnsType,
    pub(super) server: Server,
    pub(super) protocol: DnsProtocol,
    pub(super) timeout: Duration,
    pub(super) expect: Expect,
    /// `None` when nothing that may be out of reach is asked.
    pub(super) reach: Option<Reach>,
    pub(super) scrubber: Scrubber,
}

impl fmt::Debug for DnsProbe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DnsProbe")
            .field("name", &self.name.as_ref().map(ToString::to_string))
            .field("type", &self.record_type)
            .field("server", &self.server)
            .field("protocol", &self.protocol)
            .field("timeout", &self.timeout)
            .field("expect", &self.expect)
            .finish_non_exhaustive()
    }
}

/// What an answer says, once all aliases are followed.
#[derive(Debug)]
struct Answer {
    found: Found,
    exists: bool,
}

/// How far a measurement came; kept outside of the future that the deadline may drop.
#[derive(Debug, Default)]
struct Progress {
    server: Option<SocketAddr>,
    strays: Strays,
}

#[async_trait]
impl Probe for DnsProbe {
    async fn sample(&self) -> Result<Reading, ProbeError> {
        self.reach.as_ref().map_or(Ok(()), Reach::check)?;
        let name = self.name.as_ref().map_err(|words| ProbeError::new(words.clone()))?;
        self.sample_at(name, self.server.addresses()).await
    }

    fn limit(&self) -> Duration {
        crate::transport::limit_of(self.timeout)
    }
}

impl DnsProbe {
    /// The addresses are looked for within the deadline.
    async fn sample_at(
        &self,
        name: &Name,
        addresses: impl Future<Output = Result<Vec<SocketAddr>, ProbeError>> + Send,
    ) -> Result<Reading, ProbeError> {
        let mut trace = Trace::start();
        let mut progress = Progress::default();
        let measured = async {
            if self.server.needs_lookup() {
                trace.enter(Step::Lookup);
            }
            let addresses = addresses.await?;
            self.ask_in_turn(&addresses, name, &mut trace, &mut progress).await
        };
        let ended = match timeout(self.timeout, measured).await {
            Ok(ended) => ended,
            Err(_) => Err(self.too_late(trace.step(), &progress)),
        };
        match ended {
            Ok(answer) => {
                trace.enter(Step::Idle);
                let latency_ms = trace.elapsed_ms();
                let (health, findings) = self.expect.judge(&answer.found.records, &self.scrubber);
                let words = format!("{} in {}{findings}", self.words(&answer), Millis(latency_ms));
                let evidence = self.evidence(name, &words, &progress);
                Ok(Reading { latency_ms: Some(latency_ms), phases: trace.phases(), ..Reading::new(health, evidence) })
            }
            Err(Fault::Target(words)) => self.without_answer(self.evidence(name, &words, &progress), trace.phases()),
            Err(Fault::Own(error)) => Err(error),
        }
    }

    /// A server that is named is what is measured; this machine's resolver is only the way to the name.
    fn without_answer(&self, evidence: String, phases: Phases) -> Result<Reading, ProbeError> {
        match self.server {
            Server::Named(..) => Ok(Reading { phases, ..Reading::new(Health::Unhealthy, evidence) }),
            Server::Machine => Err(ProbeError::new(format!(
                "this machine's resolver failed, so nothing is known of the name: {evidence}"
            ))),
        }
    }

    /// The first address that answers. A silent one gives way to the next after its share of the time.
    async fn ask_in_turn(
        &self,
        addresses: &[SocketAddr],
        name: &Name,
        trace: &mut Trace,
        progress: &mut Progress,
    ) -> Result<Answer, Fault> {
        let share = self.timeout / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let mut fault: Option<Fault> = None;
        for (at, address) in addresses.iter().enumerate() {
            *progress = Progress { server: Some(*address), strays: Strays::default() };
            let is_last = at + 1 == addresses.len();
            let ended = if is_last {
                self.resolve(*address, name, trace, &mut progress.strays).await
            } else {
                match timeout(share, self.resolve(*address, name, trace, &mut progress.strays)).await {
                    Ok(ended) => ended,
                    Err(_) => Err(silence(share, &progress.strays)),
                }
            };
            match ended {
                Ok(answer) => return Ok(answer),
                Err(failed) => {
                    fault = Some(match fault {
                        Some(earlier) => earlier.or_measured(failed),
                        None => failed,
                    });
                }
            }
        }
        Err(fault.unwrap_or_else(|| ProbeError::new("there is no DNS server to ask; name a `server`").into()))
    }

    /// Asks one address, and again for the target of an alias whose records the answer does not hold: a server need
    /// not know the zones that others keep.
    async fn resolve(
        &self,
        server: SocketAddr,
        name: &Name,
        trace: &mut Trace,
        strays: &mut Strays,
    ) -> Result<Answer, Fault> {
        let mut asked = name.clone();
        let mut aliases = 0;
        loop {
            let query = Query::query(asked.clone(), self.record_type.record_type());
            let message = ask(server, &query, self.protocol, trace, strays).await?;
            let code = message.metadata.response_code;
            if !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
                return Err(Fault::Target(refusal(code)));
            }
            let mut found = Found::of(&message.answers, &asked, self.record_type);
            found.aliases += aliases;
            if found.aliases > MAX_ALIASES {
                return Err(Fault::Target(format!("more than {MAX_ALIASES} aliases in a row, or a loop of them")));
            }
            let exists = code == ResponseCode::NoError;
            if !exists || !found.records.is_empty() || found.name == asked {
                return Ok(Answer { found, exists });
            }
            aliases = found.aliases;
            asked = found.name;
        }
    }

    fn too_late(&self, step: Step, progress: &Progress) -> Fault {
        let limit = Limit(self.timeout);
        match (&self.server, progress.server) {
            (Server::Named(host, _), None) => {
                ProbeError::new(format!("failed to look up the DNS server `{host}` within {limit}")).into()
            }
            (Server::Machine, None) => {
                ProbeError::new(format!("failed to find this machine's resolver within {limit}")).into()
            }
            (_, Some(_)) if step == Step::Body => Fault::Target(format!("the answer was not complete within {limit}")),
            (_, Some(_)) => silence(self.timeout, &progress.strays),
        }
    }

    /// `10.0.0.1, 10.0.0.2`
    fn words(&self, answer: &Answer) -> String {
        let Answer { found, exists } = answer;
        let alias = if found.aliases == 0 { String::new() } else { format!("alias of {} → ", Shown(&found.name)) };
        match (exists, found.records.is_empty()) {
            (false, _) => format!("{alias}NXDOMAIN (there is no such name)"),
            (true, true) => format!("{alias}no {} record", self.record_type.record_type()),
            (true, false) => format!("{alias}{}", list(&found.records, &self.scrubber)),
        }
    }

    /// `dns A api.example.com at 1.1.1.1:53 → 10.0.0.1 in 1.2 ms`
    fn evidence(&self, name: &Name, words: &str, progress: &Progress) -> String {
        let record_type = self.record_type.record_type();
        let server = match (&self.server, progress.server) {
            (Server::Named(host, port), _) => format!(" at {host}:{port}"),
            (Server::Machine, Some(address)) => format!(" at this machine's {address}"),
            (Server::Machine, None) => String::new(),
        };
        self.scrubber.line(&format!("dns {record_type} {}{server} → {words}", Shown(name)))
    }
}

fn silence(limit: Duration, strays: &Strays) -> Fault {
    Fault::Target(format!("no answer within {}{}", Limit(limit), strays.words()))
}

/// What a server says instead of an answer, with the code's name (RFC 1035, section 4.1.1; RFC 6895, section 2.3).
fn refusal(code: ResponseCode) -> String {
    match code {
        ResponseCode::FormErr => "FORMERR (the server could not read the question)".to_owned(),
        ResponseCode::ServFail => "SERVFAIL (the server failed to find the answer)".to_owned(),
        ResponseCode::NotImp => "NOTIMP (the server does not answer such questions)".to_owned(),
        ResponseCode::Refused => "REFUSED (the server refuses to answer)".to_owned(),
        ResponseCode::NotAuth => "NOTAUTH (the server is not responsible for the name)".to_owned(),
        other => format!("the response code {} ({other})", u16::from(other)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use hickory_resolver::proto::op::{Message, OpCode};
    use tokio::net::UdpSocket;

    /// A probe that asks the machine's resolver, wherever a test says that it is.
    fn probe(milliseconds: u64) -> DnsProbe {
        DnsProbe {
            name: Err("a test hands it in".to_owned()),
            record_type: DnsType::A,
            server: Server::Machine,
            protocol: DnsProtocol::Udp,
            timeout: Duration::from_millis(milliseconds),
            expect: Expect { answers: Vec::new(), only: false, count: None },
            reach: None,
            scrubber: Scrubber::default(),
        }
    }

    async fn sample(probe: &DnsProbe, addresses: Vec<SocketAddr>) -> Result<Reading, ProbeError> {
        let name = Name::from_ascii("api.example.").unwrap();
        probe.sample_at(&name, async { Ok(addresses) }).await
    }

    /// Answers one question with this code.
    async fn answering(code: ResponseCode) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut bytes = [0; 1500];
            let (length, from) = socket.recv_from(&mut bytes).await.unwrap();
            let question = Message::from_vec(&bytes[..length]).unwrap();
            let mut answer = Message::error_msg(question.metadata.id, OpCode::Query, code);
            answer.add_queries(question.queries);
            socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn a_failure_of_this_machines_resolver_is_unknown() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let error = sample(&probe(100), vec![silent.local_addr().unwrap()]).await.unwrap_err().to_string();
        assert!(
            error.starts_with("this machine's resolver failed, so nothing is known of the name: dns A api"),
            "{error}"
        );
        assert!(error.ends_with("→ no answer within 100 ms"), "{error}");
        let failing = answering(ResponseCode::ServFail).await;
        let error = sample(&probe(5000), vec![failing]).await.unwrap_err().to_string();
        assert!(error.ends_with("→ SERVFAIL (the server failed to find the answer)"), "{error}");
        let error = sample(&probe(5000), Vec::new()).await.unwrap_err().to_string();
        assert_eq!(error, "there is no DNS server to ask; name a `server`");
    }

    #[tokio::test]
    async fn what_this_machines_resolver_says_of_the_name_counts() {
        let address = answering(ResponseCode::NXDomain).await;
        let reading = sample(&probe(5000), vec![address]).await.unwrap();
        assert_eq!(reading.health, Health::Unhealthy);
        let begin = format!("dns A api.example at this machine's {address} → NXDOMAIN (there is no such name) in ");
        assert!(reading.evidence.starts_with(&begin), "{}", reading.evidence);
    }

    #[tokio::test]
    async fn the_next_server_is_asked_when_one_fails_or_is_silent() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let failing = answering(ResponseCode::Refused).await;
        let knowing = answering(ResponseCode::NXDomain).await;
        let addresses = vec![silent.local_addr().unwrap(), failing, knowing];
        let reading = sample(&probe(900), addresses).await.unwrap();
        assert!(reading.evidence.contains(&format!("{knowing} → NXDOMAIN")), "{}", reading.evidence);
    }
}
