//! Servers for gRPC: tonic's own with its health service, one that says of health what a test tells it to, and one that
//! sends any bytes over HTTP/2. Each can stand behind TLS.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, date_time_ymd};
use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};
use tonic::{
    Request, Response, Status,
    codegen::{
        Bytes,
        http::{self, HeaderMap},
    },
    transport::server::TcpIncoming,
};
use tonic_health::{
    pb::{
        HealthCheckRequest, HealthCheckResponse,
        health_server::{Health, HealthServer},
    },
    server::HealthReporter,
};

/// A running server; it ends with this value.
pub struct Server {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// tonic's server with tonic's health service; its reporter sets the status.
pub async fn real() -> (Server, HealthReporter) {
    let (reporter, service) = tonic_health::server::health_reporter();
    let (listener, address) = listen().await;
    let served = tonic::transport::Server::builder().add_service(service);
    let task = tokio::spawn(async move { served.serve_with_incoming(TcpIncoming::from(listener)).await.unwrap() });
    (Server { address, task }, reporter)
}

/// tonic's server without a health service.
pub async fn without_health() -> Server {
    let (listener, address) = listen().await;
    let served = tonic::transport::Server::builder().add_routes(tonic::service::Routes::default());
    let task = tokio::spawn(async move { served.serve_with_incoming(TcpIncoming::from(listener)).await.unwrap() });
    Server { address, task }
}

type Word = dyn Fn(&Request<HealthCheckRequest>) -> Option<Result<i32, Status>> + Send + Sync;

/// Says what a function says; `None` never answers.
struct Told(Box<Word>);

#[tonic::async_trait]
impl Health for Told {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        match (self.0)(&request) {
            Some(word) => word.map(|status| Response::new(HealthCheckResponse { status })),
            None => std::future::pending().await,
        }
    }

    type WatchStream = futures::stream::Empty<Result<HealthCheckResponse, Status>>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("only asked once"))
    }
}

/// tonic's server with a health service of the test's own.
pub async fn telling(
    word: impl Fn(&Request<HealthCheckRequest>) -> Option<Result<i32, Status>> + Send + Sync + 'static,
) -> Server {
    let (listener, address) = listen().await;
    let served = tonic::transport::Server::builder().add_service(HealthServer::new(Told(Box::new(word))));
    let task = tokio::spawn(async move { served.serve_with_incoming(TcpIncoming::from(listener)).await.unwrap() });
    Server { address, task }
}

/// What a server sends over HTTP/2, whether it is gRPC or not.
#[derive(Clone)]
pub struct Raw {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// Whether the body is sent again and again.
    pub is_endless: bool,
    pub trailers: Vec<(&'static str, String)>,
}

impl Raw {
    /// A gRPC message of these bytes, with its five bytes of head, and the status OK.
    pub fn message(bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).unwrap();
        Self {
            status: 200,
            content_type: "application/grpc",
            body: [&[0][..], &length.to_be_bytes(), bytes].concat(),
            is_endless: false,
            trailers: vec![("grpc-status", "0".to_owned())],
        }
    }
}

/// Sends the same answer to each request.
pub async fn sending(raw: Raw) -> Server {
    let (listener, address) = listen().await;
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let raw = raw.clone();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((_, responder))) = connection.accept().await {
                    tokio::spawn(send(raw.clone(), responder));
                }
            });
        }
    });
    Server { address, task }
}

async fn send(raw: Raw, mut responder: h2::server::SendResponse<Bytes>) {
    let head = http::Response::builder().status(raw.status).header("content-type", raw.content_type).body(()).unwrap();
    let Ok(mut stream) = responder.send_response(head, false) else { return };
    loop {
        let mut left = Bytes::from(raw.body.clone());
        while !left.is_empty() {
            stream.reserve_capacity(left.len());
            let Some(Ok(granted)) = std::future::poll_fn(|context| stream.poll_capacity(context)).await else { return };
            if stream.send_data(left.split_to(granted.min(left.len())), false).is_err() {
                return;
            }
        }
        if !raw.is_endless {
            break;
        }
    }
    let mut trailers = HeaderMap::new();
    for (name, value) in raw.trailers {
        trailers.insert(name, value.parse().unwrap());
    }
    let _ = stream.send_trailers(trailers);
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// An authority of the test's own, in the file `ca.pem`.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "authority of the test");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// TLS in front of a server: it shows a certificate for `localhost` and hands the bytes on.
    pub async fn guard(&self, server: SocketAddr, is_expired: bool, protocols: &[&[u8]]) -> Server {
        let acceptor = self.acceptor(is_expired, protocols);
        let (listener, address) = listen().await;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut secured) = acceptor.accept(stream).await else { return };
                    let mut plain = TcpStream::connect(server).await.unwrap();
                    let _ = relay(&mut secured, &mut plain).await;
                });
            }
        });
        Server { address, task }
    }

    fn acceptor(&self, is_expired: bool, protocols: &[&[u8]]) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        if is_expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

async fn relay(a: &mut (impl AsyncRead + AsyncWrite + Unpin), b: &mut TcpStream) -> std::io::Result<()> {
    copy_bidirectional(a, b).await.map(|_| ())
}
