//! What is probed: the least that speaks HTTP/1.1, so that both sides wait for it as little as can be. It reads a
//! request's head and answers; whoever asked closes the connection, or says that this side shall.

use std::{fs, io::Read, path::Path, sync::Arc, time::Duration};

use rcgen::{CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use crate::Fault;

/// What is answered.
pub const BODY: &str =
    r#"{"service": "bench", "version": "1.0.0", "status": "healthy", "checks": {"database": "ok", "queue": "ok"}}"#;

/// How many connections wait to be accepted.
const BACKLOG: u32 = 4_096;
/// The longest head that is read.
const MOST: usize = 8 * 1024;

/// Plain HTTP on several ports: connections to one alone would run out of ports to come from.
pub async fn plain(listeners: usize) -> Result<(), Fault> {
    let mut urls = Vec::new();
    for _ in 0..listeners {
        let listener = listen(BACKLOG)?;
        urls.push(format!("http://{}/health", listener.local_addr()?));
        tokio::spawn(async move {
            while let Ok(stream) = accept(&listener).await {
                tokio::spawn(serve(stream));
            }
        });
    }
    println!("{}", urls.join(" "));
    end_of_input().await
}

/// HTTPS with a certificate of an authority of its own, whose certificate it writes to `FOLDER/ca.pem`.
pub async fn secure(listeners: usize, folder: &Path) -> Result<(), Fault> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "authority of the bench");
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    fs::write(folder.join("ca.pem"), issuer.pem())?;
    let key = KeyPair::generate()?;
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut urls = Vec::new();
    for _ in 0..listeners {
        let (listener, acceptor) = (listen(BACKLOG)?, acceptor.clone());
        urls.push(format!("https://{}/health", listener.local_addr()?));
        tokio::spawn(async move {
            while let Ok(stream) = accept(&listener).await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that gives up has its reasons, and sees them itself.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream).await;
                    }
                });
            }
        });
    }
    println!("{}", urls.join(" "));
    end_of_input().await
}

/// Two services that are not there: one accepts connections and stays silent, and one drops them, as its queue is full.
pub async fn holes() -> Result<(), Fault> {
    let silent = listen(BACKLOG)?;
    let full = listen(1)?;
    let mut held = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(300), TcpStream::connect(full.local_addr()?)).await {
        held.push(stream?);
    }
    println!("http://{}/health http://{}/health", silent.local_addr()?, full.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = silent.accept().await {
            tokio::spawn(async move { stream.read_to_end(&mut Vec::new()).await });
        }
    });
    let ended = end_of_input().await;
    drop(held);
    ended
}

fn listen(backlog: u32) -> Result<TcpListener, Fault> {
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse()?)?;
    Ok(socket.listen(backlog)?)
}

/// As servers do it: an answer that waits for the acknowledgement of a TLS ticket would be 40 ms late.
async fn accept(listener: &TcpListener) -> std::io::Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Until whoever started it is gone.
async fn end_of_input() -> Result<(), Fault> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = tell.send(());
    });
    Ok(told.await?)
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut head = Vec::with_capacity(1024);
    loop {
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_buf(&mut head).await {
                Ok(read) if read > 0 && head.len() < MOST => {}
                _ => return,
            }
        }
        let closes = head.windows(17).any(|part| part.eq_ignore_ascii_case(b"connection: close"));
        let (length, connection) = (BODY.len(), if closes { "close" } else { "keep-alive" });
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             connection: {connection}\r\n\r\n{BODY}"
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        if closes {
            let _ = stream.shutdown().await;
            return;
        }
        head.clear();
    }
}
