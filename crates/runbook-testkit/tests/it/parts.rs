//! The real programs start, answer, and leave nothing behind.

use std::time::{Duration, Instant};

use runbook_testkit::{
    HttpTarget, Reply,
    parts::{Chromium, require},
};

/// The id of this process is in no command line but that of what it has started with it.
fn processes_with(argument: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let command_lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    command_lines.filter(|line| String::from_utf8_lossy(line).contains(argument)).count()
}

#[tokio::test]
async fn chromium_renders_a_page_of_this_process() {
    let Some(browser) = Chromium::find() else { return };
    let html = "<!doctype html><title>t</title><h1 id=h>before</h1>
        <script>h.textContent = 'after ' + (6 * 7); console.log('hello from the page')</script>";
    let target = HttpTarget::start(Reply::text(html).with("content-type", "text/html")).await;
    let page = browser.window(640, 480).open(&target.url("/report?x=1")).await;
    assert!(page.dom.contains(r#"<h1 id="h">after 42</h1>"#), "{}", page.dom);
    assert_eq!(page.screenshot_size(), (640, 480));
    assert!(
        page.log.lines().any(|line| line.contains("CONSOLE") && line.contains("hello from the page")),
        "{}",
        page.log
    );
    assert_eq!(target.requests()[0].target, "/report?x=1");
}

/// 127.0.0.2 stands for any other host: here somebody listens there, and would be heard.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn chromium_reaches_this_machine_only() {
    let Some(browser) = Chromium::find() else { return };
    let elsewhere = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let script = format!("http://{}/script.js", elsewhere.local_addr().unwrap());
    let page = browser
        .open_html(&format!(
            "<p id=p>waiting</p><script src='{script}' onerror='p.textContent = \"refused\"'></script>"
        ))
        .await;
    assert!(page.dom.contains(r#"<p id="p">refused</p>"#), "{}", page.dom);
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "it was asked");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn chromium_that_hangs_is_ended_with_its_helpers() {
    let Some(browser) = Chromium::find() else { return };
    let target = HttpTarget::start(runbook_testkit::Behaviour::Hang).await;
    let url = target.url("/never-answered");
    let started = Instant::now();
    let browser = browser.limit(Duration::from_secs(3));
    let opening = tokio::spawn({
        let url = url.clone();
        async move { browser.open(&url).await }
    });
    let panic = opening.await.unwrap_err().into_panic();
    let words = panic.downcast_ref::<String>().unwrap();
    assert!(words.contains("did not finish") && words.contains("/never-answered"), "{words}");
    assert!(started.elapsed() < Duration::from_secs(30));
    assert_eq!(processes_with(&url), 0);
}

#[test]
fn a_missing_part_is_skipped() {
    // With the variable set it would be a panic, which this process must not set for its other tests.
    if std::env::var_os(runbook_testkit::parts::REQUIRE_PARTS).is_none() {
        assert_eq!(require("no-such-program-of-anybody", "no-such-package"), None);
    }
}
