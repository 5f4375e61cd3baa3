//! The repository's own templates (`[status_issue] templates`): read, and what is wrong with one told with its place. A
//! mistake in one never costs a report: the built-in one stands in its place.

use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    sync::{Arc, OnceLock},
};

use runbook_core::config::ConfigError;
use runbook_render::{RenderError, Renderer, page_template_names, template_names};

use crate::project::Project;

/// No honest folder of templates holds more files.
const MOST_FILES: usize = 200;
/// No honest template is larger.
const MOST_BYTES: u64 = 1 << 20;
/// Templates end with this; whatever else is in the folder is none.
const EXTENSION: &str = ".hbs";

/// What texts are made with.
#[derive(Debug)]
pub(crate) struct Templates {
    /// With the repository's own templates, those that can be used; `Err` would be a defect of Runbook. The built-in ones
    /// are compiled when they are first asked for: most commands render nothing with them.
    renderer: OnceLock<Result<Arc<Renderer>, String>>,
    /// What is wrong with the others.
    pub(crate) problems: Vec<ConfigError>,
}

impl Templates {
    /// Reads the folder that the configuration names; without one all are built in.
    pub(crate) fn read(project: &Project) -> Self {
        match &project.config.status_issue.templates {
            None => Self { renderer: OnceLock::new(), problems: Vec::new() },
            Some(folder) => Self::of_folder(&project.root, Path::new(folder)),
        }
    }

    fn of_folder(root: &Path, folder: &Path) -> Self {
        let (own, mut problems) = match texts(root, folder) {
            Ok(read) => read,
            Err(error) => {
                let hint = Some("make the folder, or leave `[status_issue] templates` out".to_owned());
                let message = format!("failed to read the folder of templates: {error}");
                (BTreeMap::new(), vec![ConfigError::file(folder, message, hint)])
            }
        };
        match Renderer::tolerant(own) {
            Ok((renderer, wrong)) => {
                problems.extend(wrong.iter().map(|error| problem(folder, error)));
                Self { renderer: OnceLock::from(Ok(Arc::new(renderer))), problems }
            }
            Err(error) => Self { renderer: OnceLock::from(Err(error.to_string())), problems },
        }
    }

    /// The renderer.
    ///
    /// # Errors
    /// When the built-in templates are wrong.
    pub(crate) fn renderer(&self) -> Result<Arc<Renderer>, String> {
        self.renderer.get_or_init(|| shared(Renderer::new())).clone()
    }

    /// What is wrong with which template, one line each, for whoever reads a report that was made without it.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> {
        self.problems.iter().map(|problem| format!("{problem}; the built-in template was used"))
    }
}

fn shared(renderer: Result<Renderer, RenderError>) -> Result<Arc<Renderer>, String> {
    renderer.map(Arc::new).map_err(|error| error.to_string())
}

/// The templates of a folder by their names, and what is wrong with files that cannot be taken.
fn texts(root: &Path, folder: &Path) -> io::Result<(BTreeMap<String, String>, Vec<ConfigError>)> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(root.join(folder))?.take(MOST_FILES) {
        // A name that is no UTF-8 is none of ours.
        names.extend(entry?.file_name().into_string().ok().filter(|name| name.ends_with(EXTENSION)));
    }
    names.sort();
    let (mut own, mut problems) = (BTreeMap::new(), Vec::new());
    for name in names {
        let file = folder.join(&name);
        match taken(&root.join(&file), &name) {
            Ok(text) => {
                own.insert(name, text);
            }
            Err((message, hint)) => problems.push(ConfigError::file(file, message, hint)),
        }
    }
    Ok((own, problems))
}

/// The text of one template; else what is wrong, and what mends it.
fn taken(path: &Path, name: &str) -> Result<String, (String, Option<String>)> {
    if page_template_names().all(|known| known != name) {
        let known = page_template_names().collect::<Vec<_>>().join(", ");
        let message = match template_names().any(|known| known == name) {
            true => "messages to chats are made by the built-in templates",
            false => "there is no template of this name",
        };
        return Err((message.to_owned(), Some(format!("expected one of {known}"))));
    }
    let unreadable = |error: io::Error| (format!("failed to read it: {error}"), None);
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > MOST_BYTES {
        return Err((format!("it has {size} bytes, which is no template"), None));
    }
    fs::read_to_string(path).map_err(unreadable)
}

/// A mistake in a template, at its place.
fn problem(folder: &Path, error: &RenderError) -> ConfigError {
    let Some(place) = error.place() else { return ConfigError::file(folder, error.reason(), None) };
    let mut problem = ConfigError::file(folder.join(&place.template), error.reason(), None);
    (problem.line, problem.column) = place.position.unwrap_or_default();
    problem
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on shall panic")]

    use super::*;

    fn read(files: &[(&str, &str)]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("texts")).unwrap();
        for (name, text) in files {
            fs::write(root.path().join("texts").join(name), text).unwrap();
        }
        let templates = Templates::of_folder(root.path(), Path::new("texts"));
        templates.renderer().unwrap();
        templates.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_mistake_is_told_with_file_and_line() {
        let problems = read(&[
            ("README.md", "how we write"),
            ("comment.md.hbs", "fine"),
            ("header.md.hbs", "one\ntwo {{{actor}}}"),
            ("slack-text.hbs", "hello"),
            ("stages.md.hbs", "{{#each stages}}\nnever closed"),
            ("stagse.md.hbs", ""),
        ]);
        let [chat, none, header, stages] = &problems[..] else { panic!("{problems:?}") };
        assert_eq!(chat, "texts/slack-text.hbs: messages to chats are made by the built-in templates");
        assert_eq!(none, "texts/stagse.md.hbs: there is no template of this name");
        assert!(header.starts_with("texts/header.md.hbs:2:5: it inserts a value unescaped"), "{header}");
        assert!(stages.starts_with("texts/stages.md.hbs:"), "{stages}");
        assert_eq!(read(&[("comment.md.hbs", "{{actor}}")]), [""; 0]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_and_costs_nothing() {
        let templates = Templates::of_folder(Path::new("/nowhere"), Path::new("texts"));
        assert!(templates.renderer().is_ok());
        let problem = templates.problems[0].to_string();
        assert!(problem.starts_with("texts: failed to read the folder of templates: "), "{problem}");
    }
}
