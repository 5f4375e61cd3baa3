//! Lengths: text is shortened here, before it is escaped, and never in the middle of what people see as one character.

use std::borrow::Cow;

use crate::escape;

/// How many characters (Unicode scalar values) a text has; GitHub, Slack and Discord count no fewer.
pub(crate) fn length(text: &str) -> usize {
    text.chars().count()
}

/// The text in at most `max` characters, with `…` at the end where some are missing. One line of it, see [`escape::line`].
pub(crate) fn shorten(text: &str, max: usize) -> String {
    // Of a body of megabytes only the beginning is looked at; what stands behind it could not be shown anyway.
    let looked_at = max.saturating_mul(4).saturating_add(64);
    let end = text.char_indices().nth(looked_at).map_or(text.len(), |(at, _)| at);
    let beginning = escape::line(&text[..end]);
    if end == text.len() || length(&beginning) > max {
        return cut(&beginning, max).into_owned();
    }
    // Nothing but white space was left out of it, or it would be longer than what is asked for.
    cut(&escape::line(text), max).into_owned()
}

/// The text in at most `max` characters, cut between two characters as people see them.
fn cut(text: &str, max: usize) -> Cow<'_, str> {
    let Some((mut end, _)) = text.char_indices().nth(max) else {
        return Cow::Borrowed(text);
    };
    if max == 0 {
        return Cow::Borrowed("");
    }
    // One is given up for the ellipsis; then back to a boundary, if there is one near.
    end = text[..end].char_indices().next_back().map_or(0, |(at, _)| at);
    let mut boundary = end;
    for _ in 0..16 {
        if is_boundary(text, boundary) {
            end = boundary;
            break;
        }
        boundary = text[..boundary].char_indices().next_back().map_or(0, |(at, _)| at);
    }
    Cow::Owned(format!("{}…", text[..end].trim_end()))
}

/// Whether what people see as one character ends here: no mark, selector, skin tone or joiner may be parted from what
/// it belongs to, nor the two halves of a flag. The rules of UAX #29 that matter for words, names and emoji.
fn is_boundary(text: &str, at: usize) -> bool {
    let extends = |c: char| {
        matches!(c,
            '\u{0300}'..='\u{036f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}' | '\u{200d}' | '\u{1f3fb}'..='\u{1f3ff}')
    };
    let flag = |c: &char| matches!(c, '\u{1f1e6}'..='\u{1f1ff}');
    let (before, after) = text.split_at(at);
    let (Some(last), Some(next)) = (before.chars().next_back(), after.chars().next()) else {
        return true;
    };
    let halves = before.chars().rev().take_while(flag).count();
    !(extends(next) || last == '\u{200d}' || flag(&next) && halves % 2 == 1)
}

/// `1 service`, `2 services`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_see_as_one_is_not_parted() {
        assert_eq!(shorten("deploy failed", 20), "deploy failed");
        assert_eq!(shorten("deploy failed", 7), "deploy…");
        assert_eq!(shorten("ab👩‍🚀", 4), "ab…", "the joiner and the rocket belong to the astronaut");
        assert_eq!(shorten("ae\u{301}i", 4), "ae\u{301}i");
        assert_eq!(shorten("ae\u{301}io", 3), "a…");
        assert_eq!(shorten("🇨🇭🇨🇭", 3), "🇨🇭…");
        assert_eq!(shorten("🇨🇭🇨🇭", 2), "…", "half a flag is no flag");
        assert_eq!(shorten("anything", 0), "");
    }

    proptest! {
        #[test]
        fn never_longer_than_asked(text: String, max in 0_usize..40) {
            let short = shorten(&text, max);
            prop_assert!(length(&short) <= max);
            prop_assert!(short.ends_with('…') || max == 0 || short == escape::line(&text));
        }
    }
}
