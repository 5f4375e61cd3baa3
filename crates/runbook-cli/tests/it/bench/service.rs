//! A service whose health depends on its release: it answers as whatever version the machine says is live.

use std::{
    collections::HashMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// Answers on a free port of 127.0.0.1 until it is dropped. Without a live release it closes each connection.
#[derive(Debug)]
pub(crate) struct Service {
    address: SocketAddr,
    answers: Arc<Mutex<HashMap<String, (u16, String)>>>,
    asked: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Service {
    /// Starts one that reads its release from this file, for each request anew.
    pub(crate) async fn start(live: &Path) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("no free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let answers = Arc::new(Mutex::new(HashMap::new()));
        let (live, known) = (live.to_owned(), Arc::clone(&answers));
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(answer(stream, live.clone(), Arc::clone(&known)));
            }
        });
        Self { address, answers, asked, server }
    }

    /// How often it was asked so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, this release answers so.
    pub(crate) fn answers(&self, release: &str, status: u16, body: &str) {
        self.answers.lock().unwrap().insert(release.to_owned(), (status, body.to_owned()));
    }

    /// From now on, this release is unhealthy.
    pub(crate) fn fails(&self, release: &str) {
        self.answers(release, 500, r#"{"status": "broken"}"#);
    }

    /// From now on, this release is healthy, which all are at first.
    pub(crate) fn heals(&self, release: &str) {
        self.answers.lock().unwrap().remove(release);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(mut stream: TcpStream, live: PathBuf, answers: Arc<Mutex<HashMap<String, (u16, String)>>>) {
    let mut request = Vec::new();
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let Ok(release) = fs::read_to_string(&live) else { return };
    let known = answers.lock().unwrap().get(&release).cloned();
    let (status, body) = known.unwrap_or_else(|| (200, format!(r#"{{"status": "healthy", "version": "{release}"}}"#)));
    let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    // A client that left has its answer, or does not want it.
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    let _ = stream.shutdown().await;
}
