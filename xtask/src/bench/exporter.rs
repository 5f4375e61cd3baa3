//! Debian's prometheus-blackbox-exporter, started for one measurement with the module `bench`.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::scratch::{Scratch, missing};
use crate::tools::Server;

const PROGRAM: &str = "prometheus-blackbox-exporter";
const START: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// Why it cannot be compared with on this machine.
pub(super) fn is_missing() -> Option<String> {
    missing(PROGRAM).map(|why| format!("{why} (apt-get install {PROGRAM})"))
}

/// A running exporter.
#[derive(Debug)]
pub(super) struct Exporter {
    pub(super) server: Server,
    pub(super) address: SocketAddr,
}

impl Exporter {
    /// Starts it with what it is to look for in a body, and the authority to trust where there is one.
    pub(super) fn start(scratch: &Scratch, pattern: &str, ca: Option<&Path>) -> Result<Self> {
        let config = scratch.write("blackbox.yml", &config(pattern, ca))?;
        // Free now; whoever takes it in between makes the start fail, and nothing worse.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let address = address.context("failed to find a free port")?;
        let mut command = Command::new(PROGRAM);
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--web.listen-address={address}")).arg("--log.level=error");
        let mut server = Server::start_silent(command.stdout(Stdio::null()).stderr(Stdio::inherit()))?;
        let deadline = Instant::now() + START;
        while TcpStream::connect(address).is_err() {
            if server.is_over() || Instant::now() > deadline {
                bail!("{PROGRAM} did not listen at {address}");
            }
            #[allow(clippy::disallowed_methods, reason = "nothing else is done here, and it has a deadline")]
            std::thread::sleep(POLL);
        }
        Ok(Self { server, address })
    }
}

/// The same as the probe of ours is told: GET, 200, a pattern in the body, a chain that is verified.
fn config(pattern: &str, ca: Option<&Path>) -> String {
    let tls = ca.map_or_else(String::new, |ca| format!("      tls_config: {{ ca_file: '{}' }}\n", ca.display()));
    format!(
        "modules:\n  bench:\n    prober: http\n    timeout: 5s\n    http:\n      method: GET\n      \
         preferred_ip_protocol: ip4\n      valid_status_codes: [200]\n      \
         fail_if_body_not_matches_regexp: ['{pattern}']\n{tls}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_is_named_only_where_there_is_one() {
        assert!(config("ok", None).ends_with("fail_if_body_not_matches_regexp: ['ok']\n"));
        let secure = config("ok", Some(Path::new("/t/ca.pem")));
        assert!(secure.ends_with("['ok']\n      tls_config: { ca_file: '/t/ca.pem' }\n"), "{secure}");
    }
}
