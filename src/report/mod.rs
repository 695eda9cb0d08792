//! What does it mean? Runs, side by side.
//!
//! [`load`] reads the small files of many run folders, by an index of them; a [`Query`] says which runs and columns, and a [`Table`] shows
//! them as text, Markdown, LaTeX, CSV, JSON or Parquet; a [`Paper`] lays them beside published numbers; a [`page::Page`] tells all of them in one
//! file of HTML. Frames are polars; how numbers are said is `record::units`. Not for: writing run folders
//! (`record`), printing (`cli`). Start at [`load`], [`Query::table`] and [`Table::comparison`].

mod column;
mod condition;
mod error;
mod folds;
mod index;
mod latex;
mod load;
pub mod page;
mod paper;
mod parquet;
mod query;
mod render;
mod spare;
mod spread;
mod table;
#[cfg(test)]
mod tests;
mod usual;

pub use condition::Condition;
pub use error::ReportError;
pub use load::{Loaded, Run, load, load_dirs, load_run};
pub use paper::Paper;
pub use query::{Group, Query, is_like};
pub use spare::{Spare, Spared, Why};
pub use table::Table;
