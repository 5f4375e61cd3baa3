//! What an error of the server means, by the code that it begins with.

use crate::probes::database::Stop;

/// How much of a server's message is kept, in characters.
const MAX_MESSAGE: usize = 200;

/// What ends a measurement when the server says this.
pub(super) fn stop(error: &str) -> Stop {
    let code = error.split(' ').next().unwrap_or_default();
    let message: String = error.chars().take(MAX_MESSAGE).collect();
    let words = |what: &str| format!("{what}: {message}");
    match code {
        "LOADING" => Stop::Down(words("the server is still loading its data")),
        "MASTERDOWN" => Stop::Down(words("the replica has lost its master")),
        "CLUSTERDOWN" => Stop::Down(words("the cluster does not serve")),
        "BUSY" | "UNKILLABLE" => Stop::Down(words("the server is busy with a script")),
        "MISCONF" | "OOM" => Stop::Down(words("the server has an error of its own")),
        _ if error.starts_with("ERR max number of clients") => Stop::Down(words("the server is at its limits")),
        "NOAUTH" => Stop::Unclear(words("the server asks for a password (`password_env`)")),
        "WRONGPASS" | "DENIED" => Stop::Unclear(words("the login was refused")),
        "NOPERM" => Stop::Unclear(words("the user may not ask this")),
        "MOVED" | "ASK" => Stop::Unclear(words("another node of the cluster has this key")),
        _ => Stop::Unclear(words("the command cannot be answered")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_cannot_serve_is_down() {
        for error in ["LOADING x", "MASTERDOWN x", "CLUSTERDOWN", "ERR max number of clients reached", "BUSY x"] {
            assert!(matches!(stop(error), Stop::Down(_)), "{error}");
        }
        for error in ["NOAUTH x", "WRONGPASS x", "NOPERM x", "WRONGTYPE x", "MOVED 1 h:1", "ERR unknown", ""] {
            assert!(matches!(stop(error), Stop::Unclear(_)), "{error}");
        }
    }
}
