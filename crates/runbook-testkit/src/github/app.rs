//! GitHub Apps: their keys, and the tokens that they make of them.
//! Source: <https://docs.github.com/rest/apps/apps>,
//! <https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app>.
#![allow(clippy::expect_used, reason = "a test cannot go on without its key, and says what failed")]

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use jiff::ToSpan;
use serde_json::{Value, json};

use super::{
    answer::{Answer, Reply},
    call::Call,
    grant::{Grant, Level},
    server::FakeGitHub,
    shape,
    world::{World, commit_id},
};

/// The longest that a token of the App itself may be good for, in seconds.
const LONGEST: i64 = 10 * 60;
/// What an installation may be given, as far as anything here asks for it.
const PERMISSIONS: [&str; 8] =
    ["actions", "checks", "contents", "deployments", "issues", "metadata", "pull_requests", "statuses"];

/// What an App's owner gets from GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppKey {
    /// The App's id.
    pub id: u64,
    /// The id of its installation for the first repository.
    pub installation_id: u64,
    /// Its private key, in PEM.
    pub private_key: String,
}

/// An App that is installed for the first repository.
pub(super) struct App {
    key: KeyPair,
    id: u64,
    installation: u64,
    slug: String,
    grant: Grant,
    made: Vec<String>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("id", &self.id).field("slug", &self.slug).finish_non_exhaustive()
    }
}

impl FakeGitHub {
    /// Adds an App, installed for the first repository alone. What it may do is the grant's; its login is `SLUG[bot]`.
    ///
    /// # Panics
    /// When no key can be made.
    pub fn add_app(&self, slug: &str, mut grant: Grant) -> AppKey {
        let key = KeyPair::generate(KeySize::Rsa2048).expect("failed to make a key of 2048 bits");
        let der: Pkcs8V1Der<'_> = key.as_der().expect("a key that was made can be written");
        let lines: Vec<String> = BASE64
            .encode(der.as_ref())
            .as_bytes()
            .chunks(64)
            .map(|l| String::from_utf8_lossy(l).into_owned())
            .collect();
        let private_key = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
        let mut world = self.world();
        let (id, installation) = (world.next_id(), world.next_id());
        grant.login = format!("{slug}[bot]");
        grant.installation = true;
        world.apps.push(App { key, id, installation, slug: slug.to_owned(), grant, made: Vec::new() });
        AppKey { id, installation_id: installation, private_key }
    }

    /// How many tokens Apps have made so far.
    pub fn app_tokens(&self) -> usize {
        self.world().apps.iter().map(|app| app.made.len()).sum()
    }

    /// Ends every token that an App has made, before its time: 401 from now on.
    pub fn end_app_tokens(&self) {
        let mut world = self.world();
        let made: Vec<String> = world.apps.iter().flat_map(|app| app.made.clone()).collect();
        world.tokens.retain(|token, _| !made.contains(token));
    }
}

/// Answers what only an App may ask; `None`: it is something else.
pub(super) fn answer(world: &mut World, call: &Call, authorization: Option<&str>) -> Option<Answer> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let act: fn(&mut World, &Call, usize, &[&str]) -> Reply = match (call.method.as_str(), path.as_slice()) {
        ("GET", ["app"]) => |world, _, at, _| Answer::ok(&integration(world, at)),
        ("GET", ["repos", _, _, "installation"]) => of_repository,
        ("POST", ["app", "installations", _, "access_tokens"]) => make,
        _ => return None,
    };
    let reply = who(world, authorization).and_then(|at| act(world, call, at, &path));
    Some(reply.unwrap_or_else(|refused| refused))
}

/// The App whose key signed the token (RFC 7515, RFC 8725: nothing but RS256 is taken).
fn who(world: &World, authorization: Option<&str>) -> Result<usize, Answer> {
    let undecodable = || Answer::refusal(401, "A JSON web token could not be decoded");
    let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(undecodable)?;
    let (signed, signature) = token.rsplit_once('.').ok_or_else(undecodable)?;
    let (head, claims) = signed.split_once('.').ok_or_else(undecodable)?;
    let json =
        |part: &str| -> Option<Value> { serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).ok()?).ok() };
    let (head, claims) = json(head).zip(json(claims)).ok_or_else(undecodable)?;
    let issuer = claims["iss"].as_u64().or_else(|| claims["iss"].as_str()?.parse().ok());
    let at = world.apps.iter().position(|app| Some(app.id) == issuer);
    let at = at.ok_or_else(|| Answer::refusal(404, "Integration not found"))?;
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| undecodable())?;
    let public: &[u8] = world.apps[at].key.public_key().as_ref();
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
    if head["alg"] != "RS256" || key.verify(signed.as_bytes(), &signature).is_err() {
        return Err(undecodable());
    }
    let (now, issued, ends) = (world.now().as_second(), claims["iat"].as_i64(), claims["exp"].as_i64());
    let wrong = |claim: &str, name: &str| {
        Answer::refusal(401, format!("'{name}' claim ('{claim}') must be an Integer representing the time"))
    };
    if issued.is_none_or(|issued| issued > now) {
        return Err(wrong("iat", "Issued at"));
    }
    if ends.is_none_or(|ends| ends <= now || ends > now + LONGEST) {
        return Err(wrong("exp", "Expiration time"));
    }
    Ok(at)
}

fn of_repository(world: &mut World, _: &Call, at: usize, path: &[&str]) -> Reply {
    match path {
        ["repos", owner, name, "installation"] if world.find(owner, name) == Some(0) => {
            Answer::ok(&installation(world, at))
        }
        _ => Err(Answer::not_found()),
    }
}

fn make(world: &mut World, call: &Call, at: usize, path: &[&str]) -> Reply {
    let app = &world.apps[at];
    if path.get(2) != Some(&app.installation.to_string().as_str()) {
        return Err(Answer::not_found());
    }
    let name = world.repositories[0].name.clone();
    let wanted = call.fields()?.names("repositories")?;
    if wanted.iter().flatten().any(|wanted| !wanted.eq_ignore_ascii_case(&name)) {
        return Err(Answer::refusal(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        ));
    }
    let (grant, permissions) = (app.grant.clone(), permissions(&app.grant));
    // Never one that was there before and has ended.
    let number = usize::try_from(world.next_id()).unwrap_or_default();
    let token = format!("ghs_{}", &commit_id(&world.apps[at].slug, number)[..36]);
    world.tokens.insert(token.clone(), grant);
    world.apps[at].made.push(token.clone());
    let ends = world.now().saturating_add(1.hour()).unwrap_or_else(|_| world.now());
    let selection = if wanted.is_some() { "selected" } else { "all" };
    Answer::created(&json!({
        "token": token, "expires_at": ends, "permissions": permissions, "repository_selection": selection,
    }))
}

fn permissions(grant: &Grant) -> Value {
    let word = |name: &str| match grant.level(name) {
        Level::None => None,
        Level::Read => Some("read"),
        // Nobody may write metadata.
        Level::Write => Some(if name == "metadata" { "read" } else { "write" }),
    };
    PERMISSIONS
        .iter()
        .filter_map(|&name| Some((name.to_owned(), word(name)?.into())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn integration(world: &World, at: usize) -> Value {
    let app = &world.apps[at];
    let repository = &world.repositories[0];
    json!({
        "id": app.id,
        "slug": app.slug,
        "node_id": format!("A_{:08x}", app.id),
        "owner": shape::user(&world.base, &repository.owner),
        "name": app.slug,
        "description": null,
        "external_url": "https://example.com/",
        "html_url": format!("{}/apps/{}", world.base, app.slug),
        "created_at": repository.created_at,
        "updated_at": repository.created_at,
        "permissions": permissions(&app.grant),
        "events": [],
    })
}

fn installation(world: &World, at: usize) -> Value {
    let app = &world.apps[at];
    let repository = &world.repositories[0];
    let api = format!("{}/app/installations/{}", world.base, app.installation);
    json!({
        "id": app.installation,
        "account": shape::user(&world.base, &repository.owner),
        "repository_selection": "selected",
        "access_tokens_url": format!("{api}/access_tokens"),
        "repositories_url": format!("{}/installation/repositories", world.base),
        "html_url": format!("{}/settings/installations/{}", world.base, app.installation),
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": 1,
        "target_type": "Organization",
        "permissions": permissions(&app.grant),
        "events": [],
        "created_at": repository.created_at,
        "updated_at": repository.created_at,
        "single_file_name": null,
        "suspended_by": null,
        "suspended_at": null,
    })
}
