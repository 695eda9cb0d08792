//! A table of runs: a polars frame, one row a run, and the ways to take a part of it.

use polars::prelude::{AnyValue, Column, DataFrame, NamedFrom, Series, SortMultipleOptions};

use super::column::{Cell, cell};
use super::error::ReportError;
use super::load::Run;

/// Runs by columns. Made by [`super::Query::table`] or [`Table::comparison`]; shown by `to_text`, `to_markdown`,
/// `to_csv`, or as JSON through serde: an array of rows.
#[derive(Debug, Clone)]
pub struct Table {
    pub(super) frame: DataFrame,
}

impl Table {
    /// The table that ends a run: those that worked together, teacher first, and what each is worth.
    ///
    /// # Errors
    /// polars refused.
    pub fn comparison(runs: &[Run]) -> Result<Self, ReportError> {
        const SHOWN: [&str; 10] = [
            "role",
            "run",
            "params",
            "test/wer",
            "test/cer",
            "test/clf_acc",
            "test/clf_joint",
            "secs_per_step",
            "peak_bytes",
            "wall_secs",
        ];
        let runs: Vec<&Run> = runs.iter().collect();
        Ok(Table::of(&runs, SHOWN)?.without_empty_columns())
    }

    /// All `runs`, in order, with these columns; one that no run has is empty.
    ///
    /// # Errors
    /// A column is named twice.
    pub(super) fn of<'a>(
        runs: &[&Run],
        columns: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, ReportError> {
        let columns = columns.into_iter().map(|name| {
            let cells: Vec<Option<Cell>> = runs.iter().map(|run| cell(run, name)).collect();
            series(name, &cells)
        });
        Ok(Table { frame: DataFrame::new(runs.len(), columns.collect())? })
    }

    /// The rows sorted by a column; rows without a value come last.
    ///
    /// # Errors
    /// There is no such column: one that means nothing of a group, for example.
    pub(super) fn sorted(&self, column: &str, descending: bool) -> Result<Self, ReportError> {
        let options = SortMultipleOptions::default()
            .with_order_descending(descending)
            .with_nulls_last(true)
            .with_maintain_order(true);
        Ok(Table { frame: self.frame.sort([column], options)? })
    }

    /// The columns that have a value in at least one row.
    #[must_use]
    pub fn without_empty_columns(&self) -> Self {
        let full = self.frame.columns().iter().filter(|column| column.null_count() < column.len());
        // The columns come from a frame, so they are of one height and differently named.
        let frame = DataFrame::new(self.frame.height(), full.cloned().collect());
        Table { frame: frame.unwrap_or_else(|_| self.frame.clone()) }
    }

    /// All columns but these; one that is not there is no matter.
    pub(super) fn without(&self, names: &[String]) -> Self {
        let kept = self
            .frame
            .columns()
            .iter()
            .filter(|column| !names.iter().any(|name| name == column.name().as_str()));
        let frame = DataFrame::new(self.frame.height(), kept.cloned().collect());
        Table { frame: frame.unwrap_or_else(|_| self.frame.clone()) }
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.frame.height()
    }
}

/// Numbers where all cells are numbers, whole ones where all are whole; else text.
pub(super) fn series(name: &str, cells: &[Option<Cell>]) -> Column {
    let each = |kind: fn(&Cell) -> bool| cells.iter().flatten().all(kind);
    let series = if each(|cell| matches!(cell, Cell::Count(_))) {
        let count = |cell: &Option<Cell>| match cell {
            Some(Cell::Count(value)) => Some(*value),
            _ => None,
        };
        Series::new(name.into(), cells.iter().map(count).collect::<Vec<_>>())
    } else if each(|cell| !matches!(cell, Cell::Text(_))) {
        let number = |cell: &Option<Cell>| match cell {
            Some(Cell::Count(value)) => Some(*value as f64),
            Some(Cell::Number(value)) => Some(*value),
            _ => None,
        };
        Series::new(name.into(), cells.iter().map(number).collect::<Vec<_>>())
    } else {
        let text = |cell: &Cell| match cell {
            Cell::Text(text) => text.clone(),
            Cell::Count(value) => value.to_string(),
            Cell::Number(value) => value.to_string(),
        };
        Series::new(name.into(), cells.iter().map(|cell| cell.as_ref().map(text)).collect::<Vec<_>>())
    };
    series.into()
}

/// The value in a row of a frame's column.
pub(super) fn cell_at(column: &Column, row: usize) -> Option<Cell> {
    let value = column.get(row).ok()?;
    match value {
        AnyValue::UInt64(count) => Some(Cell::Count(count)),
        AnyValue::Float64(number) => Some(Cell::Number(number)),
        // Owned or borrowed: polars keeps a column of one row otherwise than a longer one.
        _ => value.get_str().map(|text| Cell::Text(text.to_owned())),
    }
}
