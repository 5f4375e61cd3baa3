//! The real programs start, answer, and leave nothing behind.

use std::time::{Duration, Instant};

use runbook_testkit::{
    HttpTarget, Reply, TempRepository,
    parts::{Chromium, GitHttps, MariaDb, PostgreSql, REQUIRE_PARTS, Redis, SshAgent, Sshd, require},
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

/// What a test prints and how it ends when it is run alone, with the variable for required parts as given.
fn run_alone(test: &str, required: &str) -> std::process::Output {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--include-ignored"]).env(REQUIRE_PARTS, required);
    command.output().unwrap()
}

#[test]
#[ignore = "it misses its part, which the next test looks at"]
fn misses_its_part() {
    assert_eq!(require("no-such-program-of-anybody", "no-such-package"), None);
}

#[test]
fn a_missing_part_is_skipped_loudly_or_fails_where_parts_are_required() {
    let words = "no-such-program-of-anybody is not installed (apt-get install no-such-package)";
    let skipped = run_alone("parts::misses_its_part", "");
    assert!(skipped.status.success());
    // Past the harness, which shows nothing of a test that passed.
    assert!(String::from_utf8_lossy(&skipped.stderr).contains(&format!("SKIPPED: {words}")));
    let failed = run_alone("parts::misses_its_part", "1");
    assert!(!failed.status.success());
    assert!(String::from_utf8_lossy(&failed.stdout).contains(&format!("{words}, and RUNBOOK_REQUIRE_PARTS is set")));
}

#[tokio::test]
async fn postgresql_answers_and_leaves_nothing_behind() {
    let Some(server) = PostgreSql::start().await else { return };
    server.sql("CREATE TABLE jobs (id int, name text); INSERT INTO jobs VALUES (1, 'a'), (2, 'b')").await;
    assert_eq!(server.sql("SELECT id, name FROM jobs ORDER BY id").await, "1|a\n2|b");
    assert_eq!(server.sql("SHOW password_encryption").await, "scram-sha-256");
    let folder = server.sql("SHOW data_directory").await;
    assert!(std::path::Path::new(&folder).is_dir());
    drop(server);
    assert!(!std::path::Path::new(&folder).exists());
    assert_eq!(processes_with(&folder), 0);
}

#[tokio::test]
async fn mariadb_answers_and_leaves_nothing_behind() {
    let Some(server) = MariaDb::start().await else { return };
    server.sql("CREATE TABLE jobs (id int, name text); INSERT INTO jobs VALUES (1, 'a'), (2, 'b')").await;
    assert_eq!(server.sql("SELECT id, name FROM jobs ORDER BY id").await, "1\ta\n2\tb");
    let folder = server.sql("SELECT @@datadir").await;
    assert!(std::path::Path::new(&folder).is_dir());
    drop(server);
    assert!(!std::path::Path::new(&folder).exists());
    assert_eq!(processes_with(folder.trim_end_matches('/')), 0);
}

#[tokio::test]
async fn redis_answers_and_can_be_killed() {
    let Some(server) = Redis::start().await else { return };
    assert_eq!(server.command(&["SET", "a", "1"]).await, "OK");
    assert_eq!(server.command(&["GET", "a"]).await, "1");
    server.kill();
    assert!(tokio::net::TcpStream::connect(server.address()).await.is_err());
    server.kill();
}

/// Asks a remote by the real git, with these settings and none of whoever runs the tests; whether it answered.
async fn ls_remote(settings: &[String], url: &str) -> bool {
    let mut git = tokio::process::Command::new("git");
    for name in ["GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_NO_VERIFY"] {
        git.env_remove(name);
    }
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    git.env("GIT_TERMINAL_PROMPT", "0").env("GIT_ASKPASS", "").stdin(std::process::Stdio::null());
    for setting in settings {
        git.args(["-c", setting.as_str()]);
    }
    git.args(["ls-remote", url]).output().await.unwrap().status.success()
}

#[tokio::test]
async fn sshd_opens_to_its_key_in_a_file_or_an_agent_and_to_no_other() {
    let Some(server) = Sshd::start().await else { return };
    let Some(agent) = SshAgent::start(&server.key()).await else { return };
    let remote = TempRepository::bare();
    let url = server.url(remote.path());
    let by = async |ssh: String| ls_remote(&[format!("core.sshCommand={ssh} -o BatchMode=yes")], &url).await;
    assert!(by(server.ssh_with_key(&server.key())).await, "{}", server.log());
    assert!(by(server.ssh_with_agent(&agent)).await, "{}", server.log());
    assert_eq!((server.connections(), server.refusals()), (2, 0), "{}", server.log());
    assert!(!by(server.ssh_with_key(&server.unknown_key().await)).await);
    assert_eq!(server.connections(), 3, "{}", server.log());
    let folder = server.key().parent().unwrap().to_owned();
    drop(server);
    assert!(!folder.exists());
    assert_eq!(processes_with(folder.to_str().unwrap()), 0);
}

#[tokio::test]
async fn git_over_https_opens_to_its_token_alone() {
    let remote = TempRepository::bare();
    let Some(server) = GitHttps::start(remote.path().parent().unwrap(), "open").await else { return };
    let url = server.url(&format!("/{}", remote.path().file_name().unwrap().to_str().unwrap()));
    let with = async |token: &str| {
        let encoded = data_encoding::BASE64.encode(format!("x-access-token:{token}").as_bytes());
        let settings = [
            format!("http.sslCAInfo={}", server.authority().display()),
            format!("http.extraHeader=Authorization: Basic {encoded}"),
            "http.proxy=".to_owned(),
        ];
        ls_remote(&settings, &url).await
    };
    assert!(with("open").await && server.refusals() == 0, "{:?}", server.seen());
    assert!(!with("shut").await && server.refusals() == 1, "{:?}", server.seen());
    server.answer_instead(Some(Reply::new(500)));
    assert!(!with("open").await && server.seen().last().unwrap().starts_with("500 GET /"), "{:?}", server.seen());
}

/// A server in a static is never dropped: it ends with the process that started it, also when that one is killed.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_ends_with_its_process() {
    const CHILD: &str = "RUNBOOK_TESTKIT_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let Some(server) = Redis::start().await else { return };
        println!("folder {}", server.command(&["CONFIG", "GET", "dir"]).await.lines().last().unwrap());
        std::mem::forget(server);
        std::future::pending::<()>().await;
    }
    if require("redis-server", "redis-server").is_none() {
        return;
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "parts::a_server_ends_with_its_process", "--nocapture"])
        .env(CHILD, "1")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let folder = lines.map_while(Result::ok).find_map(|line| Some(line.split_once("folder ")?.1.to_owned())).unwrap();
    assert!(std::path::Path::new(&folder).is_dir(), "{folder}");
    child.kill().unwrap();
    child.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while std::path::Path::new(&folder).exists() {
        assert!(Instant::now() < deadline, "{folder} is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
