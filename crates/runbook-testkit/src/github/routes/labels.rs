//! `/labels`, and the labels of an issue: <https://docs.github.com/rest/issues/labels>.

use serde_json::Value;

use super::{
    desk::Desk,
    issues::{enabled, here},
};
use crate::github::{
    answer::{Answer, Reply},
    model::{Label, Slot},
};

/// The longest name, in characters.
const LONGEST_NAME: usize = 50;
/// So many labels fit on an issue.
const MOST: usize = 100;
/// The colour of a label that came to be because somebody put it on an issue.
const DEFAULT_COLOR: &str = "ededed";

/// `/labels`.
pub(super) fn route(desk: &mut Desk<'_>, method: &str, path: &[&str]) -> Reply {
    match (method, path) {
        ("GET", []) => {
            desk.may_read("issues")?;
            let shape = desk.shape();
            desk.page(desk.repository().labels.iter().map(|label| shape.label(label)).collect())
        }
        ("POST", []) => create(desk),
        ("GET", [name]) => {
            desk.may_read("issues")?;
            let label = desk.repository().label(name).ok_or_else(Answer::not_found)?;
            Answer::ok(&desk.shape().label(label))
        }
        _ => Err(Answer::not_found()),
    }
}

/// `/issues/{number}/labels`.
pub(super) fn of_issue(desk: &mut Desk<'_>, method: &str, number: &str, path: &[&str]) -> Reply {
    enabled(desk)?;
    match method {
        "GET" => desk.may_read("issues")?,
        _ => desk.may_write("issues")?,
    }
    let number = here(desk, number)?;
    let before = names(desk, number);
    let after = match (method, path) {
        ("GET", []) => return desk.page(shown(desk, &before)),
        ("POST", []) => {
            let mut wanted = before;
            wanted.extend(desk.call.fields()?.names("labels")?.unwrap_or_default());
            put_on(desk, wanted)?
        }
        ("PUT", []) => {
            let wanted = desk.call.fields()?.names("labels")?.unwrap_or_default();
            put_on(desk, wanted)?
        }
        ("DELETE", []) => Vec::new(),
        ("DELETE", [name]) => {
            let rest: Vec<String> =
                before.iter().filter(|one| one.to_lowercase() != name.to_lowercase()).cloned().collect();
            if rest.len() == before.len() {
                return Err(Answer::refusal(404, "Label does not exist"));
            }
            rest
        }
        _ => return Err(Answer::not_found()),
    };
    let now = desk.world.now();
    let issue = desk.repository_mut().issue_mut(number).ok_or_else(Answer::not_found)?;
    (issue.labels, issue.updated_at) = (after.clone(), now);
    if method == "DELETE" && path.is_empty() {
        return Answer::no_content();
    }
    Answer::ok(&Value::Array(shown(desk, &after)))
}

/// Checks names and makes those labels that the repository does not have yet, as GitHub does. Returns the names as the
/// repository spells them, each once.
pub(super) fn put_on(desk: &mut Desk<'_>, names: Vec<String>) -> Result<Vec<String>, Answer> {
    for name in &names {
        checked_name(name)?;
    }
    if names.len() > MOST {
        let message = format!("labels is too long (maximum is {MOST} labels)");
        return Err(Answer::invalid("Issue", "labels", "custom", Some(&message)));
    }
    let mut put = Vec::new();
    for name in names {
        if desk.repository().label(&name).is_none() {
            let id = desk.world.next_id();
            let label = Label { id, name: name.clone(), color: DEFAULT_COLOR.to_owned(), description: None };
            desk.repository_mut().labels.push(label);
        }
        let name = desk.repository().label(&name).map_or(name, |label| label.name.clone());
        if !put.contains(&name) {
            put.push(name);
        }
    }
    Ok(put)
}

fn checked_name(name: &str) -> Result<(), Answer> {
    if name.trim().is_empty() {
        return Err(Answer::invalid("Label", "name", "missing_field", None));
    }
    if name.chars().count() > LONGEST_NAME {
        let message = format!("name is too long (maximum is {LONGEST_NAME} characters)");
        return Err(Answer::invalid("Label", "name", "custom", Some(&message)));
    }
    Ok(())
}

fn names(desk: &Desk<'_>, number: u64) -> Vec<String> {
    match desk.repository().issues.get(&number) {
        Some(Slot::Here(issue)) => issue.labels.clone(),
        _ => Vec::new(),
    }
}

fn shown(desk: &Desk<'_>, names: &[String]) -> Vec<Value> {
    let shape = desk.shape();
    names.iter().filter_map(|name| desk.repository().label(name)).map(|label| shape.label(label)).collect()
}

fn create(desk: &mut Desk<'_>) -> Reply {
    desk.may_write("issues")?;
    let fields = desk.call.fields()?;
    let name = fields.required_text("name")?;
    checked_name(&name)?;
    let color = fields.text("color")?.unwrap_or_else(|| DEFAULT_COLOR.to_owned());
    if color.len() != 6 || !color.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Answer::invalid("Label", "color", "invalid", None));
    }
    let description = fields.text("description")?;
    if desk.repository().label(&name).is_some() {
        return Err(Answer::invalid("Label", "name", "already_exists", None));
    }
    let label = Label { id: desk.world.next_id(), name, color, description };
    desk.repository_mut().labels.push(label.clone());
    Answer::created(&desk.shape().label(&label))
}
