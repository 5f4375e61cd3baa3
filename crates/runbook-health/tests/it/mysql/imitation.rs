//! What only MySQL 8 does, and MariaDB does not: logins by `caching_sha2_password`. The server's part of its documented
//! protocol, for one query.

use aws_lc_rs::digest::{SHA256, digest};
use runbook_core::{Health, ports::Probe, registry::Scope};
use runbook_health::MySqlProbe;
use runbook_testkit::parts::MariaDb;
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    authority::{Authority, Manner},
    databases::{database_scope, try_build, with},
    support::assert_reading,
};

const NONCE: &[u8; 20] = b"12345678abcdefghijkl";

/// How the server takes a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Memory {
    /// It remembers the password's hash.
    Fresh,
    /// It has forgotten it, as after a restart, and asks for the password itself.
    Lost,
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.unwrap();
    let mut content = vec![0; usize::from(head[0]) | usize::from(head[1]) << 8];
    stream.read_exact(&mut content).await.unwrap();
    content
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), sequence: u8, content: &[u8]) {
    let [low, middle, high, ..] = content.len().to_le_bytes();
    stream.write_all(&[&[low, middle, high, sequence], content].concat()).await.unwrap();
}

fn greeting(capabilities: u32) -> Vec<u8> {
    let [a, b, c, d] = capabilities.to_le_bytes();
    let mut packet = b"\x0a8.0.36\0\x07\0\0\0".to_vec();
    packet.extend(&NONCE[..8]);
    packet.extend([0, a, b, 0xff, 2, 0, c, d, 21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    packet.extend(&NONCE[8..]);
    packet.extend(b"\0caching_sha2_password\0");
    packet
}

/// What stands behind the fixed head of a login: user, proof, database, plugin.
fn proof_of(login: &[u8]) -> Vec<u8> {
    let rest = &login[32..];
    let user = rest.iter().position(|byte| *byte == 0).unwrap();
    assert_eq!(&rest[..user], b"runbook");
    let length = usize::from(rest[user + 1]);
    rest[user + 2..][..length].to_vec()
}

/// As the server checks it: the hash of the hash is what it keeps.
fn is_right(proof: &[u8]) -> bool {
    let hash = |parts: &[&[u8]]| digest(&SHA256, &parts.concat()).as_ref().to_vec();
    let kept = hash(&[&hash(&[MariaDb::PASSWORD.as_bytes()])]);
    let once: Vec<u8> = proof.iter().zip(hash(&[&kept, NONCE])).map(|(a, b)| a ^ b).collect();
    hash(&[&once]) == kept
}

/// Lets in whoever has the password, and answers `SELECT 1`. `sequence` is the number of the next packet.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, mut sequence: u8, memory: Memory) {
    let proof = proof_of(&read(&mut stream).await);
    let mut say = async |stream: &mut _, content: &[u8]| {
        write(stream, sequence, content).await;
        sequence += 1;
    };
    let is_known = match memory {
        Memory::Fresh => {
            let right = is_right(&proof);
            if right {
                say(&mut stream, &[1, 3]).await;
            }
            right
        }
        Memory::Lost => {
            say(&mut stream, &[1, 4]).await;
            sequence += 1;
            let told = read(&mut stream).await;
            let password = [MariaDb::PASSWORD.as_bytes(), &[0]].concat();
            assert!(told.is_empty() || told == password, "{told:?}");
            told == password
        }
    };
    if !is_known {
        return write(&mut stream, sequence, b"\xff\x15\x04#28000Access denied").await;
    }
    write(&mut stream, sequence, &[0, 0, 0, 2, 0, 0, 0]).await;
    loop {
        let command = read(&mut stream).await;
        match command.as_slice() {
            b"\x03SELECT 1" => break,
            // A MySQL does not know MariaDB's variable.
            set if set.starts_with(b"\x03SET") && set.windows(18).any(|part| part == b"max_statement_time") => {
                write(&mut stream, 1, b"\xff\xa9\x04#HY000Unknown system variable").await;
            }
            set if set.starts_with(b"\x03SET") => {
                assert!(set.windows(18).any(|part| part == b"max_execution_time"));
                write(&mut stream, 1, &[0, 0, 0, 2, 0, 0, 0]).await;
            }
            begin => {
                assert_eq!(begin, b"\x03START TRANSACTION READ ONLY");
                write(&mut stream, 1, &[0, 0, 0, 3, 0, 0, 0]).await;
            }
        }
    }
    write(&mut stream, 1, &[1]).await;
    write(&mut stream, 2, b"\x03def\0\0\0\x011\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0").await;
    write(&mut stream, 3, &[0xfe, 0, 0, 3, 0]).await;
    write(&mut stream, 4, b"\x011").await;
    write(&mut stream, 5, &[0xfe, 0, 0, 3, 0]).await;
    assert_eq!(read(&mut stream).await, b"\x03ROLLBACK");
    assert_eq!(read(&mut stream).await, b"\x01");
}

/// A server for one connection; its port, and its end.
async fn imitate(tls: Option<TlsAcceptor>, memory: Memory) -> (u16, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let capabilities = 0xdfff_f7ff | if tls.is_some() { 1 << 11 } else { 0 };
        write(&mut stream, 0, &greeting(capabilities)).await;
        match tls {
            None => serve(stream, 2, memory).await,
            Some(acceptor) => {
                assert_eq!(read(&mut stream).await.len(), 32, "a request for TLS is the head of a login");
                serve(acceptor.accept(stream).await.unwrap(), 3, memory).await;
            }
        }
    });
    (port, task)
}

fn probe(port: u16, password: &str, timeout: &str) -> MySqlProbe {
    let settings = json!({"host": "localhost", "port": port, "user": MariaDb::USER, "password_env": password,
        "expect": 1, "timeout": timeout});
    try_build(settings, &database_scope(None)).unwrap()
}

#[tokio::test]
async fn mysql_8_is_logged_into_by_a_hash_that_it_remembers() {
    let authority = Authority::new();
    for tls in [None, Some(authority.acceptor(&["localhost"], Manner::default()))] {
        let (port, served) = imitate(tls, Memory::Fresh).await;
        let reading = probe(port, "MARIADB_PASSWORD", "5s").sample().await.unwrap();
        assert_reading(&reading, Health::Healthy, "→ SELECT 1 = 1 in");
        served.await.unwrap();
    }
    let (port, served) = imitate(None, Memory::Fresh).await;
    let error = probe(port, "WRONG_PASSWORD", "5s").sample().await.unwrap_err();
    assert!(error.to_string().ends_with("→ the login was refused: Access denied (1045)"), "{error}");
    served.await.unwrap();
}

/// TLS with whatever certificate keeps out who listens, and not who pretends to be the server.
#[tokio::test]
async fn mysql_8_that_forgot_the_hash_is_told_the_password_when_it_proves_who_it_is() {
    let authority = Authority::new();
    let scope = Scope { root: authority.root(), ..database_scope(None) };
    // To the probe, 0.0.0.0 is a host elsewhere; to the system, this machine.
    for (more, is_told) in
        [(json!({"tls": "prefer"}), false), (json!({"tls": "require"}), false), (json!({"ca_file": "ca.pem"}), true)]
    {
        let (port, served) = imitate(Some(authority.acceptor(&["0.0.0.0"], Manner::default())), Memory::Lost).await;
        let base = json!({"host": "0.0.0.0", "port": port, "user": MariaDb::USER, "password_env": "MARIADB_PASSWORD"});
        let probe: MySqlProbe = try_build(with(base, &more), &scope).unwrap();
        match probe.sample().await {
            Ok(reading) => {
                assert!(is_told, "{more}: {}", reading.evidence);
                assert_reading(&reading, Health::Healthy, "→ SELECT 1 = 1 in");
            }
            Err(error) => {
                let words = "which only a server gets that proves who it is: set `tls = \"verify\"`";
                assert!(!is_told && error.to_string().ends_with(words), "{more}: {error}");
            }
        }
        // It asserts what it is told: the password, or nothing.
        served.await.unwrap();
    }
}

#[tokio::test]
async fn mysql_8_that_forgot_the_hash_is_told_the_password_over_tls_alone() {
    let authority = Authority::new();
    let (port, served) = imitate(Some(authority.acceptor(&["localhost"], Manner::default())), Memory::Lost).await;
    let reading = probe(port, "MARIADB_PASSWORD", "5s").sample().await.unwrap();
    assert_reading(&reading, Health::Healthy, "→ SELECT 1 = 1 in");
    served.await.unwrap();
    let (port, served) = imitate(None, Memory::Lost).await;
    let error = probe(port, "MARIADB_PASSWORD", "5s").sample().await.unwrap_err();
    let words = "→ the server asks for the password itself, which is not sent without TLS: set `tls = \"verify\"`";
    assert!(error.to_string().ends_with(words), "{error}");
    served.abort();
}
