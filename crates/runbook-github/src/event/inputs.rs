//! The inputs of a dispatch, by hand (`workflow_dispatch`) or by a program (`repository_dispatch`).

use std::str::FromStr;

use runbook_core::{Action, Digest, EnvironmentId, ReleaseId, ServiceId};
use serde_json::{Map, Value};

use super::{
    bounded,
    text::{MAX_NAME, MAX_REASON},
    wish::{Refusal, Wish},
};

/// The inputs, by name.
pub(super) struct Inputs<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Inputs<'a> {
    /// What they ask for.
    pub(super) fn wish(&self) -> Result<Wish, Refusal> {
        let action = match self.text("action")? {
            Some(text) => self.parsed::<Action>("action", text)?,
            None => Action::UpdateStatus,
        };
        let component = self.component()?;
        let wish = Wish {
            version: self.version(action)?,
            environment: self.environment()?,
            reason: self.reason()?,
            expect: self.expect()?,
            request_id: self.request_id()?,
            ..Wish::plain(action)
        };
        Ok(match (action, component) {
            // A deploy of one service has a name of its own.
            (Action::Deploy, Some(component)) => {
                Wish { action: Action::UpdateComponent, component: Some(component), ..wish }
            }
            (Action::UpdateComponent | Action::Rollback, component) => Wish { component, ..wish },
            // A drop-down always says something; these cover all services, whatever it says.
            (Action::Deploy | Action::UpdateStatus | Action::EmergencyStop | Action::Resume, _) => wish,
        })
    }

    /// The environment that they name.
    pub(super) fn environment(&self) -> Result<Option<EnvironmentId>, Refusal> {
        self.text("environment")?.map(|text| self.parsed("environment", text)).transpose()
    }

    fn component(&self) -> Result<Option<ServiceId>, Refusal> {
        match self.text("target_component")? {
            None | Some("all") => Ok(None),
            Some(text) => self.parsed("target_component", text).map(Some),
        }
    }

    /// `rollback_version` for a rollback, `version` for whatever makes a release live.
    fn version(&self, action: Action) -> Result<Option<String>, Refusal> {
        let version = self.release("version")?;
        let back = self.release("rollback_version")?;
        match (action, version, back) {
            (Action::Rollback, Some(one), Some(other)) if one != other => Err(Refusal::usage(format!(
                "the input rollback_version is {other:?} and version is {one:?}; a rollback goes to one release"
            ))),
            (Action::Rollback, version, back) => Ok(back.or(version)),
            (_, _, Some(_)) => {
                Err(Refusal::usage(format!("the input rollback_version belongs to rollback, not {action}")))
            }
            (Action::Deploy | Action::UpdateComponent, version, None) => Ok(version),
            (_, None, None) => Ok(None),
            (_, Some(_), None) => Err(Refusal::usage(format!(
                "the input version belongs to deploy, update-component and rollback, not {action}"
            ))),
        }
    }

    fn release(&self, name: &str) -> Result<Option<String>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        self.parsed::<ReleaseId>(name, text).map(|release| Some(release.to_string()))
    }

    fn reason(&self) -> Result<Option<String>, Refusal> {
        let Some(text) = self.text("reason")? else { return Ok(None) };
        if text.chars().count() > MAX_REASON {
            return Err(Refusal::usage(format!("the input reason is longer than {MAX_REASON} characters")));
        }
        Ok(Some(bounded(text, MAX_REASON)).filter(|text| !text.is_empty()))
    }

    /// `plan`: the digest of a plan, or a token that ends with one.
    fn expect(&self) -> Result<Option<Digest>, Refusal> {
        let Some(text) = self.text("plan")? else { return Ok(None) };
        let digest = text.rsplit('.').next().unwrap_or(text);
        self.parsed("plan", digest).map(Some)
    }

    fn request_id(&self) -> Result<Option<String>, Refusal> {
        let Some(text) = self.text("request_id")? else { return Ok(None) };
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
        if text.len() > MAX_NAME || !text.bytes().all(fits) {
            let why = format!("the input request_id is no name: expected 1 to {MAX_NAME} letters, digits and . _ : -");
            return Err(Refusal::usage(why));
        }
        Ok(Some(text.to_owned()))
    }

    /// An input's text; what is empty counts as not given, as an empty variable does.
    fn text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Some(other) => {
                let kind = match other {
                    Value::Bool(_) => "a boolean",
                    Value::Number(_) => "a number",
                    Value::Array(_) => "a list",
                    _ => "an object",
                };
                Err(Refusal::usage(format!("the input {name} is {kind}: expected text")))
            }
        }
    }

    fn parsed<T: FromStr<Err: std::fmt::Display>>(&self, name: &str, text: &str) -> Result<T, Refusal> {
        text.parse().map_err(|error: T::Err| Refusal::usage(bounded(&format!("the input {name}: {error}"), MAX_REASON)))
    }
}
