//! Runs that repeat each other, as one row: mean and standard deviation over seeds, for example.

use std::collections::HashMap;

use polars::prelude::{Column, DataFrame, NamedFrom, Series};

use super::column::{Cell, is_measured};
use super::error::ReportError;
use super::table::{Table, cell_at};

/// Behind the name of a column, its sample standard deviation's: `test/wer sd`.
pub(super) const DEVIATION: &str = " sd";
/// Behind the name of a column, its smallest value's.
pub(super) const LEAST: &str = " min";
/// Behind the name of a column, how many of the row's runs have a value.
pub(super) const VALUES: &str = " n";
/// How many runs a row stands for.
pub(super) const COUNT: &str = "n";

/// What tells every run from every other, and means nothing of several.
const OF_ONE_RUN: [&str; 7] = ["run", "id", "dir", "cause", "started", "finished", "host"];

impl Table {
    /// Rows of one key as one row. Measured numbers become their mean, with columns beside for deviation, smallest value and how many
    /// there are; of anything else the one value that all have, or what there is (`2 finished, 1 running`, `3 values`). Rows keep the
    /// order of their first run.
    ///
    /// # Errors
    /// polars refused.
    pub(super) fn grouped(&self, keys: &[String]) -> Result<Table, ReportError> {
        let groups = groups(keys);
        let columns =
            self.frame.columns().iter().filter(|column| !OF_ONE_RUN.contains(&column.name().as_str()));
        let (measured, asked): (Vec<&Column>, Vec<&Column>) =
            columns.partition(|column| is_measured(column.name()));
        let mut made: Vec<Column> = asked.into_iter().map(|column| agreed(column, &groups)).collect();
        let counts: Vec<u64> = groups.iter().map(|rows| rows.len() as u64).collect();
        made.push(Series::new(COUNT.into(), counts).into());
        for column in measured {
            let moments: Vec<Moments> = groups.iter().map(|rows| Moments::of(column, rows)).collect();
            let numbers = |behind: &str, value: fn(&Moments) -> Option<f64>| -> Column {
                let values: Vec<Option<f64>> = moments.iter().map(value).collect();
                Series::new(format!("{}{behind}", column.name()).into(), values).into()
            };
            made.push(numbers("", |moments| moments.mean));
            made.push(numbers(DEVIATION, |moments| moments.deviation));
            made.push(numbers(LEAST, |moments| moments.least));
            let counts: Vec<u64> = moments.iter().map(|moments| moments.count).collect();
            made.push(Series::new(format!("{}{VALUES}", column.name()).into(), counts).into());
        }
        Ok(Table { frame: DataFrame::new(groups.len(), made)? })
    }
}

/// Row numbers by key.
fn groups(keys: &[String]) -> Vec<Vec<usize>> {
    let mut places = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (row, key) in keys.iter().enumerate() {
        let place = *places.entry(key).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(row);
    }
    groups
}

/// A column that is not measured, by group.
fn agreed(column: &Column, groups: &[Vec<usize>]) -> Column {
    let cells: Vec<Option<Cell>> = groups.iter().map(|rows| common(column, rows)).collect();
    super::table::series(column.name(), &cells)
}

/// The value that all rows have, or how many values there are.
fn common(column: &Column, rows: &[usize]) -> Option<Cell> {
    let mut values: Vec<(Option<Cell>, usize)> = Vec::new();
    for cell in rows.iter().map(|&row| cell_at(column, row)) {
        match values.iter_mut().find(|(value, _)| *value == cell) {
            Some((_, count)) => *count += 1,
            None => values.push((cell, 1)),
        }
    }
    if values.len() == 1 {
        return values.pop()?.0;
    }
    let said: Vec<String> = values
        .iter()
        .filter_map(|(value, count)| match value {
            Some(Cell::Text(text)) => Some(format!("{count} {text}")),
            _ => None,
        })
        .collect();
    let states = column.name() == "state" && said.len() == values.len();
    Some(Cell::Text(if states { said.join(", ") } else { format!("{} values", values.len()) }))
}

/// What is known of a number over the runs that have it.
pub(super) struct Moments {
    pub count: u64,
    pub mean: Option<f64>,
    /// Sample standard deviation; none of a single value.
    pub deviation: Option<f64>,
    pub least: Option<f64>,
}

impl Moments {
    fn of(column: &Column, rows: &[usize]) -> Self {
        let value = |row: &usize| match cell_at(column, *row)? {
            Cell::Number(number) => Some(number),
            Cell::Count(count) => Some(count as f64),
            Cell::Text(_) => None,
        };
        Self::of_values(rows.iter().filter_map(value).collect())
    }

    /// Those of `values`.
    pub fn of_values(values: Vec<f64>) -> Self {
        let count = values.len() as f64;
        let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / count);
        let squares = |mean: f64| values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let deviation = mean.filter(|_| values.len() > 1).map(|mean| (squares(mean) / (count - 1.0)).sqrt());
        Moments { count: values.len() as u64, mean, deviation, least: values.into_iter().reduce(f64::min) }
    }
}
