//! Remote addresses in messages: without credentials, and safe to paste into a shell. Pure.

/// A text in which every `scheme://user:password@host` has lost what stands before the `@`: a token may stand in either
/// place. Only the user of an SSH address stays; it is no secret, and the address is of no use without it.
pub(crate) fn without_credentials(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = after.find(|c: char| c == '/' || c.is_whitespace() || "'\"<>".contains(c)).unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        match authority.rsplit_once('@') {
            Some((user, _)) if before.ends_with("ssh://") && !user.contains(':') => clean.push_str(authority),
            Some((_, host)) => clean.extend(["***@", host]),
            None => clean.push_str(authority),
        }
        rest = tail;
    }
    clean.push_str(rest);
    clean
}

/// A word of a command line that people paste: quoted where a shell would read more than a word.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+,%=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_every_address() {
        let cases = [
            ("fatal: https://me:s3cret@host/x.git is gone", "fatal: https://***@host/x.git is gone"),
            (
                "https://ghp_token@github.com/a/b and ssh://git:pw@h:22/x",
                "https://***@github.com/a/b and ssh://***@h:22/x",
            ),
            ("'https://u:p@ss@host'", "'https://***@host'"),
            ("https://host/a@b git@github.com:a/b", "https://host/a@b git@github.com:a/b"),
            ("ssh://git@host/x.git", "ssh://git@host/x.git"),
            ("nothing", "nothing"),
            ("https://", "https://"),
        ];
        for (text, clean) in cases {
            assert_eq!(without_credentials(text), clean);
        }
    }

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(shell_word("rollback/v1.2.3-20260101T000000Z"), "rollback/v1.2.3-20260101T000000Z");
        assert_eq!(shell_word("a;rm"), "'a;rm'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word("$(id)"), "'$(id)'");
        assert_eq!(shell_word(""), "''");
    }
}
