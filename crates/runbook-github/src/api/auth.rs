//! Who asks: a token that was handed in, or a GitHub App, whose installation token is made when it is first needed, kept
//! until shortly before it ends, and made anew once when GitHub no longer takes it.
//! Source: <https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app>.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use octocrab::{
    auth::{EncodingKey, create_jwt},
    models::AppId,
};
use runbook_core::{Redactor, Secret};
use serde::{Deserialize, de::Error as _};
use serde_json::json;
use tokio::time::Instant;

use super::{
    client::{Api, Method},
    failure::Failure,
};
use crate::{connection::Credentials, issue::SettingsError, repository::Repository};

/// A token that ends within this is not begun with: a call and its repeat shall fit in.
const MARGIN: Duration = Duration::from_secs(2 * 60);

/// Who asks.
pub(crate) enum Auth {
    /// Whoever this token stands for.
    Token(Secret),
    /// A GitHub App, at one repository.
    App(Box<App>),
}

/// A GitHub App.
pub(crate) struct App {
    id: AppId,
    key: EncodingKey,
    pem: Secret,
    installation: Option<u64>,
    repository: Repository,
    held: Mutex<Option<Held>>,
    /// One token is made at a time; whoever waited finds it made.
    making: tokio::sync::Mutex<()>,
}

/// A token of an installation.
#[derive(Clone)]
struct Held {
    token: Secret,
    ends: Timestamp,
    permissions: BTreeMap<String, String>,
}

/// What a token may do, as far as GitHub tells without being tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// Nobody was told: the token of a job, a personal one.
    Untold,
    /// The permissions of an installation, such as `issues` → `write`.
    Permissions(BTreeMap<String, String>),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token"),
            Self::App(app) => write!(f, "App({})", app.id),
        }
    }
}

impl Auth {
    /// Checks what was handed in: it sends nothing.
    pub(crate) fn new(credentials: Credentials, repository: &Repository) -> Result<Self, SettingsError> {
        match credentials {
            Credentials::Token(token) => {
                // A secret that was pasted often ends with a line break, which no header may hold.
                let token = Secret::new(token.reveal().trim());
                if token.reveal().is_empty() || !token.reveal().bytes().all(|b| b.is_ascii_graphic()) {
                    return Err(SettingsError::Token);
                }
                Ok(Self::Token(token))
            }
            Credentials::App(app) => {
                let id = app.id.trim().parse().map(AppId).map_err(|_| SettingsError::AppId)?;
                // Where secrets are one line long, people write line breaks as `\n`.
                let pem = Secret::new(app.private_key.reveal().trim().replace("\\n", "\n"));
                let key = EncodingKey::from_rsa_pem(pem.reveal().as_bytes()).map_err(|_| SettingsError::AppKey)?;
                // What only looks like a key is found out now, and not in the middle of a deploy.
                create_jwt(id, &key).map_err(|_| SettingsError::AppKey)?;
                let (installation, repository) = (app.installation_id, repository.clone());
                let (held, making) = (Mutex::default(), tokio::sync::Mutex::default());
                Ok(Self::App(Box::new(App { id, key, pem, installation, repository, held, making })))
            }
        }
    }

    /// What goes into the header, made now where there is none.
    pub(super) async fn bearer(&self, api: &Api, until: Instant) -> Result<Secret, Failure> {
        match self {
            Self::Token(token) => Ok(token.clone()),
            Self::App(app) => app.held(api, until).await.map(|held| held.token),
        }
    }

    /// Forgets a token that GitHub did not take. `false`: there is no other one to be had.
    pub(super) fn forget(&self, refused: &Secret) -> bool {
        let Self::App(app) = self else { return false };
        let mut held = app.lock();
        // Somebody else may have made a new one in the meantime.
        if held.as_ref().is_some_and(|held| held.token == *refused) {
            *held = None;
        }
        true
    }

    /// Takes the secrets out of what GitHub says.
    pub(super) fn redactor(&self) -> Redactor {
        match self {
            Self::Token(token) => Redactor::new([token]),
            Self::App(app) => {
                let held = app.lock().as_ref().map(|held| held.token.clone());
                Redactor::new(held.iter().chain([&app.pem]))
            }
        }
    }

    /// The login that an App's changes are signed with; `None`: it is no App.
    pub(super) async fn app_login(&self, api: &Api, until: Instant) -> Result<Option<String>, Failure> {
        #[derive(Deserialize)]
        struct Shown {
            slug: String,
        }
        let Self::App(app) = self else { return Ok(None) };
        let asked = api.ask(Method::Get, "/app", None, &app.jwt()?, until).await;
        let shown: Shown = asked.map_err(Failure::no_token)?;
        Ok(Some(format!("{}[bot]", shown.slug)))
    }

    /// What the token may do.
    pub(super) async fn allowed(&self, api: &Api, until: Instant) -> Result<Allowed, Failure> {
        match self {
            Self::Token(_) => Ok(Allowed::Untold),
            Self::App(app) => app.held(api, until).await.map(|held| Allowed::Permissions(held.permissions)),
        }
    }
}

impl App {
    fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token that is held, while it lasts.
    fn lasting(&self, now: Timestamp) -> Option<Held> {
        let least = now.checked_add(MARGIN).unwrap_or(Timestamp::MAX);
        self.lock().clone().filter(|held| held.ends > least)
    }

    async fn held(&self, api: &Api, until: Instant) -> Result<Held, Failure> {
        if let Some(held) = self.lasting(api.now()) {
            return Ok(held);
        }
        let _one_at_a_time = self.making.lock().await;
        if let Some(held) = self.lasting(api.now()) {
            return Ok(held);
        }
        let held = self.make(api, until).await.map_err(Failure::no_token)?;
        *self.lock() = Some(held.clone());
        Ok(held)
    }

    /// Makes a token for this repository alone, whatever else the App is installed for. A repeat makes another one, and
    /// the one before ends by itself.
    async fn make(&self, api: &Api, until: Instant) -> Result<Held, Failure> {
        #[derive(Deserialize)]
        struct Made {
            token: String,
            expires_at: Timestamp,
            #[serde(default)]
            permissions: BTreeMap<String, String>,
        }
        let jwt = self.jwt()?;
        let installation = match self.installation {
            Some(id) => id,
            None => self.look_up(api, &jwt, until).await?,
        };
        let path = format!("/app/installations/{installation}/access_tokens");
        let body = json!({ "repositories": [self.repository.name()] });
        let made: Made = api.ask(Method::Post, &path, Some(&body), &jwt, until).await?;
        let token = Secret::new(made.token);
        if token.reveal().is_empty() || !token.reveal().bytes().all(|b| b.is_ascii_graphic()) {
            let source = serde_json::Error::custom("the token in it is none");
            return Err(Failure::Unreadable { status: 201, source });
        }
        Ok(Held { token, ends: made.expires_at, permissions: made.permissions })
    }

    async fn look_up(&self, api: &Api, jwt: &Secret, until: Instant) -> Result<u64, Failure> {
        #[derive(Deserialize)]
        struct Installation {
            id: u64,
        }
        let path = format!("{}/installation", self.repository.path());
        api.ask(Method::Get, &path, None, jwt, until).await.map(|found: Installation| found.id)
    }

    /// Says that the App itself asks: good for nine minutes, and never shown.
    fn jwt(&self) -> Result<Secret, Failure> {
        create_jwt(self.id, &self.key).map(Secret::new).map_err(|error| Failure::NotSent(error.into()))
    }
}
