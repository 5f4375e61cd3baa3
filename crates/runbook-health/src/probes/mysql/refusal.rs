//! What an error of the server means ("Server Error Message Reference" in MySQL's manual, "Error Codes" in MariaDB's).

use super::{fields::Fields, packets::foreign};
use crate::probes::database::{Stop, refused};

/// The number of an error; `None` when the packet is none.
pub(super) fn code(packet: &[u8]) -> Option<u64> {
    let mut fields = Fields::of(packet);
    fields.byte().filter(|first| *first == 0xff)?;
    fields.number(2)
}

/// What ends a measurement when the server says this.
pub(super) fn stop(packet: &[u8]) -> Stop {
    let Some(code) = code(packet) else { return foreign() };
    let message = packet.get(3..).unwrap_or_default();
    // A state of five characters; an error before the login has none.
    let message = if message.first() == Some(&b'#') { message.get(6..).unwrap_or_default() } else { message };
    meaning(code, &String::from_utf8_lossy(message))
}

fn meaning(code: u64, message: &str) -> Stop {
    let words = |what: &str| refused(what, message, code);
    match code {
        // MySQL's and MariaDB's limit of time; a query that was killed.
        3024 | 1969 | 1317 => Stop::Down(words("the query was not finished in time")),
        // Shutting down; connections killed by it.
        1053 | 1077 | 1079 | 1080 | 1927 | 3169 | 4031 => Stop::Down(words("the server does not serve")),
        // Connections, memory, disk, threads, open files.
        1040 | 1021 | 1023 | 1026 | 1037 | 1038 | 1041 | 1135 => Stop::Down(words("the server is at its limits")),
        // Files and tables that are broken.
        1016 | 1030 | 1033..=1035 | 1194 | 1195 => Stop::Down(words("the server has an error of its own")),
        1045 | 1130 | 1129 | 1251 | 1698 | 1862 | 3118 | 3159 | 4151 => Stop::Unclear(words("the login was refused")),
        1049 | 1044 => Stop::Unclear(words("there is no such database for this user")),
        1792 | 1290 | 1036 | 1836 => Stop::Unclear(words("the query would write, and the server refused it")),
        _ => Stop::Unclear(words("the query cannot be answered")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_a_server_that_cannot_serve_is_down() {
        for code in [1040, 1053, 1969, 3024, 1021, 1194] {
            assert!(matches!(meaning(code, "m"), Stop::Down(_)), "{code}");
        }
        for code in [1045, 1049, 1792, 1064, 1146, 1142, 1203, 0] {
            assert!(matches!(meaning(code, "m"), Stop::Unclear(_)), "{code}");
        }
    }

    #[test]
    fn an_error_before_the_login_has_no_state() {
        let words = |packet: &[u8]| match stop(packet) {
            Stop::Down(words) | Stop::Unclear(words) => words,
            Stop::Own(error) => error.to_string(),
        };
        assert_eq!(words(b"\xff\x10\x04Too many"), "the server is at its limits: Too many (1040)");
        assert_eq!(words(b"\xff\x15\x04#28000Denied"), "the login was refused: Denied (1045)");
        assert_eq!(words(b"\xff\x15"), "the answer is not MySQL's protocol");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut packet: Vec<u8>) {
            packet.insert(0, 0xff);
            let _ = stop(&packet);
        }
    }
}
