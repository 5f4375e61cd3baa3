//! What tests of a runbook stand on: real sockets, real git, and ports in memory that fail on order.
//!
//! | to test | use |
//! | --- | --- |
//! | whatever talks to GitHub | [`github::FakeGitHub`]: stateful, over HTTP, with lost answers and rate limits on order |
//! | a probe, a webhook, a redirect | [`HttpTarget`] and [`TcpTarget`]: slow, cut off, endless, refused |
//! | whatever reads or writes a repository | [`TempRepository`] |
//! | a stage, or the engine itself | [`MemoryJournal`], [`MemoryDeployer`], [`ScriptedProbe`], [`VirtualClock`], … |
//! | what talks to a database or a browser | [`parts`]: the real ones, where they are installed |
//! | your own implementation of a port | [`conformance`]: the port's contract as tests |
//!
//! It is no mock framework: nothing here expects calls. A test arranges a world, lets the real code act on it, and looks
//! at what the world has become. Methods panic where a test could not go on.
//!
//! ```
//! use runbook_testkit::{Behaviour, HttpTarget, Reply};
//! use tokio::{io::{AsyncReadExt, AsyncWriteExt}, net::TcpStream};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let target = HttpTarget::start(Reply::text("fine")).await;
//! target.script([Behaviour::CloseMidBody(Reply::text("a long answer"))]);
//!
//! let mut connection = TcpStream::connect(target.address()).await.unwrap();
//! connection.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
//! let mut answer = String::new();
//! connection.read_to_string(&mut answer).await.unwrap();
//! assert!(answer.contains("content-length: 13") && answer.ends_with("a long"), "the rest never comes: {answer}");
//! assert_eq!(target.requests()[0].target, "/health");
//! # });
//! ```

// GitHub's objects have more fields than the `json!` macro takes at the default limit.
#![recursion_limit = "256"]

pub mod conformance;
pub mod github;
#[cfg(unix)]
pub mod parts;

mod certificate;
mod clock;
mod connect_proxy;
mod door;
mod http_target;
mod memory;
mod repository;
mod tcp_target;

pub use clock::{Hold, VirtualClock};
pub use connect_proxy::ConnectProxy;
pub use http_target::{Behaviour, HttpTarget, Reply, Seen};
pub use memory::{
    AppendFault, DeployFault, FixedLiveness, MemoryChecks, MemoryDeployer, MemoryHistory, MemoryJournal, MemoryLatch,
    Ordered, RecordingDeployments, RecordingIssueTracker, RecordingNotifier, RecordingPullRequests, RecordingSink,
    ScriptedProbe,
};
pub use repository::TempRepository;
pub use tcp_target::{TcpBehaviour, TcpTarget};
