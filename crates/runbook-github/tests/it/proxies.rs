//! A network that lets nobody out but through a proxy. That a whole exchange works through one, the tests of the command
//! line show, where the machine can be told to trust a certificate.

use std::{sync::Arc, time::Duration};

use runbook_core::{LeftBehind, Secret, registry::Lookup};
use runbook_github::{Connection, ConnectionSettings, Credentials, Deadlines, Proxies, SettingsError, StatusIssue};
use runbook_render::Renderer;
use runbook_testkit::{ConnectProxy, github::FakeGitHub};
use tempfile::TempDir;

use crate::support::{publish, update};

const HOST: &str = "git.example.com";

struct Scene {
    github: FakeGitHub,
    proxy: ConnectProxy,
    _folder: TempDir,
}

async fn scene(password: Option<&str>) -> Scene {
    let (github, folder) = (FakeGitHub::start().await, tempfile::tempdir().unwrap());
    let address = github.url().trim_start_matches("http://").parse().unwrap();
    let proxy = ConnectProxy::start(HOST, address, &folder.path().join("ca.pem"), password).await;
    Scene { github, proxy, _folder: folder }
}

fn tracker(api_url: &str, token: &str, variables: &[(&str, &str)]) -> StatusIssue {
    let credentials = Credentials::Token(Secret::new(token));
    let mut settings = ConnectionSettings::new(api_url, "octo-org/octo-repo", credentials);
    let short = Duration::from_secs(5);
    settings.deadlines = Deadlines { connect: short, read: short, call: short, upsert: 4 * short };
    settings.proxies = Proxies::from(&Lookup::fixed(variables.iter().copied()));
    StatusIssue::at(&Connection::new(settings).unwrap(), Arc::new(Renderer::new().unwrap()))
}

#[tokio::test]
async fn the_proxy_is_asked_for_the_host_and_never_sees_the_token() {
    let scene = scene(Some("mona:hunter2")).await;
    let address = scene.proxy.url_with("mona:hunter2");
    let tracker = tracker(&format!("https://{HOST}/api/v3"), "ghp_example", &[("HTTPS_PROXY", address.as_str())]);
    // Nobody here trusts the certificate, so it ends where the handshake does: nothing was sent.
    let error = publish(&tracker, &update()).await.unwrap_err();
    assert_eq!((error.left, error.retryable), (LeftBehind::NoChange, true), "{error:?}");
    let heads = scene.proxy.heads();
    assert!(heads[0].starts_with(&format!("CONNECT {HOST}:443 HTTP/1.1\r\n")), "{heads:?}");
    assert!(heads[0].to_lowercase().contains("proxy-authorization: basic "), "{heads:?}");
    assert!(!heads.concat().contains("ghp_example"), "{heads:?}");
    assert!(scene.github.requests().is_empty());
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_is_told() {
    let scene = scene(Some("mona:hunter2")).await;
    let address = scene.proxy.url_with("mona:wrong-one");
    let tracker = tracker(&format!("https://{HOST}"), "ghp_example", &[("https_proxy", address.as_str())]);
    let error = publish(&tracker, &update()).await.unwrap_err();
    assert_eq!(error.left, LeftBehind::NoChange);
    let source = error.source.as_deref().expect("why");
    let mut told = error.message.clone();
    let mut link: Option<&(dyn std::error::Error + 'static)> = Some(source);
    while let Some(next) = link {
        told.push_str(&next.to_string());
        link = next.source();
    }
    assert!(told.contains("proxy authorization required") && !told.contains("wrong-one"), "{told}");
}

#[tokio::test]
async fn what_no_proxy_names_is_reached_without_it() {
    let scene = scene(None).await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let variables = [("HTTPS_PROXY", scene.proxy.url()), ("NO_PROXY", "127.0.0.1, .internal".to_owned())];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let tracker = tracker(&format!("https://{nobody}/api/v3"), "ghp_example", &variables);
    publish(&tracker, &update()).await.unwrap_err();
    assert!(scene.proxy.heads().is_empty(), "{:?}", scene.proxy.heads());
}

#[tokio::test]
async fn a_fake_on_loopback_is_reached_whatever_the_proxy() {
    let scene = scene(None).await;
    let (token, address) = (scene.github.token(), scene.proxy.url());
    let tracker = tracker(&scene.github.url(), &token, &[("HTTPS_PROXY", address.as_str())]);
    publish(&tracker, &update()).await.unwrap();
    assert!(scene.proxy.heads().is_empty());
    assert_eq!(scene.github.issues().len(), 1);
}

#[tokio::test]
async fn what_is_no_proxy_is_refused_before_anything_is_sent() {
    let mut settings =
        ConnectionSettings::new("https://api.github.com", "octo/forge", Credentials::Token(Secret::new("ghp_example")));
    settings.proxies = Proxies::through(Secret::new("socks5://127.0.0.1:1080"));
    assert_eq!(Connection::new(settings).unwrap_err(), SettingsError::Proxy);
}
