//! A TCP service without a protocol: it accepts, and then does one thing. For probes that only connect.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::door::Door;

/// What happens to a connection once it is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TcpBehaviour {
    /// It stays open and silent until the client leaves or the target is dropped.
    Hold,
    /// It is closed in good order.
    Close,
    /// It is reset (RST).
    Reset,
    /// These bytes are sent, then it is closed.
    Banner(Vec<u8>),
}

/// A TCP service on a free port of 127.0.0.1. It ends, with every connection, when it is dropped.
///
/// ```
/// use runbook_testkit::{TcpBehaviour, TcpTarget};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let target = TcpTarget::start(TcpBehaviour::Close).await;
/// tokio::net::TcpStream::connect(target.address()).await.unwrap();
/// target.refuse().await;
/// assert!(tokio::net::TcpStream::connect(target.address()).await.is_err());
/// # });
/// ```
#[derive(Debug)]
pub struct TcpTarget {
    door: Door,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    behaviour: Mutex<TcpBehaviour>,
    connections: AtomicU64,
}

impl TcpTarget {
    /// Starts one.
    ///
    /// # Panics
    /// When no port of 127.0.0.1 could be bound.
    #[allow(clippy::expect_used, reason = "a test cannot go on without its server")]
    pub async fn start(behaviour: TcpBehaviour) -> Self {
        let shared = Arc::new(Shared { behaviour: Mutex::new(behaviour), connections: AtomicU64::new(0) });
        let served = Arc::clone(&shared);
        let door = Door::open(move |stream| Box::pin(serve(stream, Arc::clone(&served)))).await;
        Self { door: door.expect("failed to bind a port of 127.0.0.1 for a TCP target"), shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// Behaves differently from the next connection on.
    pub fn set(&self, behaviour: TcpBehaviour) {
        *self.shared.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Refuses connections from now on, and ends those that are open. The port stays this target's.
    ///
    /// # Panics
    /// When the port could not be kept.
    #[allow(clippy::expect_used, reason = "a test whose target does not refuse would show nothing")]
    pub async fn refuse(&self) {
        self.door.close().await.expect("failed to close the port of a TCP target");
    }

    /// Accepts connections again.
    ///
    /// # Panics
    /// When the port could not be opened again.
    #[allow(clippy::expect_used, reason = "a test cannot go on without its server")]
    pub fn accept(&self) {
        self.door.reopen().expect("failed to open the port of a TCP target again");
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    shared.connections.fetch_add(1, Ordering::SeqCst);
    let behaviour = shared.behaviour.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // Errors are clients that left.
    let _: io::Result<()> = match behaviour {
        TcpBehaviour::Hold => until_the_client_leaves(&mut stream).await,
        TcpBehaviour::Close => stream.shutdown().await,
        TcpBehaviour::Reset => stream.set_zero_linger(),
        TcpBehaviour::Banner(bytes) => {
            async {
                stream.write_all(&bytes).await?;
                stream.shutdown().await
            }
            .await
        }
    };
}

/// Reads and forgets whatever comes.
pub(crate) async fn until_the_client_leaves(stream: &mut TcpStream) -> io::Result<()> {
    tokio::io::copy(stream, &mut tokio::io::sink()).await.map(drop)
}
