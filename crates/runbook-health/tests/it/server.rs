//! A server that says exactly the bytes it is told to, and remembers what it was asked.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket},
    task::JoinHandle,
};

/// One thing that the server does with a connection.
#[derive(Debug, Clone)]
pub enum Act {
    /// Reads a request up to the end of its head.
    Hear,
    /// Sends these bytes.
    Say(Vec<u8>),
    /// Sends these bytes again and again until the other side goes away.
    SayForever(Vec<u8>),
    /// Waits this long.
    Wait(Duration),
    /// Keeps the connection open until the other side goes away.
    Hold,
    /// Closes with a reset instead of an end.
    Reset,
}

/// A running server; it ends with this value.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Does the same with every connection.
    pub async fn acting(acts: impl Into<Vec<Act>>) -> Self {
        Self::start("127.0.0.1:0", acts.into()).await
    }

    /// Hears a request and gives this answer.
    pub async fn answering(answer: impl AsRef<[u8]>) -> Self {
        Self::acting([Act::Hear, Act::Say(answer.as_ref().to_vec())]).await
    }

    /// As [`Server::acting`], at a place of choice.
    pub async fn start(at: &str, acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acts = acts.clone();
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    if acts.iter().any(|act| matches!(act, Act::Reset)) {
                        // A lingering time of zero makes the close a reset.
                        stream.set_zero_linger().unwrap();
                    }
                    perform(stream, &acts, &seen).await;
                });
            }
        });
        Self { address, heard, task }
    }

    /// `http://127.0.0.1:PORT` and the path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The requests so far, head and what came with it.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// Does the acts on one connection; stops when the other side is gone.
pub async fn perform(mut stream: impl AsyncRead + AsyncWrite + Unpin, acts: &[Act], heard: &Mutex<Vec<String>>) {
    for act in acts {
        match act {
            Act::Hear => {
                let mut request = Vec::new();
                while !request.windows(4).any(|window| window == b"\r\n\r\n") {
                    match stream.read_buf(&mut request).await {
                        Ok(read) if read > 0 => {}
                        _ => return,
                    }
                }
                heard.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
            }
            Act::Say(bytes) => {
                if stream.write_all(bytes).await.is_err() {
                    return;
                }
            }
            Act::SayForever(bytes) => while stream.write_all(bytes).await.is_ok() {},
            Act::Wait(time) => tokio::time::sleep(*time).await,
            Act::Hold => {
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            }
            Act::Reset => return,
        }
    }
    let _ = stream.shutdown().await;
}

/// An answer with this status line's rest, headers and body; its length is stated.
pub fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// `200 OK` with this body.
pub fn ok(body: &str) -> String {
    answer("200 OK", "", body)
}

/// A port on which nobody listens; nobody else gets it while the socket is held.
pub fn closed_port() -> (TcpSocket, u16) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}
