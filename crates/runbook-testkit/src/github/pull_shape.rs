//! A pull request as GitHub shows it: in a list, and with everything by its own address.
//! Source: the schemas `pull-request-simple` and `pull-request` of GitHub's OpenAPI description.

use serde_json::{Map, Value, json};

use super::{
    model::{Issue, PullRequest},
    shape::Shape,
};

/// What a pull request and its issue have in common.
const OF_ISSUE: [&str; 13] = [
    "number",
    "title",
    "body",
    "state",
    "locked",
    "user",
    "labels",
    "assignee",
    "assignees",
    "milestone",
    "created_at",
    "updated_at",
    "author_association",
];

impl Shape<'_> {
    /// `whole` with what only its own address tells.
    pub(super) fn pull_request(&self, issue: &Issue, pull: &PullRequest, whole: bool) -> Value {
        let (api, number) = (self.api(), pull.number);
        let (url, page) = (format!("{api}/pulls/{number}"), format!("{}/pull/{number}", self.page()));
        let owner = &self.repository.owner;
        let end = |branch: &str, sha: &str| {
            json!({
                "label": format!("{owner}:{branch}"),
                "ref": branch,
                "sha": sha,
                "user": self.user(owner),
                "repo": self.repository(),
            })
        };
        let comments = format!("{api}/issues/{number}/comments");
        let statuses = format!("{api}/statuses/{}", pull.head_sha);
        let link = |address: &str| json!({ "href": address });
        let own = json!({
            "url": url,
            "id": pull.id,
            "node_id": format!("PR_{:08x}", pull.id),
            "html_url": page,
            "diff_url": format!("{page}.diff"),
            "patch_url": format!("{page}.patch"),
            "issue_url": format!("{api}/issues/{number}"),
            "commits_url": format!("{url}/commits"),
            "review_comments_url": format!("{url}/comments"),
            "review_comment_url": format!("{api}/pulls/comments{{/number}}"),
            "comments_url": comments,
            "statuses_url": statuses,
            "closed_at": issue.closed_at,
            "merged_at": null,
            "merge_commit_sha": null,
            "requested_reviewers": [],
            "requested_teams": [],
            "head": end(&pull.head, &pull.head_sha),
            "base": end(&pull.base, &pull.base_sha),
            "_links": {
                "self": link(&url),
                "html": link(&page),
                "issue": link(&format!("{api}/issues/{number}")),
                "comments": link(&comments),
                "review_comments": link(&format!("{url}/comments")),
                "review_comment": link(&format!("{api}/pulls/comments{{/number}}")),
                "commits": link(&format!("{url}/commits")),
                "statuses": link(&statuses),
            },
            "auto_merge": null,
            "active_lock_reason": null,
            "draft": pull.draft,
        });
        let of_issue = self.issue(issue);
        let mut fields: Map<String, Value> =
            OF_ISSUE.iter().map(|name| ((*name).to_owned(), of_issue[*name].clone())).collect();
        if let Value::Object(own) = own {
            fields.extend(own);
        }
        if whole {
            let counts = ["comments", "review_comments", "additions", "deletions"];
            fields.extend(counts.map(|name| (name.to_owned(), 0.into())));
            let more = [
                ("commits", json!(1)),
                ("changed_files", json!(1)),
                ("maintainer_can_modify", json!(false)),
                ("mergeable", json!(true)),
                ("mergeable_state", json!("clean")),
                ("rebaseable", json!(true)),
                ("merged", json!(false)),
                ("merged_by", json!(null)),
            ];
            fields.extend(more.map(|(name, value)| (name.to_owned(), value)));
        }
        Value::Object(fields)
    }
}
