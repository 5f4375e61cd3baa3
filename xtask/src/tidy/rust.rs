//! As much of Rust's grammar as the rules need, read from lines: the workspace is formatted by rustfmt, which puts the
//! closing brace of a top-level item at the beginning of a line.

/// The lines of a file that are built into the crate, with their numbers: without comments, test modules and, where
/// asked, macros.
pub(crate) fn built_lines(text: &str, with_macros: bool) -> Vec<(usize, &str)> {
    let mut built = Vec::new();
    let mut for_tests = false;
    let mut inside_skipped = false;
    for (at, line) in text.lines().enumerate() {
        if inside_skipped {
            inside_skipped = line != "}";
        } else if line.trim_start().starts_with("//") {
        } else if line == "#[cfg(test)]" {
            for_tests = true;
        } else if for_tests && line.starts_with("#[") {
        } else if for_tests || (!with_macros && line.starts_with("macro_rules!")) {
            for_tests = false;
            inside_skipped = line.ends_with('{');
        } else {
            built.push((at + 1, line));
        }
    }
    built
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
//! Says env::var.
use a::b;

macro_rules! make {
    () => {};
}
#[cfg(test)]
use c::d;
fn f() {
    // env::var
}

#[cfg(test)]
#[allow(x)]
mod tests {
    fn g() {
    }
}
fn h() {}
";

    #[test]
    fn comments_tests_and_macros_are_left_out() {
        let lines =
            |macros| built_lines(FILE, macros).into_iter().filter(|(_, line)| !line.is_empty()).collect::<Vec<_>>();
        assert_eq!(lines(false), [(2, "use a::b;"), (9, "fn f() {"), (11, "}"), (19, "fn h() {}")]);
        assert_eq!(lines(true)[1..4], [(4, "macro_rules! make {"), (5, "    () => {};"), (6, "}")]);
    }
}
