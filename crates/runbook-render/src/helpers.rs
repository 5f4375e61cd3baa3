//! The helpers that templates may call. Each escapes what it is given for the dialect it is registered for.
//!
//! | helper | writes |
//! | --- | --- |
//! | `{{code text}}` | a code span |
//! | `{{link text url}}` | a link; only the text when the address is not one of the web |
//! | `{{fence text}}` | a block of shell commands to copy (Markdown only) |
//! | `{{commented text}}` | the same, every line a comment: nothing to copy (Markdown only) |
//! | `{{#if name}}`, `{{#unless name}}` | as in handlebars, but a misspelt name is an error |

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderErrorReason, Renderable,
};
use serde_json::Value;

use crate::{escape, templates::Dialect};

/// Registers the helpers of one dialect.
pub(crate) fn register(registry: &mut Handlebars<'_>, dialect: Dialect) {
    registry.register_helper("if", Box::new(StrictIf { wanted: true }));
    registry.register_helper("unless", Box::new(StrictIf { wanted: false }));
    let mut add = |name, write| registry.register_helper(name, Box::new(TextHelper { name, write }));
    match dialect {
        Dialect::Markdown => {
            add("code", Write::One(escape::markdown_code));
            add(
                "link",
                Write::Two(|text, url| linked(escape::markdown(text), url, |text, url| format!("[{text}]({url})"))),
            );
            add("fence", Write::One(|text| escape::fence(text, "bash")));
            add("commented", Write::One(|text| escape::fence(&escape::commented(text), "bash")));
        }
        Dialect::Slack => {
            add("code", Write::One(escape::slack_code));
            // The sign that parts address from text in Slack's links cannot stand in the text.
            add(
                "link",
                Write::Two(|text, url| {
                    linked(escape::slack(text).replace('|', "¦"), url, |text, url| {
                        format!("<{}|{text}>", url.replace('&', "&amp;"))
                    })
                }),
            );
        }
        Dialect::Discord => {
            add("code", Write::One(escape::discord_code));
            add(
                "link",
                Write::Two(|text, url| linked(escape::discord(text), url, |text, url| format!("[{text}]({url})"))),
            );
        }
        Dialect::Html => {
            add("code", Write::One(|text| format!("<code>{}</code>", escape::html(text))));
            add(
                "link",
                Write::Two(|text, url| {
                    linked(escape::html(text), url, |text, url| {
                        format!("<a href=\"{}\" rel=\"noopener noreferrer\">{text}</a>", escape::html(url))
                    })
                }),
            );
        }
    }
}

/// The link, or only its text when the address is not one of the web.
fn linked(text: String, address: &str, link: impl Fn(&str, &str) -> String) -> String {
    match escape::web_url(address) {
        Some(url) => link(&text, &url),
        None => text,
    }
}

/// How a helper writes its parameters, all of which are strings.
#[derive(Debug, Clone, Copy)]
enum Write {
    One(fn(&str) -> String),
    Two(fn(&str, &str) -> String),
}

/// A helper that writes what its function makes of its parameters. A missing one, or one that is no text, is an error.
#[derive(Debug)]
struct TextHelper {
    name: &'static str,
    write: Write,
}

impl HelperDef for TextHelper {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let param = |index| {
            let param = helper.param(index).ok_or(RenderErrorReason::ParamNotFoundForIndex(self.name, index))?;
            match param.value() {
                Value::String(text) => Ok(text.as_str()),
                _ if param.is_value_missing() => {
                    Err(RenderErrorReason::MissingVariable(param.relative_path().cloned()))
                }
                _ => Err(RenderErrorReason::InvalidParamType("text")),
            }
        };
        let text = match self.write {
            Write::One(write) => write(param(0)?),
            Write::Two(write) => write(param(0)?, param(1)?),
        };
        out.write(&text)?;
        Ok(())
    }
}

/// `if` and `unless` as handlebars has them, except that they do not take a misspelt name for "no".
#[derive(Debug)]
pub(crate) struct StrictIf {
    pub(crate) wanted: bool,
}

impl HelperDef for StrictIf {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let param = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex("if", 0))?;
        if param.is_value_missing() {
            return Err(RenderErrorReason::MissingVariable(param.relative_path().cloned()).into());
        }
        let holds = match param.value() {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(_) => true,
        };
        let branch = if holds == self.wanted { helper.template() } else { helper.inverse() };
        branch.map_or(Ok(()), |template| template.render(registry, context, render, out))
    }
}
