//! `[github]`: how the forge is reached, and who asks there.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Config;

/// `[github]`. Secrets are names of variables.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GithubConfig {
    /// The variable that holds the token; not asked when there is an App.
    pub token_env: String,
    /// The API's address; by default `GITHUB_API_URL`, or GitHub's own.
    pub api_url: Option<String>,
    /// The variable that holds the id of a GitHub App, which then asks instead of a token.
    pub app_id_env: Option<String>,
    /// The variable that holds a private key of that App, in PEM.
    pub app_private_key_env: Option<String>,
    /// The id of the App's installation; by default GitHub is asked for it.
    pub installation_id: Option<u64>,
}

impl Default for GithubConfig {
    fn default() -> Self {
        Self {
            token_env: "GITHUB_TOKEN".to_owned(),
            api_url: None,
            app_id_env: None,
            app_private_key_env: None,
            installation_id: None,
        }
    }
}

impl GithubConfig {
    /// The variables of the App's id and private key, where an App asks.
    pub fn app(&self) -> Option<(&str, &str)> {
        Some((self.app_id_env.as_deref()?, self.app_private_key_env.as_deref()?))
    }
}

/// What is wrong with it: where, what, and a way on.
pub(super) fn check(config: &Config) -> Option<(&'static str, &'static str, &'static str)> {
    let github = &config.github;
    let wrong = match (&github.app_id_env, &github.app_private_key_env) {
        (Some(_), None) => {
            ("github.app_id_env", "an App needs a private key too", "name its variable: `app_private_key_env = \"…\"`")
        }
        (None, Some(_)) => {
            ("github.app_private_key_env", "an App needs an id too", "name its variable: `app_id_env = \"…\"`")
        }
        (None, None) if github.installation_id.is_some() => (
            "github.installation_id",
            "only an App has an installation",
            "leave it out, or set `app_id_env` and `app_private_key_env`",
        ),
        _ => return None,
    };
    Some(wrong)
}
