//! A browser without a window: opens one page and hands back what it has become. It clicks nothing.
#![allow(clippy::expect_used, reason = "a test cannot go on without its browser, and says what failed")]

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{process::Command, time::timeout};

use super::{find::require, group::Group};

/// How long a page may take by default: starting the browser is most of it.
const LIMIT: Duration = Duration::from_secs(60);

/// Chromium, as it is installed on this machine. Each page is opened in a browser of its own, which ends with it.
///
/// It reaches this machine only: a page that asks any other host for a font or a script does not get it, and says so in
/// [`Page::log`].
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use runbook_testkit::parts::Chromium;
///
/// let Some(browser) = Chromium::find() else { return };
/// let page = browser.window(800, 600).open_html("<p id=p></p><script>p.textContent = 6 * 7</script>").await;
/// assert!(page.dom.contains(r#"<p id="p">42</p>"#));
/// assert_eq!(page.screenshot_size(), (800, 600));
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct Chromium {
    program: PathBuf,
    window: (u32, u32),
    limit: Duration,
}

/// What a page has become once it was loaded and its scripts have run.
#[derive(Debug, Clone)]
pub struct Page {
    /// The document as HTML, as it stands after its scripts.
    pub dom: String,
    /// A picture of the window, as a PNG file.
    pub screenshot: Vec<u8>,
    /// What the browser said meanwhile; the words of a page's console are in lines with `CONSOLE`.
    pub log: String,
}

impl Chromium {
    /// The installed browser; `None`, with a loud line, where there is none.
    ///
    /// # Panics
    /// When there is none and [`REQUIRE_PARTS`](super::REQUIRE_PARTS) is set.
    pub fn find() -> Option<Self> {
        Some(Self { program: require("chromium", "chromium")?, window: (1200, 900), limit: LIMIT })
    }

    /// The window's size in pixels, which is the screenshot's; 1200 × 900 otherwise.
    #[must_use]
    pub fn window(self, width: u32, height: u32) -> Self {
        Self { window: (width, height), ..self }
    }

    /// How long a page may take, with the browser's start; 60 seconds otherwise.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Opens a page of this machine: `http://127.0.0.1:…` or `file:///…`. A dropped future ends the browser.
    ///
    /// # Panics
    /// When the browser does not start, does not end within the limit, or gives no document or no picture.
    pub async fn open(&self, url: &str) -> Page {
        let folder = TempDir::with_prefix("runbook-chromium-").expect("failed to make a temporary folder");
        self.visit(url, folder.path()).await
    }

    /// Opens a document that stands in no file yet.
    ///
    /// # Panics
    /// As [`open`](Self::open).
    pub async fn open_html(&self, html: &str) -> Page {
        let folder = TempDir::with_prefix("runbook-chromium-").expect("failed to make a temporary folder");
        let file = folder.path().join("page.html");
        fs::write(&file, html).expect("failed to write the page");
        self.visit(&format!("file://{}", file.display()), folder.path()).await
    }

    async fn visit(&self, url: &str, folder: &Path) -> Page {
        let [dom, log, screenshot] = ["dom", "log", "screenshot.png"].map(|name| folder.join(name));
        // Files and not pipes: a helper that outlives the browser would hold a pipe open.
        let output = |file| Stdio::from(File::create(file).expect("failed to make a file for the browser's output"));
        let mut browser = Command::new(&self.program)
            .args(self.arguments(folder, &screenshot))
            .arg(url)
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stdout(output(&dom))
            .stderr(output(&log))
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .expect("failed to start chromium");
        let group = browser.id().map(Group::led_by);
        let ended = timeout(self.limit, browser.wait()).await;
        drop(group);
        let log = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
        let status = match ended {
            Ok(status) => status.expect("failed to wait for chromium"),
            Err(_) => panic!("chromium did not finish {url} within {:?}; it said:\n{log}", self.limit),
        };
        assert!(status.success(), "chromium failed to open {url} ({status}); it said:\n{log}");
        let dom = String::from_utf8_lossy(&fs::read(&dom).unwrap_or_default()).into_owned();
        assert!(!dom.trim().is_empty(), "chromium gave no document of {url}; it said:\n{log}");
        let screenshot = fs::read(&screenshot)
            .unwrap_or_else(|error| panic!("chromium made no picture of {url} ({error}); it said:\n{log}"));
        Page { dom, screenshot, log }
    }

    fn arguments(&self, folder: &Path, screenshot: &Path) -> Vec<String> {
        let (width, height) = self.window;
        let mut arguments: Vec<String> = [
            "--headless",
            // Its sandbox needs rights that a container does not give, and root would be refused.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // A container's /dev/shm is often too small for a picture.
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
            "--enable-logging=stderr",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
            "--dump-dom",
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.push(format!("--window-size={width},{height}"));
        arguments.push(format!("--user-data-dir={}", folder.join("profile").display()));
        arguments.push(format!("--screenshot={}", screenshot.display()));
        arguments
    }
}

impl Page {
    /// Width and height of the picture in pixels, as the file says.
    ///
    /// # Panics
    /// When the picture is no PNG file.
    pub fn screenshot_size(&self) -> (u32, u32) {
        // PNG (ISO/IEC 15948), sections 5.2 and 11.2.2: eight bytes of signature, then the header's length, name,
        // width and height.
        let number = |from: usize| {
            let bytes = self.screenshot.get(from..from + 4).and_then(|bytes| bytes.try_into().ok());
            u32::from_be_bytes(bytes.expect("the picture is cut off"))
        };
        assert!(self.screenshot.starts_with(b"\x89PNG\r\n\x1a\n"), "the picture is no PNG file");
        (number(16), number(20))
    }
}
