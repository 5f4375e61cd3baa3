//! What every route needs: the repository, who asks, permissions, pages.

use serde_json::Value;

use crate::github::{
    answer::{Answer, Reply},
    call::Call,
    grant::{Grant, Level},
    shape::{Shape, encode},
    world::{Repository, World},
};

/// A request for one repository, with the state that answers it.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    pub(super) world: &'a mut World,
    /// The repository's place among all.
    pub(super) place: usize,
    pub(super) grant: &'a Grant,
    pub(super) call: Call,
}

impl Desk<'_> {
    pub(super) fn repository(&self) -> &Repository {
        &self.world.repositories[self.place]
    }

    pub(super) fn repository_mut(&mut self) -> &mut Repository {
        &mut self.world.repositories[self.place]
    }

    pub(super) fn shape(&self) -> Shape<'_> {
        Shape { base: &self.world.base, repository: self.repository() }
    }

    pub(super) fn login(&self) -> String {
        self.grant.login.clone()
    }

    /// Refuses whoever may not look; everybody may look at a public repository.
    pub(super) fn may_read(&self, permission: &str) -> Result<(), Answer> {
        if self.repository().private && self.grant.level(permission) < Level::Read {
            return Err(Answer::not_accessible(permission, "read"));
        }
        Ok(())
    }

    /// Refuses whoever may not change.
    pub(super) fn may_write(&self, permission: &str) -> Result<(), Answer> {
        if self.grant.level(permission) < Level::Write {
            return Err(Answer::not_accessible(permission, "write"));
        }
        Ok(())
    }

    /// One page of a list, with the `Link` header that leads to the others
    /// (<https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api>).
    pub(super) fn page(&self, items: Vec<Value>) -> Reply {
        let (page, links) = self.cut(items);
        let answer = Answer::json(200, &Value::Array(page));
        Ok(match links {
            Some(links) => answer.with("link", links),
            None => answer,
        })
    }

    /// One page of a list that stands inside an object, beside its whole length.
    pub(super) fn page_in(&self, name: &str, items: Vec<Value>) -> Reply {
        let total = items.len();
        let (page, links) = self.cut(items);
        let mut object = serde_json::Map::from_iter([("total_count".to_owned(), total.into())]);
        object.insert(name.to_owned(), Value::Array(page));
        let answer = Answer::json(200, &Value::Object(object));
        Ok(match links {
            Some(links) => answer.with("link", links),
            None => answer,
        })
    }

    fn cut(&self, items: Vec<Value>) -> (Vec<Value>, Option<String>) {
        let number = |name| self.call.query(name).and_then(|value| value.parse::<usize>().ok()).filter(|n| *n > 0);
        let per_page = number("per_page").unwrap_or(30).min(100);
        let page = number("page").unwrap_or(1);
        let last = items.len().div_ceil(per_page).max(1);
        let mut links = Vec::new();
        if page > 1 {
            links.push((page.saturating_sub(1).min(last), "prev"));
        }
        if page < last {
            links.push((page + 1, "next"));
            links.push((last, "last"));
        }
        if page > 1 {
            links.push((1, "first"));
        }
        let links: Vec<_> = links.into_iter().map(|(to, rel)| format!("<{}>; rel=\"{rel}\"", self.link(to))).collect();
        let items = items.into_iter().skip(per_page.saturating_mul(page - 1)).take(per_page).collect();
        (items, (!links.is_empty()).then(|| links.join(", ")))
    }

    /// This request's address for another page; like GitHub's, it names the repository by its id.
    fn link(&self, page: usize) -> String {
        let rest = match self.call.path.first().map(String::as_str) {
            Some("repos") => &self.call.path[3..],
            _ => &self.call.path[2..],
        };
        let query: String = self
            .call
            .query
            .iter()
            .filter(|(name, _)| name != "page")
            .map(|(name, value)| format!("{}={}&", encode(name), encode(value)))
            .collect();
        let path: String = rest.iter().map(|part| format!("/{}", encode(part))).collect();
        format!("{}/repositories/{}{path}?{query}page={page}", self.world.base, self.repository().id)
    }
}
