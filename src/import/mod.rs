//! What would their command mean here?
//!
//! Reads command lines of the papers' own programs, from an argument, a shell recipe or a README, and says them as experiments, or tells
//! what they ask for that does not exist here. It executes nothing. Not for: whether the experiment is sound (`plan`), or writing files.
//! Start at [`import`]; the tables of every program's flags are in `scripts/`, and `explain` and `docs/import.md` are made of them.

mod argparse;
mod cald;
mod call;
mod expand;
mod experiment;
mod flag;
mod found;
mod hparams;
mod infer;
mod lexer;
mod markdown;
mod names;
mod page;
mod parser;
mod patches;
mod paths;
mod problem;
mod published;
mod recipe;
mod scripts;
mod settings;
mod sound;
mod value;
mod word;

#[cfg(test)]
mod tests;

pub use experiment::{Evaluation, Import, Imported};
pub use flag::{Flag, Here, Script, Style, Takes};
pub use found::{Input, Options, import};
pub use page::{page, table};
pub use problem::CODES;
pub use published::published;
pub use scripts::{script, scripts};
