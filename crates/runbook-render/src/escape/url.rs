//! Addresses of links.

/// The address with everything percent-encoded that could end a link in Markdown, mrkdwn or HTML; `None` when it is not
/// `http://` or `https://`, so that no link runs a script or opens a program.
pub fn web_url(address: &str) -> Option<String> {
    let address = address.trim();
    if !["https://", "http://"].iter().any(|scheme| address.len() > scheme.len() && address.starts_with(scheme)) {
        return None;
    }
    let mut out = String::with_capacity(address.len());
    for byte in address.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&+,;=%".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_web_addresses_are_links() {
        assert_eq!(
            web_url("https://github.com/o/r/actions/runs/1").as_deref(),
            Some("https://github.com/o/r/actions/runs/1")
        );
        assert_eq!(web_url("https://a/(b)|c>"), Some("https://a/%28b%29%7Cc%3E".to_owned()));
        for other in ["javascript:alert(1)", "file:///etc/passwd", "https://", "", "//a"] {
            assert_eq!(web_url(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn a_link_cannot_be_ended_early(rest in ".{1,40}") {
            let url = web_url(&format!("https://{rest}"));
            prop_assert!(url.is_none_or(|url| !url.contains(['(', ')', '<', '>', '|', '"', '\'', '`', '*', '\\', ' ', '\n'])));
        }
    }
}
