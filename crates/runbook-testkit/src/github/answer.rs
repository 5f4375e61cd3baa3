//! What the fake says: a status, headers and a body, and GitHub's wording of each refusal.
//! Sources: <https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api> and the pages of each route.

use serde_json::{Value, json};

/// Where GitHub's documentation of its REST API starts.
const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// One answer, before it becomes bytes on a connection.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// An answer, or a refusal; both are sent the same way, but `?` ends a handler on a refusal.
pub(super) type Reply = Result<Answer, Answer>;

impl Answer {
    pub(super) fn json(status: u16, value: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
        Self { status, headers, body: value.to_string().into_bytes() }
    }

    pub(super) fn ok(value: &Value) -> Reply {
        Ok(Self::json(200, value))
    }

    pub(super) fn created(value: &Value) -> Reply {
        Ok(Self::json(201, value))
    }

    pub(super) fn no_content() -> Reply {
        Ok(Self { status: 204, headers: Vec::new(), body: Vec::new() })
    }

    pub(super) fn text(status: u16, content_type: &str, body: impl Into<String>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into().into_bytes() }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// A refusal in GitHub's form.
    pub(super) fn refusal(status: u16, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self::json(
            status,
            &json!({ "message": message, "documentation_url": DOCUMENTATION, "status": status.to_string() }),
        )
    }

    /// "Validation Failed", with what is wrong with which field of which resource.
    pub(super) fn invalid(resource: &str, field: &str, code: &str, message: Option<&str>) -> Self {
        let mut error = json!({ "resource": resource, "code": code, "field": field });
        if let Some(message) = message {
            error["message"] = message.into();
        }
        Self::json(
            422,
            &json!({
                "message": "Validation Failed",
                "errors": [error],
                "documentation_url": DOCUMENTATION,
                "status": "422",
            }),
        )
    }

    pub(super) fn not_found() -> Self {
        Self::refusal(404, "Not Found")
    }

    pub(super) fn bad_credentials() -> Self {
        Self::refusal(401, "Bad credentials")
    }

    pub(super) fn requires_authentication() -> Self {
        Self::refusal(401, "Requires authentication")
    }

    /// An installation token (such as an Actions job's) that lacks a permission.
    pub(super) fn not_accessible(permission: &str, level: &str) -> Self {
        Self::refusal(403, "Resource not accessible by integration")
            .with("x-accepted-github-permissions", format!("{permission}={level}"))
    }

    /// GitHub answers requests without `User-Agent` in plain text, not in JSON.
    pub(super) fn no_user_agent() -> Self {
        Self::text(
            403,
            "text/html; charset=utf-8",
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header \
             (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required).",
        )
    }

    pub(super) fn html(status: u16) -> Self {
        Self::text(
            status,
            "text/html; charset=utf-8",
            "<!DOCTYPE html>\n<html><head><title>Unicorn! &middot; GitHub</title></head>\
             <body><p><strong>We had issues producing the response to your request.</strong></p></body></html>\n",
        )
    }
}
