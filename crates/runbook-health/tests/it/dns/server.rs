//! A DNS server over UDP and TCP on one port that answers as a test tells it to, and remembers what it was asked.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use hickory_resolver::proto::{
    op::{Message, OpCode, ResponseCode},
    rr::{Name, RData, Record, rdata},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinHandle,
};

/// How a question came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    Udp,
    Tcp,
}

/// Each is one datagram, or one message behind its length.
type Replies = Vec<Vec<u8>>;

/// A running server; it ends with this value.
pub struct Server {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Server {
    /// Gives these replies to each question.
    pub async fn replying(replies: impl Fn(&Message, Over) -> Replies + Send + Sync + 'static) -> Self {
        let (listener, socket) = both_on_one_port().await;
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let reply = Arc::new(move |bytes: &[u8], over: Over| {
            let question = Message::from_vec(bytes).unwrap();
            let query = &question.queries[0];
            seen.lock().unwrap().push(format!("{over:?} {} {}", query.query_type(), query.name()));
            replies(&question, over)
        });
        let over_udp = tokio::spawn({
            let reply = Arc::clone(&reply);
            async move {
                let mut bytes = [0; 4096];
                while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
                    for datagram in reply(&bytes[..length], Over::Udp) {
                        socket.send_to(&datagram, from).await.unwrap();
                    }
                }
            }
        });
        let over_tcp = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let question = framed(&mut stream).await;
                for message in reply(&question, Over::Tcp) {
                    let length = u16::try_from(message.len()).unwrap();
                    stream.write_all(&[&length.to_be_bytes()[..], &message].concat()).await.unwrap();
                }
            }
        });
        Self { address, asked, tasks: [over_udp, over_tcp] }
    }

    /// Answers each question with these records, whatever the name.
    pub async fn knowing(records: Vec<Record>) -> Self {
        Self::replying(move |question, _| vec![reply(question, ResponseCode::NoError, records.clone())]).await
    }

    /// Answers each question with this code and no records.
    pub async fn refusing(code: ResponseCode) -> Self {
        Self::replying(move |question, _| vec![reply(question, code, Vec::new())]).await
    }

    /// What was asked so far, such as `Udp A api.example.`.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A port that is free for both is sought until there is one.
async fn both_on_one_port() -> (TcpListener, UdpSocket) {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()).await {
            return (listener, socket);
        }
    }
}

async fn framed(stream: &mut TcpStream) -> Vec<u8> {
    let length = stream.read_u16().await.unwrap();
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

/// An answer to the question, not yet written.
pub fn message(question: &Message, code: ResponseCode, records: Vec<Record>) -> Message {
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    answer.metadata.response_code = code;
    answer.add_queries(question.queries.clone());
    answer.add_answers(records);
    answer
}

/// An answer to the question.
pub fn reply(question: &Message, code: ResponseCode, records: Vec<Record>) -> Vec<u8> {
    message(question, code, records).to_vec().unwrap()
}

/// An answer that was cut short.
pub fn truncated(question: &Message) -> Vec<u8> {
    let mut answer = message(question, ResponseCode::NoError, Vec::new());
    answer.metadata.truncation = true;
    answer.to_vec().unwrap()
}

pub fn a(name: &str, last: u8) -> Record {
    record(name, RData::A(rdata::A([10, 0, 0, last].into())))
}

pub fn aaaa(name: &str, address: &str) -> Record {
    record(name, RData::AAAA(rdata::AAAA(address.parse().unwrap())))
}

pub fn cname(name: &str, target: &str) -> Record {
    record(name, RData::CNAME(rdata::CNAME(Name::from_ascii(target).unwrap())))
}

pub fn txt(name: &str, strings: &[&[u8]]) -> Record {
    record(name, RData::TXT(rdata::TXT::from_bytes(strings.to_vec())))
}

fn record(name: &str, data: RData) -> Record {
    Record::from_rdata(Name::from_ascii(name).unwrap(), 60, data)
}
