//! What can go wrong while text is made: only templates can be wrong, never a view.

use std::fmt;

/// A template could not be used, or what it made does not fit.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// An override names no template of this crate.
    #[error("there is no template {name:?} to override; expected one of {known}")]
    UnknownTemplate {
        /// The name that was given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A template is not valid handlebars.
    #[error("failed to parse template {place}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser says.
        #[source]
        source: Box<handlebars::TemplateError>,
    },
    /// A template inserts a value without escaping it.
    #[error("template {place} inserts a value unescaped; write {{{{name}}}} or use a helper (code, link, fence)")]
    Unescaped {
        /// Where.
        place: Place,
    },
    /// A template includes what may have no end.
    #[error("template {place} {problem}")]
    Includes {
        /// Where.
        place: Place,
        /// What is wrong there.
        problem: &'static str,
    },
    /// A template asks for something that is not there, or calls a helper wrongly.
    #[error("failed to render template {place}")]
    Render {
        /// Where.
        place: Place,
        /// What the renderer says.
        #[source]
        source: Box<handlebars::RenderError>,
    },
    /// Even in its shortest form the text is longer than the place it goes to allows.
    #[error("the {what} has {length} characters where {limit} are allowed; shorten the overridden template")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// How long its shortest form is, in characters.
        length: usize,
        /// What is allowed, in characters.
        limit: usize,
    },
    /// A fact cannot stand in a workflow.
    #[error(transparent)]
    Workflow(#[from] crate::WorkflowError),
    /// The document for programs could not be written as JSON.
    #[error("failed to write the status document as JSON")]
    Document(#[source] serde_json::Error),
}

impl RenderError {
    /// The place in a template that is wrong; `None` where no single place is.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Syntax { place, .. }
            | Self::Unescaped { place }
            | Self::Includes { place, .. }
            | Self::Render { place, .. } => Some(place),
            Self::UnknownTemplate { .. } | Self::TooLong { .. } | Self::Workflow(_) | Self::Document(_) => None,
        }
    }

    /// What is wrong, in one line and without the place.
    pub fn reason(&self) -> String {
        let text = match self {
            Self::Syntax { source, .. } => source.reason().to_string(),
            Self::Unescaped { .. } => {
                "it inserts a value unescaped; write {{name}} or use a helper (code, link, fence)".to_owned()
            }
            Self::Includes { problem, .. } => format!("it {problem}"),
            Self::Render { source, .. } => source.reason().to_string(),
            Self::UnknownTemplate { .. } | Self::TooLong { .. } | Self::Workflow(_) | Self::Document(_) => {
                self.to_string()
            }
        };
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// A place in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The template's file name.
    pub template: String,
    /// Line and column, both from 1, where they are known.
    pub position: Option<(usize, usize)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some((line, column)) => write!(f, "{}:{line}:{column}", self.template),
            None => f.write_str(&self.template),
        }
    }
}
