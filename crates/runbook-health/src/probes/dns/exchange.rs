//! One question to one address, over UDP or TCP, sent once. What comes back and is no answer to it is never taken for
//! one: over UDP it is passed over (RFC 5452, section 9), over TCP it ends the exchange. No task is spawned, so a
//! dropped future leaves nothing. Deadlines are the probe's.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_resolver::proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UdpSocket,
};

use super::DnsProtocol;
use crate::transport::{Fault, Step, Trace, connect};

/// The largest datagram that is asked for: it fits through every usual path in one piece (DNS flag day 2020).
const MAX_PAYLOAD: u16 = 1232;

/// The largest datagram that is read. One that is larger than was asked for is still read, within reason.
const MAX_DATAGRAM: usize = 4096;

/// How many datagrams that are no answer are passed over.
const MAX_STRAYS: usize = 100;

/// The datagrams that were no answer; kept outside of the future that a deadline may drop.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Strays {
    count: usize,
    last: &'static str,
}

impl Strays {
    /// What to say of them behind "no answer"; empty without any.
    pub(super) fn words(&self) -> String {
        match self.count {
            0 => String::new(),
            1 => format!("; a datagram came that {}", self.last),
            count => format!("; {count} datagrams came, the last of which {}", self.last),
        }
    }
}

/// Asks once, and over TCP again when the datagram was cut short.
///
/// # Errors
/// See [`Fault`]. An answer that says that something is wrong is an answer.
pub(super) async fn ask(
    server: SocketAddr,
    query: &Query,
    protocol: DnsProtocol,
    trace: &mut Trace,
    strays: &mut Strays,
) -> Result<Message, Fault> {
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    question.add_query(query.clone());
    let mut extension = Edns::new();
    extension.set_max_payload(MAX_PAYLOAD);
    question.set_edns(extension);
    if protocol == DnsProtocol::Tcp {
        return over_tcp(server, &question, trace).await;
    }
    trace.enter(Step::FirstByte);
    let answer = over_udp(server, &question, strays).await?;
    if !answer.metadata.truncation {
        return Ok(answer);
    }
    over_tcp(server, &question, trace).await.map_err(|fault| match fault {
        Fault::Target(words) => Fault::Target(format!("the answer was cut short, and over TCP: {words}")),
        own @ Fault::Own(_) => own,
    })
}

async fn over_udp(server: SocketAddr, question: &Message, strays: &mut Strays) -> Result<Message, Fault> {
    let any = match server {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let doing = format!("ask {server} over UDP");
    let socket = UdpSocket::bind(any).await.map_err(|error| Fault::of_io(error, &doing))?;
    // Only what comes from the server's own address is heard from here on.
    socket.connect(server).await.map_err(|error| Fault::of_io(error, &doing))?;
    socket.send(&bytes(question)?).await.map_err(|error| Fault::of_io(error, &doing))?;
    let mut datagram = vec![0; MAX_DATAGRAM];
    while strays.count < MAX_STRAYS {
        let length = socket.recv(&mut datagram).await.map_err(|error| Fault::of_io(error, &doing))?;
        match read(&datagram[..length], question) {
            Ok(answer) => return Ok(answer),
            Err(why) => *strays = Strays { count: strays.count + 1, last: why },
        }
    }
    Err(Fault::Target(format!("no answer{}", strays.words())))
}

/// Behind a length of two bytes (RFC 1035, section 4.2.2).
async fn over_tcp(server: SocketAddr, question: &Message, trace: &mut Trace) -> Result<Message, Fault> {
    trace.enter(Step::Connect);
    let mut stream = connect(&[server]).await?;
    trace.enter(Step::FirstByte);
    let question_bytes = bytes(question)?;
    let length = u16::try_from(question_bytes.len()).unwrap_or(u16::MAX);
    let framed = [&length.to_be_bytes()[..], &question_bytes].concat();
    stream.write_all(&framed).await.map_err(|error| Fault::of_io(error, "send the question"))?;
    let failed = |error| Fault::of_io(error, "read the answer");
    let length = stream.read_u16().await.map_err(failed)?;
    trace.enter(Step::Body);
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await.map_err(failed)?;
    read(&answer, question).map_err(|why| Fault::Target(format!("what came back {why}")))
}

fn bytes(question: &Message) -> Result<Vec<u8>, Fault> {
    question.to_vec().map_err(|error| {
        let message = "failed to write the question".to_owned();
        Fault::Own(runbook_core::ports::ProbeError { message, source: Some(Box::new(error)) })
    })
}

/// The answer to this very question, or why it is none, in words that follow "which".
fn read(bytes: &[u8], question: &Message) -> Result<Message, &'static str> {
    let answer = Message::from_vec(bytes).map_err(|_| "is not a DNS message")?;
    if answer.metadata.message_type != MessageType::Response {
        return Err("is itself a question");
    }
    if answer.metadata.id != question.metadata.id {
        return Err("answers a question with another id");
    }
    // A server that could not read the question need not repeat it.
    let is_bare_error = answer.queries.is_empty() && answer.metadata.response_code != ResponseCode::NoError;
    if answer.queries != question.queries && !is_bare_error {
        return Err("answers another question");
    }
    Ok(answer)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use hickory_resolver::proto::{
        op::OpCode,
        rr::{Name, RecordType},
    };
    use proptest::prelude::*;

    fn question() -> Message {
        let mut question = Message::query();
        question.add_query(Query::query(Name::from_ascii("api.example.").unwrap(), RecordType::A));
        question
    }

    fn answer(id: u16, name: &str) -> Message {
        let mut answer = Message::response(id, OpCode::Query);
        answer.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
        answer
    }

    #[test]
    fn only_the_answer_to_the_question_is_one() {
        let question = question();
        let id = question.metadata.id;
        let read = |message: &Message| read(&message.to_vec().unwrap(), &question).map(|_| ());
        assert_eq!(read(&answer(id, "API.example.")), Ok(()), "names have no case");
        assert_eq!(read(&answer(id.wrapping_add(1), "api.example.")), Err("answers a question with another id"));
        assert_eq!(read(&answer(id, "other.example.")), Err("answers another question"));
        assert_eq!(read(&Message::response(id, OpCode::Query)), Err("answers another question"));
        assert_eq!(read(&Message::error_msg(id, OpCode::Query, ResponseCode::FormErr)), Ok(()));
        assert_eq!(read(&question), Err("is itself a question"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = read(&bytes, &question());
        }

        /// A real answer with some of its bytes changed.
        #[test]
        fn a_damaged_answer_is_read_or_refused(at in any::<prop::sample::Index>(), byte: u8, cut in 0_usize..40) {
            let question = question();
            let mut bytes = answer(question.metadata.id, "api.example.").to_vec().unwrap();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes.truncate(bytes.len().saturating_sub(cut));
            let _ = read(&bytes, &question);
        }
    }
}
