//! Escapers: outside text becomes plain text of the place it goes to, one file per place.
//!
//! Every escaper takes text that nobody trusts and gives back text that is shown as it is: it formats nothing, links
//! nothing, notifies nobody and ends no construct around it. All of them start from [`line()`], so what they give is one
//! line without control or invisible characters. Escape once, as late as possible, and shorten before, never after.
//!
//! ```
//! use runbook_render::escape;
//!
//! assert_eq!(escape::html("<b>&"), "&lt;b&gt;&amp;");
//! assert_eq!(escape::slack("<!channel>"), "&lt;!channel&gt;");
//! assert_eq!(escape::markdown("a|b"), r"a\|b");
//! assert_eq!(escape::line("one\r\n  two\u{202e}"), "one two\u{fffd}");
//! ```

mod discord;
mod fence;
mod html;
mod line;
mod markdown;
mod slack;
mod url;

pub use discord::{discord, discord_code};
pub use fence::{commented, fence, fenced_json};
pub use html::html;
pub use line::line;
pub use markdown::{markdown, markdown_code};
pub use slack::{slack, slack_code};
pub use url::web_url;

/// Stands after a sign that would call somebody (`@`, `#1`): nobody sees it, and no place reads a name across it.
pub(crate) const ZERO_WIDTH_SPACE: char = '\u{200b}';
