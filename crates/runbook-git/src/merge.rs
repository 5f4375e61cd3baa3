//! The tree of a rollback where not everything returns: two trees become one, and only the subtrees that a pattern can
//! reach are read. Writes objects, never a ref.

use std::collections::BTreeSet;

use git2::{ErrorCode, Oid, Repository, Tree};

use crate::selection::{Fate, Selection};

/// The mode of a folder in a tree.
const FOLDER: i32 = 0o040_000;
/// How deep trees may be nested: far more than paths allow, and little enough for a thread's stack.
const DEEPEST: usize = 256;

/// One entry of a tree: what it is and where its content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    id: Oid,
    mode: i32,
}

/// Makes the tree in which each path comes from where `selection` says. Where a file on one side is a folder on the
/// other, a folder with something selected in it wins.
pub(crate) fn merge(
    repository: &Repository,
    selection: &Selection,
    head: &Tree<'_>,
    target: &Tree<'_>,
) -> Result<Oid, git2::Error> {
    match (Merge { repository, selection }).folder(Some(head), Some(target), "", 0)? {
        Some(tree) => Ok(tree),
        None => repository.treebuilder(None)?.write(),
    }
}

struct Merge<'a> {
    repository: &'a Repository,
    selection: &'a Selection,
}

impl Merge<'_> {
    /// Merges one folder; `None` where nothing is left in it.
    fn folder(
        &self,
        head: Option<&Tree<'_>>,
        target: Option<&Tree<'_>>,
        at: &str,
        depth: usize,
    ) -> Result<Option<Oid>, git2::Error> {
        if depth > DEEPEST {
            return Err(git2::Error::from_str("the folders are nested too deeply"));
        }
        // What agrees with the side that most paths come from is not touched, odd modes of old repositories included.
        let base = if self.selection.is_mostly_target() { target } else { head };
        let mut made = self.repository.treebuilder(base)?;
        for name in names(head).chain(names(target)).collect::<BTreeSet<_>>() {
            let (ours, theirs) = (entry(head, &name), entry(target, &name));
            let chosen = if ours == theirs { ours } else { self.choose(ours, theirs, &join(at, &name), depth)? };
            if chosen == entry(base, &name) {
                continue;
            }
            match chosen {
                Some(Entry { id, mode }) => drop(made.insert(name.as_slice(), id, mode)?),
                None => made.remove(name.as_slice())?,
            }
        }
        if made.is_empty() { Ok(None) } else { made.write().map(Some) }
    }

    /// Chooses between two entries that differ.
    fn choose(
        &self,
        ours: Option<Entry>,
        theirs: Option<Entry>,
        path: &str,
        depth: usize,
    ) -> Result<Option<Entry>, git2::Error> {
        match self.selection.fate(path) {
            Fate::Target => return Ok(theirs),
            Fate::Head => return Ok(ours),
            Fate::Mixed => {}
        }
        let (head, target) = (self.tree(ours)?, self.tree(theirs)?);
        if (head.is_some() || target.is_some())
            && let Some(id) = self.folder(head.as_ref(), target.as_ref(), path, depth + 1)?
        {
            return Ok(Some(Entry { id, mode: FOLDER }));
        }
        let side = if self.selection.takes(path) { theirs } else { ours };
        Ok(side.filter(|entry| entry.mode != FOLDER))
    }

    fn tree(&self, entry: Option<Entry>) -> Result<Option<Tree<'_>>, git2::Error> {
        match entry {
            Some(Entry { id, mode: FOLDER }) => match self.repository.find_tree(id) {
                Err(error) if error.code() == ErrorCode::NotFound => {
                    Err(git2::Error::from_str(&format!("the tree {id} is missing from the repository")))
                }
                found => found.map(Some),
            },
            _ => Ok(None),
        }
    }
}

fn names(tree: Option<&Tree<'_>>) -> impl Iterator<Item = Vec<u8>> {
    tree.into_iter().flat_map(|tree| tree.iter().map(|entry| entry.name_bytes().to_vec()))
}

fn entry(tree: Option<&Tree<'_>>, name: &[u8]) -> Option<Entry> {
    tree?.get_name_bytes(name).map(|entry| Entry { id: entry.id(), mode: entry.filemode() })
}

/// A path for the patterns. A name that is not UTF-8 is matched with marks in place of its odd bytes; the name itself is
/// never changed.
fn join(folder: &str, name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    if folder.is_empty() { name.into_owned() } else { format!("{folder}/{name}") }
}
