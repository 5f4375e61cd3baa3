//! A commit's tree as files. Blobs are written as they are stored: no filters, no hooks, no attributes, nothing from the
//! repository is executed. The folder appears whole or not at all.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{OpenOptionsExt as _, symlink},
    },
    path::{Path, PathBuf},
};

use git2::{Repository, Tree};
use runbook_core::{CommitId, ports::VersionError};

use crate::{
    commits::find_commit,
    error::{refused, unable, unwritten},
};

/// The file in an exported folder that says which commit it holds. It comes with the folder, in the one rename that
/// makes the folder appear: a folder that has it is complete.
const MARKER: &str = ".runbook-export";
/// How deep folders may be nested: far more than paths allow, and little enough for a thread's stack.
const DEEPEST: usize = 256;

const FOLDER: i32 = 0o040_000;
const EXECUTABLE: i32 = 0o100_755;
const LINK: i32 = 0o120_000;
const SUBMODULE: i32 = 0o160_000;

/// Writes the tree beside `folder` and renames it into place. Nothing is synced: a power cut may lose or damage an
/// export, which can be made again; a kill cannot, it leaves at most a hidden folder beside.
pub(crate) fn export(repository: &Repository, commit: &CommitId, folder: &Path) -> Result<(), VersionError> {
    if holds(folder, commit) {
        return Ok(());
    }
    let tree =
        find_commit(repository, commit)?.tree().map_err(unable(format!("read the tree of {}", commit.short())))?;
    let shown = folder.display();
    let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else {
        return Err(refused(format!("{shown} cannot hold an export; name a folder that is new or empty")));
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    fs::create_dir_all(parent).map_err(unwritten(format!("make the folder {}", parent.display())))?;
    let prefix = format!(".{}.", name.to_string_lossy());
    let beside = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent);
    let beside = beside.map_err(unwritten(format!("make a folder beside {shown}")))?;
    let whole = beside.path().join("tree");
    Writer { repository, links: Vec::new() }.root(&tree, &whole)?;
    write_file(&whole.join(MARKER), false, format!("{commit}\n").as_bytes())
        .map_err(unwritten(format!("mark the export as complete (is there a file {MARKER} in the repository?)")))?;
    match fs::rename(&whole, folder) {
        Ok(()) => Ok(()),
        // Somebody else exported the same commit at the same time.
        Err(_) if holds(folder, commit) => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => {
            Err(refused(format!("{shown} is not empty and does not hold {}; choose another folder", commit.short())))
        }
        Err(error) => Err(unwritten(format!("move the export to {shown}"))(error)),
    }
}

/// Whether the folder is a complete export of that commit.
fn holds(folder: &Path, commit: &CommitId) -> bool {
    fs::read_to_string(folder.join(MARKER)).is_ok_and(|marker| marker.trim_end() == commit.as_str())
}

/// Writes a tree into a folder that only it knows.
struct Writer<'r> {
    repository: &'r Repository,
    /// Links are made last, so that no file can be written through one.
    links: Vec<(PathBuf, Vec<u8>)>,
}

impl Writer<'_> {
    fn root(mut self, tree: &Tree<'_>, folder: &Path) -> Result<(), VersionError> {
        self.folder(tree, folder, folder, 0)?;
        for (path, target) in self.links {
            symlink(OsStr::from_bytes(&target), &path).map_err(unwritten(format!("write {}", inner(&path, folder))))?;
        }
        Ok(())
    }

    fn folder(&mut self, tree: &Tree<'_>, folder: &Path, root: &Path, depth: usize) -> Result<(), VersionError> {
        if depth > DEEPEST {
            return Err(refused(format!(
                "the folders of the repository are nested too deeply at {}",
                inner(folder, root)
            )));
        }
        new_folder(folder).map_err(unwritten(format!("write {}", inner(folder, root))))?;
        for entry in tree {
            let path = folder.join(file_name(entry.name_bytes())?);
            let shown = inner(&path, root);
            let unread = || unable(format!("read {shown} of the commit"));
            match entry.filemode() {
                FOLDER => {
                    let tree = self.repository.find_tree(entry.id()).map_err(unread())?;
                    self.folder(&tree, &path, root, depth + 1)?;
                }
                // What is in a submodule is another repository's; its folder is there, as after a plain clone.
                SUBMODULE => new_folder(&path).map_err(unwritten(format!("write {shown}")))?,
                LINK => {
                    let target = self.repository.find_blob(entry.id()).map_err(unread())?;
                    self.links.push((path, target.content().to_vec()));
                }
                mode => {
                    let blob = self.repository.find_blob(entry.id()).map_err(unread())?;
                    write_file(&path, mode == EXECUTABLE, blob.content())
                        .map_err(unwritten(format!("write {shown}")))?;
                }
            }
        }
        Ok(())
    }
}

/// A path as it stands in the repository, for messages.
fn inner(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// Fails where something is already: on a file system without upper and lower case, two names may be one.
fn new_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().create(path)
}

/// Writes a new file; the umask applies, as it does to git. Never follows a link, since the file must not exist.
fn write_file(path: &Path, executable: bool, content: &[u8]) -> io::Result<()> {
    let mode = if executable { 0o777 } else { 0o666 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(content)
}

/// A name of one file in one folder, and nothing that could lead elsewhere or become a repository.
fn file_name(name: &[u8]) -> Result<&OsStr, VersionError> {
    let repository = [&b".git"[..], b"git~1"].iter().any(|git| name.eq_ignore_ascii_case(git));
    if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') || repository {
        let name = String::from_utf8_lossy(name);
        return Err(refused(format!("the commit holds a file named {name:?}, which no export may write")));
    }
    Ok(OsStr::from_bytes(name))
}
