//! A repository as GitHub shows it: by itself with everything, inside a pull request with nearly all, and inside other
//! things with its links alone.

use serde_json::{Map, Value, json};

use super::shape::Shape;

/// Where each link leads, below the repository's address in the API. Sources: the schemas `minimal-repository` and
/// `full-repository` of GitHub's OpenAPI description.
const LINKS: [(&str, &str); 37] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
    ("url", ""),
];

impl Shape<'_> {
    /// The short form, which stands inside other things.
    pub(super) fn minimal_repository(&self) -> Value {
        Value::Object(self.links())
    }

    fn links(&self) -> Map<String, Value> {
        let (repository, api) = (self.repository, self.api());
        let mut fields: Map<String, Value> = Map::from_iter([
            ("id".to_owned(), repository.id.into()),
            ("node_id".to_owned(), format!("R_{:08x}", repository.id).into()),
            ("name".to_owned(), repository.name.as_str().into()),
            ("full_name".to_owned(), repository.full_name().into()),
            ("owner".to_owned(), self.user(&repository.owner)),
            ("private".to_owned(), repository.private.into()),
            ("html_url".to_owned(), self.page().into()),
            ("description".to_owned(), Value::Null),
            ("fork".to_owned(), false.into()),
        ]);
        fields.extend(LINKS.map(|(name, path)| (name.to_owned(), format!("{api}{path}").into())));
        fields
    }

    /// The whole repository, as its own address shows it.
    pub(super) fn whole_repository(&self) -> Value {
        let mut whole = self.repository();
        for name in ["network_count", "subscribers_count"] {
            whole[name] = 0.into();
        }
        whole
    }

    /// The long form, which stands inside a pull request.
    pub(super) fn repository(&self) -> Value {
        let (repository, page) = (self.repository, self.page());
        let open = repository.issues_here().filter(|issue| issue.open).count();
        let mut fields = self.links();
        let more = json!({
            "clone_url": format!("{page}.git"),
            "git_url": format!("{page}.git"),
            "ssh_url": format!("git@github.invalid:{}.git", repository.full_name()),
            "svn_url": page,
            "mirror_url": null,
            "created_at": repository.created_at,
            "updated_at": repository.created_at,
            "pushed_at": repository.created_at,
            "homepage": null,
            "language": null,
            "license": null,
            "has_issues": repository.has_issues,
            "archived": false,
            "disabled": false,
            "is_template": false,
            "topics": [],
            "visibility": if repository.private { "private" } else { "public" },
            "default_branch": repository.default_branch,
            "open_issues_count": open,
            "open_issues": open,
            "permissions": { "admin": false, "maintain": false, "push": true, "triage": true, "pull": true },
        });
        if let Value::Object(more) = more {
            fields.extend(more);
        }
        let counts = ["size", "stargazers_count", "watchers_count", "watchers", "forks_count", "forks"];
        fields.extend(counts.map(|name| (name.to_owned(), 0.into())));
        let features = ["has_projects", "has_wiki", "has_pages", "has_downloads", "has_discussions"];
        fields.extend(features.map(|name| (name.to_owned(), false.into())));
        Value::Object(fields)
    }
}
