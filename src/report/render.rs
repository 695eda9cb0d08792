//! A table as text, Markdown, CSV and JSON. Text and Markdown are for people, like LaTeX (`latex.rs`): units, headings, `–` where there
//! is nothing. CSV and JSON are for programs, like Parquet (`parquet/`): plain column names, every digit.

use polars::prelude::Column;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::column::{Cell, heading, say_count, say_number, say_text};
use super::spread::{COUNT, DEVIATION, LEAST, VALUES};
use super::table::{Table, cell_at};

impl Table {
    /// Aligned columns with a rule under the headings; numbers to the right. Ends in a newline.
    pub fn to_text(&self) -> String {
        let columns = self.people_columns();
        let mut lines = vec![String::new(); self.height() + 2];
        for (index, column) in columns.iter().enumerate() {
            let gap = if index == 0 { "" } else { "  " };
            let texts = [column.heading.clone(), "─".repeat(column.width)];
            for (line, text) in lines.iter_mut().zip(texts.iter().chain(&column.cells)) {
                line.push_str(gap);
                line.push_str(&column.align(text));
            }
        }
        lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// A Markdown table; numbers to the right.
    pub fn to_markdown(&self) -> String {
        let columns = self.people_columns();
        let line = |texts: Vec<String>| format!("| {} |\n", texts.join(" | "));
        let mut text = line(columns.iter().map(|column| column.align(&escape(&column.heading))).collect());
        let rule = |column: &PeopleColumn| match column.right {
            true => format!("{}:", "-".repeat(column.width.max(2) - 1)),
            false => "-".repeat(column.width),
        };
        text.push_str(&line(columns.iter().map(rule).collect()));
        for row in 0..self.height() {
            text.push_str(&line(
                columns.iter().map(|column| column.align(&escape(&column.cells[row]))).collect(),
            ));
        }
        text
    }

    /// Comma-separated values with a header line (RFC 4180, lines end in a newline alone).
    pub fn to_csv(&self) -> String {
        let line = |texts: Vec<String>| format!("{}\n", texts.join(","));
        let mut text = line(self.frame.columns().iter().map(|column| quote(column.name())).collect());
        for row in 0..self.height() {
            text.push_str(&line(
                self.frame.columns().iter().map(|column| quote(&plain(&value(column, row)))).collect(),
            ));
        }
        text
    }

    pub(super) fn people_columns(&self) -> Vec<PeopleColumn> {
        let columns = self.frame.columns().iter();
        let beside = |column: &&Column| {
            ![DEVIATION, LEAST, VALUES].iter().any(|behind| column.name().ends_with(behind))
        };
        columns.filter(beside).map(|column| self.people_column(column)).collect()
    }

    fn people_column(&self, column: &Column) -> PeopleColumn {
        let other = |name: &str| self.frame.column(name).ok();
        let beside = |behind: &str| other(&format!("{}{behind}", column.name()));
        let count = |column: Option<&Column>, row: usize| match cell_at(column?, row)? {
            Cell::Count(count) => Some(count),
            _ => None,
        };
        let (deviations, values, runs) = (beside(DEVIATION), beside(VALUES), other(COUNT));
        let cells = (0..self.height()).map(|row| {
            let mut text = said(column, row);
            if let Some(Cell::Number(deviation)) = deviations.and_then(|column| cell_at(column, row)) {
                text.push_str(&format!(" ± {}", say_number(column.name(), deviation)));
            }
            // A mean over fewer runs than the row has is said to be.
            match (count(values, row), count(runs, row)) {
                (Some(values), Some(runs)) if 0 < values && values < runs => {
                    text + &format!(" ({values} of {runs})")
                }
                _ => text,
            }
        });
        PeopleColumn::new(heading(column.name()), cells.collect(), column.dtype().is_numeric())
    }
}

/// An array of objects, one a row, keys in the order of the columns.
impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.height()).map(|row| Row { table: self, row }))
    }
}

struct Row<'a> {
    table: &'a Table,
    row: usize,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = self.table.frame.columns().iter();
        serializer.collect_map(columns.map(|column| (column.name().as_str(), value(column, self.row))))
    }
}

/// A column as people read it.
pub(super) struct PeopleColumn {
    pub heading: String,
    pub cells: Vec<String>,
    /// In characters, of its longest text.
    width: usize,
    /// Aligned to the right.
    pub right: bool,
}

impl PeopleColumn {
    fn new(heading: String, cells: Vec<String>, right: bool) -> Self {
        let width = cells.iter().chain([&heading]).map(|text| text.chars().count()).max().unwrap_or(0);
        PeopleColumn { heading, cells, width, right }
    }

    fn align(&self, text: &str) -> String {
        let width = self.width;
        if self.right { format!("{text:>width$}") } else { format!("{text:<width$}") }
    }
}

fn said(column: &Column, row: usize) -> String {
    match cell_at(column, row) {
        Some(Cell::Text(text)) => say_text(text),
        Some(Cell::Count(count)) => say_count(column.name(), count),
        Some(Cell::Number(number)) => say_number(column.name(), number),
        None => "–".into(),
    }
}

fn value(column: &Column, row: usize) -> Value {
    match cell_at(column, row) {
        Some(Cell::Text(text)) => Value::from(text),
        Some(Cell::Count(count)) => Value::from(count),
        Some(Cell::Number(number)) => Value::from(number),
        None => Value::Null,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn quote(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
