//! What does it mean? Runs, side by side.
//!
//! [`load`] reads the small files of many run folders, a [`Query`] says which runs and columns, and a [`Table`] shows them as
//! text, Markdown, CSV or JSON; a [`page::Page`] tells all of them in one file of HTML. Frames are polars; how numbers are said is `record::units`. Not for: writing run folders
//! (`record`), printing (`cli`). Start at [`load`], [`Query::table`] and [`Table::comparison`].

mod column;
mod error;
mod load;
pub mod page;
mod query;
mod render;
mod spread;
mod table;
#[cfg(test)]
mod tests;

pub use error::ReportError;
pub use load::{Loaded, Run, load, load_run};
pub use query::{Condition, Query};
pub use table::Table;
