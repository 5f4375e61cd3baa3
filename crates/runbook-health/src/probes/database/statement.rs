//! What may be asked in SQL: one statement that reads. It is checked here so that a mistake is told with its key; that
//! nothing is written is the server's to hold, in a read-only transaction.

use std::fmt;

use super::answer::cut;

/// The longest query, in bytes.
const MAX_LENGTH: usize = 16 * 1024;

/// How much of a query evidence shows, in characters.
const MAX_SHOWN: usize = 60;

/// How a statement may begin.
const READING: [&str; 6] = ["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN"];

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::probes) enum Dialect {
    /// PostgreSQL's.
    Postgres,
    /// MySQL's and MariaDB's, with `sql_mode = ''`.
    MySql,
}

/// One statement that reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::probes) struct Statement {
    text: String,
    is_report: bool,
}

impl Statement {
    /// Reads a query; what is refused is told in words.
    pub(in crate::probes) fn parse(query: &str, dialect: Dialect) -> Result<Self, String> {
        if query.len() > MAX_LENGTH {
            return Err(format!("a query of more than {MAX_LENGTH} bytes is no probe"));
        }
        if query.contains('\0') {
            return Err("a query cannot hold the character NUL".to_owned());
        }
        let mut tokens = Tokens { text: query, at: 0, dialect };
        let mut first = None;
        let mut end = query.len();
        while let Some(token) = tokens.next()? {
            if end < query.len() {
                return Err("there is more than one statement; a probe asks one".to_owned());
            }
            match token {
                Token::End(at) => end = at,
                Token::Word(word) => {
                    first.get_or_insert(word);
                    // A file on the server is beyond any transaction.
                    if dialect == Dialect::MySql && word.eq_ignore_ascii_case("INTO") {
                        return Err("`INTO` would write what was read, and a probe only reads".to_owned());
                    }
                }
                Token::Open => {}
                Token::Other => {
                    first.get_or_insert("");
                }
            }
        }
        let Some(first) = first else { return Err("the query is empty".to_owned()) };
        let Some(verb) = READING.iter().find(|verb| first.eq_ignore_ascii_case(verb)) else {
            let first = if first.is_empty() { String::new() } else { format!(", not with `{}`", cut(first, 20)) };
            return Err(format!("a probe only reads: the query must begin with {}{first}", READING.join(", ")));
        };
        Ok(Self { text: query[..end].trim().to_owned(), is_report: matches!(*verb, "SHOW" | "EXPLAIN") })
    }

    /// As it is sent, without a semicolon.
    pub(in crate::probes) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the server answers with words about itself, in which a number is a text like any other.
    pub(in crate::probes) fn is_report(&self) -> bool {
        self.is_report
    }
}

/// On one line, and not all of it when it is long.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        f.write_str(&cut(&line, MAX_SHOWN))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'q> {
    /// A name or a word of the language.
    Word(&'q str),
    /// An opening bracket.
    Open,
    /// A semicolon, and where it stands.
    End(usize),
    /// A text, a quoted name, a number or a sign.
    Other,
}

/// What stands in a query, without comments. Every sign that matters here is ASCII, and in UTF-8 no byte of another
/// character looks like one.
struct Tokens<'q> {
    text: &'q str,
    at: usize,
    dialect: Dialect,
}

impl<'q> Tokens<'q> {
    fn next(&mut self) -> Result<Option<Token<'q>>, String> {
        loop {
            let rest = self.rest();
            let Some(&byte) = rest.as_bytes().first() else { return Ok(None) };
            if byte.is_ascii_whitespace() {
                self.at += 1;
            } else if let Some(skipped) = self.comment()? {
                self.at += skipped;
            } else {
                return self.token(byte).map(Some);
            }
        }
    }

    fn rest(&self) -> &'q str {
        &self.text[self.at..]
    }

    fn token(&mut self, byte: u8) -> Result<Token<'q>, String> {
        let (rest, start) = (self.rest(), self.at);
        match byte {
            b'\'' => {
                // In PostgreSQL a backslash is an escape behind `E` alone.
                let escapes = self.dialect == Dialect::MySql || self.follows_an_e();
                self.quoted(byte, escapes)
            }
            b'"' => self.quoted(byte, self.dialect == Dialect::MySql),
            b'`' if self.dialect == Dialect::MySql => self.quoted(byte, false),
            b'$' if self.dialect == Dialect::Postgres => self.dollar(),
            b';' => {
                self.at += 1;
                Ok(Token::End(start))
            }
            b'(' => {
                self.at += 1;
                Ok(Token::Open)
            }
            _ if is_of_name(byte) => {
                let length = rest.bytes().position(|byte| !is_of_name(byte) && byte != b'$').unwrap_or(rest.len());
                self.at += length;
                let word = &rest[..length];
                Ok(if byte.is_ascii_digit() { Token::Other } else { Token::Word(word) })
            }
            _ => {
                self.at += 1;
                Ok(Token::Other)
            }
        }
    }

    fn follows_an_e(&self) -> bool {
        let mut before = self.text[..self.at].bytes().rev();
        matches!(before.next(), Some(b'e' | b'E')) && !before.next().is_some_and(is_of_name)
    }

    /// A text in quotation marks; twice the mark inside is the mark itself.
    fn quoted(&mut self, mark: u8, escapes: bool) -> Result<Token<'q>, String> {
        let mut bytes = self.rest().bytes().enumerate().skip(1).peekable();
        while let Some((at, byte)) = bytes.next() {
            if byte == b'\\' && escapes {
                bytes.next();
            } else if byte == mark && bytes.next_if(|(_, next)| *next == mark).is_none() {
                self.at += at + 1;
                return Ok(Token::Other);
            }
        }
        Err(format!("a {} is opened and never closed", char::from(mark)))
    }

    /// `$tag$ … $tag$`, or the sign of a parameter.
    fn dollar(&mut self) -> Result<Token<'q>, String> {
        let rest = self.rest();
        let tag_end = rest[1..].bytes().position(|byte| !is_of_name(byte)).map(|at| at + 1);
        let Some(tag) = tag_end.filter(|end| rest.as_bytes()[*end] == b'$').map(|end| &rest[..=end]) else {
            self.at += 1;
            return Ok(Token::Other);
        };
        let close = rest[tag.len()..].find(tag).ok_or_else(|| format!("a {tag} is opened and never closed"))?;
        self.at += tag.len() + close + tag.len();
        Ok(Token::Other)
    }

    /// The length of the comment that begins here.
    fn comment(&self) -> Result<Option<usize>, String> {
        let rest = self.rest();
        let is_mysql = self.dialect == Dialect::MySql;
        // MySQL wants white space behind the dashes; otherwise they are two signs.
        let is_line = rest.strip_prefix("--").is_some_and(|after| {
            !is_mysql || after.is_empty() || after.starts_with(|c: char| c.is_ascii_whitespace() || c.is_control())
        });
        if is_line || (is_mysql && rest.starts_with('#')) {
            return Ok(Some(rest.find('\n').unwrap_or(rest.len())));
        }
        if !rest.starts_with("/*") {
            return Ok(None);
        }
        if is_mysql && (rest.starts_with("/*!") || rest.starts_with("/*M!")) {
            return Err("a comment that begins with `/*!` is no comment: the server would run it".to_owned());
        }
        let mut depth = 0_usize;
        let mut at = 0;
        while at < rest.len() {
            let two = rest.as_bytes().get(at..at + 2).unwrap_or_default();
            match two {
                // PostgreSQL's comments stand inside of each other.
                b"/*" if depth == 0 || !is_mysql => depth += 1,
                b"*/" => depth -= 1,
                _ => {
                    at += 1;
                    continue;
                }
            }
            at += 2;
            if depth == 0 {
                return Ok(Some(at));
            }
        }
        Err("a comment is opened and never closed".to_owned())
    }
}

/// Letters, digits and everything that is not ASCII.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOTH: [Dialect; 2] = [Dialect::Postgres, Dialect::MySql];

    #[test]
    fn statements_that_read_are_taken_as_they_are() {
        for query in [
            "SELECT 1",
            "select ';' , 'it''s', \"a;b\" from t where x = 1",
            "  -- first\n/* ; delete */ (SELECT 1) UNION (SELECT 2)",
            "WITH x AS (SELECT 1) SELECT * FROM x",
            "VALUES (1)",
            "TABLE jobs",
            "show max_connections",
            "EXPLAIN SELECT 1",
        ] {
            for dialect in BOTH {
                let statement = Statement::parse(query, dialect).unwrap();
                assert_eq!(statement.text(), query.trim(), "{dialect:?}");
            }
        }
        let ended = Statement::parse("SELECT 1 ; -- done\n", Dialect::Postgres).unwrap();
        assert_eq!(ended.text(), "SELECT 1");
        assert!(Statement::parse("SHOW x", Dialect::MySql).unwrap().is_report());
    }

    #[test]
    fn what_would_write_is_refused_in_words() {
        for (query, words) in [
            ("", "the query is empty"),
            (" -- nothing\n", "the query is empty"),
            (";", "the query is empty"),
            ("DELETE FROM jobs", "not with `DELETE`"),
            ("'SELECT 1'", "the query must begin with"),
            ("SELECTED", "not with `SELECTED`"),
            ("SELECT 1; DROP TABLE jobs", "more than one statement"),
            ("SELECT 1;;", "more than one statement"),
            ("/* SELECT */ UPDATE jobs SET x = 1", "not with `UPDATE`"),
            ("SELECT 'open", "a ' is opened and never closed"),
            ("SELECT 1 /* open", "a comment is opened and never closed"),
            ("SELECT 1 \0", "NUL"),
        ] {
            for dialect in BOTH {
                let problem = Statement::parse(query, dialect).unwrap_err();
                assert!(problem.contains(words), "{query}: {problem}");
            }
        }
        assert!(Statement::parse(&format!("SELECT {}", "1".repeat(20_000)), Dialect::MySql).is_err());
    }

    /// Where the two differ, a sign of the one must not hide a statement from the other.
    #[test]
    fn each_dialect_has_its_own_signs() {
        let read = |query, dialect| Statement::parse(query, dialect).map(|statement| statement.text);
        let (postgres, mysql) = (Dialect::Postgres, Dialect::MySql);
        // A backslash before a quotation mark.
        assert!(read(r"SELECT 'a\'; DROP TABLE jobs; --'", postgres).unwrap_err().contains("more than one"));
        assert!(read(r"SELECT 'a\'; DROP TABLE jobs; --'", mysql).is_ok());
        assert!(read(r"SELECT E'a\'; DROP TABLE jobs; --'", postgres).is_ok());
        assert!(read(r"SELECT e'a\\'; DROP TABLE jobs", postgres).unwrap_err().contains("more than one"));
        assert!(read(r"SELECT note'a\'; DROP TABLE jobs", postgres).unwrap_err().contains("more than one"));
        // Dollars.
        assert!(read("SELECT $$;$$, $a$ $$;$b$ $a$", postgres).is_ok());
        assert!(read("SELECT $a$ ;", postgres).unwrap_err().contains("$a$ is opened"));
        assert!(read("SELECT $$;$$", mysql).is_err());
        assert!(read("SELECT $1", postgres).is_ok());
        // Comments.
        assert!(read("SELECT 1 /* /* */ ; DROP TABLE jobs */", postgres).is_ok());
        assert!(read("SELECT 1 /* /* */ ; DROP TABLE jobs */", mysql).is_err());
        assert!(read("SELECT 1 # ; DROP", mysql).is_ok());
        assert!(read("SELECT 1 # ; DROP", postgres).is_err());
        assert!(read("SELECT 1 --1; DROP TABLE jobs", mysql).is_err());
        assert!(read("SELECT 1 --1; DROP TABLE jobs", postgres).is_ok());
        assert!(read("SELECT 1 /*! INTO OUTFILE 'x' */", mysql).unwrap_err().contains("no comment"));
        assert!(read("SELECT 1 /*M! INTO OUTFILE 'x' */", mysql).unwrap_err().contains("no comment"));
        // Files on the server.
        assert!(read("SELECT 1 INTO OUTFILE '/tmp/x'", mysql).unwrap_err().contains("INTO"));
        assert!(read("SELECT 1 into @a", mysql).unwrap_err().contains("INTO"));
        assert!(read("SELECT 'into', `into` FROM t", mysql).is_ok());
        assert!(read("SELECT 'into;'", postgres).is_ok());
    }

    #[test]
    fn evidence_shows_a_line() {
        let long = Statement::parse(&format!("SELECT\n  '{}'", "é".repeat(100)), Dialect::Postgres).unwrap();
        assert_eq!(long.to_string(), format!("SELECT '{}…", "é".repeat(52)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            for dialect in BOTH {
                let _ = Statement::parse(&text, dialect);
                let _ = Statement::parse(&format!("SELECT {text}"), dialect);
            }
        }

        /// Whatever stands behind a second statement's semicolon cannot hide it, unless it opens something before.
        #[test]
        fn a_second_statement_is_never_overlooked(text in "[a-z0-9 ,()]*") {
            for dialect in BOTH {
                let query = format!("SELECT {text}; DELETE FROM t");
                prop_assert!(Statement::parse(&query, dialect).is_err());
            }
        }
    }
}
