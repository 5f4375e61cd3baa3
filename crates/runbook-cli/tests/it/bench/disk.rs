//! A small disk of its own, so that one can be full, or refuse to be written, while everything else goes on.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::{LONGEST, Ran, World};

/// Mounts it over a folder, whose files move onto it, and stays for as long as it is to exist.
const MOUNT: &str = r#"kept=$(mktemp -d) && cp -R "$1/." "$kept/" && mount -t tmpfs -o "size=$2" none "$1" \
&& cp -R "$kept/." "$1/" && rm -rf "$kept" && echo ready && exec sleep 600"#;
/// A process that enters a mount namespace starts at its root.
const THERE: &str = r#"cd "$1" && shift && exec "$@""#;

/// A tmpfs in a namespace of its own, which only the commands see that are started on it. It needs no privileges where
/// the kernel lets everybody make user namespaces.
#[derive(Debug)]
pub(crate) struct Disk {
    holder: Child,
    place: PathBuf,
}

impl Disk {
    /// Puts a disk of this size under a folder; `None`, with a word on standard error, where this machine permits none.
    pub(crate) async fn under(place: &Path, size: &str) -> Option<Self> {
        fs::create_dir_all(place).unwrap();
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", MOUNT, "sh"]).arg(place).arg(size);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let said = match command.spawn() {
            Ok(mut holder) => {
                let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
                let said = timeout(LONGEST, lines.next_line()).await.expect("mounting takes too long").unwrap();
                if said.as_deref() == Some("ready") {
                    return Some(Self { holder, place: place.to_owned() });
                }
                "a namespace with a mount of its own is refused".to_owned()
            }
            Err(error) => format!("failed to start unshare: {error}"),
        };
        eprintln!("SKIPPED: this machine gives a test no disk of its own: {said}");
        None
    }

    fn pid(&self) -> String {
        self.holder.id().expect("the disk is gone").to_string()
    }

    /// What runs a command where the disk is.
    fn starter(&self, folder: &Path) -> Vec<String> {
        let pid = self.pid();
        let enter = ["nsenter", "--preserve-credentials", "--user", "--mount", "--target", pid.as_str(), "--"];
        let there = ["sh", "-c", THERE, "sh", folder.to_str().unwrap()];
        enter.into_iter().chain(there).map(str::to_owned).collect()
    }

    /// Runs a command of a world with `--format json`.
    pub(crate) async fn json(&self, world: &World, arguments: &[&str]) -> Ran {
        let starter = self.starter(world.repository.path());
        let starter: Vec<&str> = starter.iter().map(String::as_str).collect();
        world.json_under(&starter, arguments).await
    }

    /// A file of the disk, as it is seen from outside.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let place = self.place.strip_prefix("/").unwrap();
        Path::new("/proc").join(self.pid()).join("root").join(place).join(name)
    }

    /// Fills it, but for so many bytes.
    pub(crate) fn fill(&self, but: usize) {
        let filler = self.file("filler");
        let mut file = File::create(&filler).unwrap();
        let page = [0_u8; 4096];
        let mut filled = 0;
        while file.write_all(&page).is_ok() {
            filled += page.len();
        }
        file.set_len((filled as u64).saturating_sub(but as u64)).unwrap();
    }

    /// Makes room again.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.file("filler")).unwrap();
    }

    /// Lets it be written, or not.
    pub(crate) async fn writable(&self, is_writable: bool) {
        let option = if is_writable { "remount,rw" } else { "remount,ro" };
        let starter = self.starter(Path::new("/"));
        let mut command = Command::new(&starter[0]);
        command.args(&starter[1..]).args(["mount", "-o", option]).arg(&self.place);
        assert!(command.status().await.unwrap().success(), "{option} of {} failed", self.place.display());
    }
}
