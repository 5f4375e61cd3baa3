//! The demo: `world` is what a story happens in, `story` what happens, `document` what is told of it, and `tell` tells
//! the stories one after another.

mod document;
mod story;
mod tell;
mod world;

pub(crate) use tell::run;
