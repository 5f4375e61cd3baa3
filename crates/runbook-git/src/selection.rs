//! Which paths a rollback returns, and which stay: `only` and `keep`, as questions about one path. Pure; it knows
//! nothing of trees.

use globset::{Glob, GlobBuilder, GlobMatcher};
use runbook_core::ports::VersionError;

use crate::error::refused;

/// Decides for each path whether it comes from the target of a rollback or stays as it is at the head.
///
/// Patterns are globs from the repository's root. `*` and `?` stay within one folder's name, `**` crosses folders, and
/// a pattern that names a folder (with or without a `/` at its end) means everything in it.
#[derive(Debug)]
pub(crate) struct Selection {
    /// What returns; `None` is everything.
    only: Option<Patterns>,
    /// What stays all the same.
    keep: Patterns,
}

/// What becomes of a path and of everything beneath it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All of it is as at the target.
    Target,
    /// All of it stays as at the head.
    Head,
    /// It must be looked into.
    Mixed,
}

impl Selection {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// [`VersionError::Failed`] for a pattern that is no glob or leaves the repository.
    pub(crate) fn new(only: &[String], keep: &[String]) -> Result<Self, VersionError> {
        let only = if only.is_empty() { None } else { Some(Patterns::new(only)?) };
        Ok(Self { only, keep: Patterns::new(keep)? })
    }

    /// Whether the target's tree is taken whole.
    pub(crate) fn is_everything(&self) -> bool {
        self.only.is_none() && self.keep.0.is_empty()
    }

    /// Whether most paths are the target's, and the head's the exception.
    pub(crate) fn is_mostly_target(&self) -> bool {
        self.only.is_none()
    }

    /// Whether a file at this path comes from the target.
    pub(crate) fn takes(&self, path: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.matches(path)) && !self.keep.matches(path)
    }

    /// What becomes of a path, whether it is a file or a folder.
    pub(crate) fn fate(&self, path: &str) -> Fate {
        let wanted = self.only.as_ref().map_or(Reach::All, |only| only.reach(path));
        match (wanted, self.keep.reach(path)) {
            (Reach::None, _) | (_, Reach::All) => Fate::Head,
            (Reach::All, Reach::None) => Fate::Target,
            _ => Fate::Mixed,
        }
    }
}

/// How much of a path and what is beneath it a set of patterns matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    None,
    Some,
    All,
}

/// A set of globs from the repository's root.
#[derive(Debug)]
pub(crate) struct Patterns(Vec<(String, Pattern)>);

impl Patterns {
    /// Compiles them.
    ///
    /// # Errors
    /// [`VersionError::Failed`] for a pattern that is no glob or leaves the repository.
    pub(crate) fn new(patterns: &[String]) -> Result<Self, VersionError> {
        let compiled = patterns.iter().map(|pattern| Ok((pattern.clone(), Pattern::new(pattern)?)));
        compiled.collect::<Result<_, _>>().map(Self)
    }

    /// The first that matches a path.
    pub(crate) fn first_match(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(_, pattern)| pattern.matches(path)).map(|(text, _)| text.as_str())
    }

    fn matches(&self, path: &str) -> bool {
        self.first_match(path).is_some()
    }

    fn reach(&self, path: &str) -> Reach {
        self.0.iter().map(|(_, pattern)| pattern.reach(path)).max().unwrap_or(Reach::None)
    }
}

/// One pattern, whole and by folders. The folders up to the first that may stand for several levels tell, without
/// looking, that a subtree holds nothing of it.
#[derive(Debug)]
struct Pattern {
    whole: GlobMatcher,
    /// Everything in a folder of that name.
    beneath: GlobMatcher,
    folders: Vec<GlobMatcher>,
    /// Whether something beneath the last of `folders` may match at any depth.
    open_ended: bool,
}

impl Pattern {
    fn new(pattern: &str) -> Result<Self, VersionError> {
        let path = pattern.strip_prefix("./").unwrap_or(pattern).trim_start_matches('/').trim_end_matches('/');
        if path.is_empty() || path.split('/').any(|name| matches!(name, "" | "." | "..")) {
            return Err(refused(format!(
                "the pattern {pattern:?} does not name paths in the repository; write it from its root, as in services/api/ or *.toml"
            )));
        }
        let names: Vec<&str> = path.split('/').collect();
        // `**` is any number of folders; braces and brackets may hold a slash, and so may an escape.
        let spans = |name: &str| name.contains("**") || name.contains(['{', '[', '\\']);
        let plain = names.iter().position(|name| spans(name));
        let folders = names[..plain.unwrap_or(names.len())].iter().map(|name| glob(pattern, name));
        Ok(Self {
            whole: glob(pattern, path)?,
            beneath: glob(pattern, &format!("{path}/**"))?,
            folders: folders.collect::<Result<_, _>>()?,
            open_ended: plain.is_some(),
        })
    }

    fn matches(&self, path: &str) -> bool {
        self.whole.is_match(path) || self.beneath.is_match(path)
    }

    fn reach(&self, path: &str) -> Reach {
        if self.matches(path) {
            return Reach::All;
        }
        let depth = path.split('/').count();
        let way = path.split('/').zip(&self.folders).all(|(name, folder)| folder.is_match(name));
        if way && (self.open_ended || depth < self.folders.len()) { Reach::Some } else { Reach::None }
    }
}

fn glob(pattern: &str, part: &str) -> Result<GlobMatcher, VersionError> {
    let glob: Result<Glob, _> = GlobBuilder::new(part).literal_separator(true).build();
    glob.map(|glob| glob.compile_matcher())
        .map_err(|error| refused(format!("the pattern {pattern:?} is not a glob: {}", error.kind())))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

    use super::*;

    fn selection(only: &[&str], keep: &[&str]) -> Selection {
        let owned = |patterns: &[&str]| patterns.iter().map(|&p| p.to_owned()).collect::<Vec<_>>();
        Selection::new(&owned(only), &owned(keep)).unwrap()
    }

    #[test]
    fn the_default_keeps_workflows_and_settings_and_looks_nowhere_else() {
        let selection = selection(&[], &[".github/workflows/", "runbook.toml"]);
        assert_eq!(selection.fate("runbook.toml"), Fate::Head);
        assert_eq!(selection.fate(".github"), Fate::Mixed);
        assert_eq!(selection.fate(".github/workflows"), Fate::Head);
        assert_eq!(selection.fate(".github/CODEOWNERS"), Fate::Target);
        assert_eq!(selection.fate("src"), Fate::Target, "no subtree is read that no pattern can reach");
        assert_eq!(selection.fate("sub/runbook.toml"), Fate::Target, "patterns begin at the root");
    }

    #[test]
    fn one_component_returns_alone() {
        let selection = selection(&["services/api", "shared/*.py"], &["services/api/SECRETS.md"]);
        assert_eq!(selection.fate("web"), Fate::Head);
        assert_eq!(selection.fate("services"), Fate::Mixed);
        assert_eq!(selection.fate("services/web"), Fate::Head);
        assert_eq!(selection.fate("services/api"), Fate::Mixed, "something in it is kept");
        assert_eq!(selection.fate("services/api/src/deep"), Fate::Target, "all that is in a named folder is named");
        assert!(selection.takes("shared/a.py") && !selection.takes("shared/deep/a.py"));
        assert_eq!(selection.fate("shared/deep"), Fate::Head, "a * stays within its folder");
    }

    #[test]
    fn patterns_that_cross_folders_look_everywhere_beneath_their_beginning() {
        let selection = selection(&[], &["docs/**/*.lock", "{a,b/c}/x"]);
        assert_eq!(selection.fate("docs/deep/er"), Fate::Mixed);
        assert_eq!(selection.fate("docs/deep/Cargo.lock"), Fate::Head);
        assert_eq!(selection.fate("b"), Fate::Mixed);
        assert_eq!(selection.fate("b/c/x"), Fate::Head);
    }

    #[test]
    fn what_is_no_pattern_is_refused_by_name() {
        for bad in ["", "/", "../x", "a//b", "a/./b", "src/[", "{a"] {
            let error = Selection::new(&[], &[bad.to_owned()]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("the pattern {bad:?} ")), "{error}");
        }
    }
}
