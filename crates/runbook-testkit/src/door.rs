//! A port of 127.0.0.1 that can be closed and opened again; what is said on its connections is for the targets to know.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::future::BoxFuture;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::{JoinHandle, JoinSet},
};

type Serve = Arc<dyn Fn(TcpStream) -> BoxFuture<'static, ()> + Send + Sync>;

/// A listener with its connections, or the port alone.
pub(crate) struct Door {
    address: SocketAddr,
    serve: Serve,
    state: Mutex<Option<State>>,
}

enum State {
    Open(JoinHandle<()>),
    /// Bound and not listening: connections are refused, and nobody else gets the port.
    Closed(TcpSocket),
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Door {
    /// Opens a free port.
    pub(crate) async fn open(
        serve: impl Fn(TcpStream) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, serve) = (listener.local_addr()?, Arc::new(serve) as Serve);
        let task = tokio::spawn(accept(listener, Arc::clone(&serve)));
        Ok(Self { address, serve, state: Mutex::new(Some(State::Open(task))) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the listener and every connection, as when a process is killed, and keeps the port.
    pub(crate) async fn close(&self) -> io::Result<()> {
        let state = self.state().take();
        let closed = match state {
            Some(State::Open(task)) => {
                task.abort();
                // The port is free once the task has dropped its listener; that it was aborted is no news.
                let _ = task.await;
                State::Closed(self.bind()?)
            }
            Some(closed @ State::Closed(_)) => closed,
            None => State::Closed(self.bind()?),
        };
        *self.state() = Some(closed);
        Ok(())
    }

    /// Listens again on the same port.
    pub(crate) fn reopen(&self) -> io::Result<()> {
        let mut state = self.state();
        *state = Some(match state.take() {
            Some(open @ State::Open(_)) => open,
            Some(State::Closed(socket)) => self.listen(socket)?,
            None => self.listen(self.bind()?)?,
        });
        Ok(())
    }

    fn bind(&self) -> io::Result<TcpSocket> {
        let socket = TcpSocket::new_v4()?;
        // Connections that were just closed linger in the kernel; without this the port would be taken by them.
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.address.port())))?;
        Ok(socket)
    }

    fn listen(&self, socket: TcpSocket) -> io::Result<State> {
        Ok(State::Open(tokio::spawn(accept(socket.listen(128)?, Arc::clone(&self.serve)))))
    }

    fn state(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(State::Open(task)) = self.state().as_ref() {
            task.abort();
        }
    }
}

/// Accepts until it is aborted; the connections are its own, so they end with it.
async fn accept(listener: TcpListener, serve: Serve) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    connections.spawn(serve(stream));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
