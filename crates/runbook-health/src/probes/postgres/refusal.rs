//! What an error of the server means (SQLSTATE, "PostgreSQL Error Codes" in its manual).

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::ErrorResponseBody;

use super::message::foreign;
use crate::probes::database::{Stop, refused};

/// What ends a measurement when the server says this.
pub(super) fn stop(error: &ErrorResponseBody) -> Stop {
    let (mut code, mut message) = (String::new(), String::new());
    let mut fields = error.fields();
    loop {
        match fields.next() {
            Ok(Some(field)) => {
                let text = || String::from_utf8_lossy(field.value_bytes()).into_owned();
                match field.type_() {
                    b'C' => code = text(),
                    b'M' => message = text(),
                    _ => {}
                }
            }
            Ok(None) => break,
            Err(_) => return foreign(),
        }
    }
    meaning(&code, &message)
}

fn meaning(code: &str, message: &str) -> Stop {
    let class = code.get(..2).unwrap_or_default();
    let words = |what: &str| refused(what, message, code);
    match (code, class) {
        ("57014", _) => Stop::Down(words("the query was not finished in time")),
        ("57P01" | "57P02" | "57P03", _) => Stop::Down(words("the server does not serve")),
        (_, "53") => Stop::Down(words("the server is at its limits")),
        (_, "58" | "XX") => Stop::Down(words("the server has an error of its own")),
        (_, "28") => Stop::Unclear(words("the login was refused")),
        ("3D000", _) => Stop::Unclear(words("there is no such database")),
        ("25006", _) => Stop::Unclear(words("the query would write, and the server refused it")),
        _ => Stop::Unclear(words("the query cannot be answered")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_cannot_serve_is_down() {
        for code in ["53300", "53100", "57P03", "57P01", "57014", "XX001", "58030"] {
            assert!(matches!(meaning(code, "m"), Stop::Down(_)), "{code}");
        }
        for code in ["28P01", "28000", "3D000", "25006", "42P01", "42501", "22012", "0A000", "40001", "", "ü"] {
            assert!(matches!(meaning(code, "m"), Stop::Unclear(_)), "{code}");
        }
    }
}
