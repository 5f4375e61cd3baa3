//! How versions compare: digits as numbers, so that `v1.10` comes after `v1.9`. Pure.

use std::cmp::Ordering;

/// Compares two names piece by piece, runs of digits by their value. Names that differ only in leading zeros are
/// ordered as text, so that equal means identical.
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.as_bytes(), b.as_bytes());
    loop {
        let (Some(x), Some(y)) = (left.first(), right.first()) else {
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (p, q) = (take_number(&mut left), take_number(&mut right));
            p.len().cmp(&q.len()).then_with(|| p.cmp(q))
        } else {
            (left, right) = (&left[1..], &right[1..]);
            x.cmp(y)
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Takes the digits at the front, and returns them without leading zeros: of two such, the longer is the larger.
fn take_number<'t>(text: &mut &'t [u8]) -> &'t [u8] {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    *text = rest;
    let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
    &digits[zeros..]
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn numbers_compare_by_value_and_the_rest_as_text() {
        let mut names = ["v1.10.0", "v1.9.0", "v1.9", "v1.9.0-rc.1", "v01.9.0", "latest", "v99999999999999999999999.0"];
        names.sort_by(|a, b| natural(a, b));
        let sorted = ["latest", "v1.9", "v01.9.0", "v1.9.0", "v1.9.0-rc.1", "v1.10.0", "v99999999999999999999999.0"];
        assert_eq!(names, sorted);
    }
}
