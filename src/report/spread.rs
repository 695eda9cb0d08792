//! Runs that are repetitions of each other, as one row: mean and standard deviation over seeds, for example.

use polars::prelude::{Column, DataFrame, NamedFrom, Series};

use super::column::Cell;
use super::error::ReportError;
use super::table::{Table, cell_at};

/// Behind the name of a column, its standard deviation's: `test/wer sd`.
pub(super) const DEVIATION: &str = " sd";
/// How many runs a row stands for.
pub(super) const COUNT: &str = "runs";

/// What tells every run from every other: such a column would keep all of them apart.
const OF_ONE_RUN: [&str; 7] = ["run", "id", "dir", "cause", "started", "finished", "host"];
/// Numbers that are measured, like the metrics; all others are part of what was asked.
const MEASURED: [&str; 3] = ["secs_per_step", "peak_bytes", "wall_secs"];

impl Table {
    /// The rows that agree in everything asked but `over`, as one: measured numbers as their mean, with the sample standard deviation
    /// in a column beside. Rows keep the order of their first run.
    ///
    /// # Errors
    /// polars refused.
    pub(super) fn spread(&self, over: &str) -> Result<Table, ReportError> {
        let columns = self.frame.columns();
        let names = |name: &str| name == over || OF_ONE_RUN.contains(&name);
        let (measured, asked): (Vec<&Column>, Vec<&Column>) = columns
            .iter()
            .filter(|column| !names(column.name()))
            .partition(|column| is_measured(column.name()));
        let groups = groups(&asked, self.height());
        let firsts: Vec<usize> = groups.iter().map(|rows| rows[0]).collect();
        let mut made = Vec::new();
        for column in columns.iter().filter(|column| !names(column.name())) {
            if asked.iter().any(|other| other.name() == column.name()) {
                made.push(taken(column, &firsts));
            }
        }
        let counts: Vec<u64> = groups.iter().map(|rows| rows.len() as u64).collect();
        made.push(Series::new(COUNT.into(), counts).into());
        for column in measured {
            let (means, deviations): (Vec<Option<f64>>, Vec<Option<f64>>) =
                groups.iter().map(|rows| moments(column, rows)).unzip();
            made.push(Series::new(column.name().clone(), means).into());
            let name = format!("{}{DEVIATION}", column.name());
            made.push(Series::new(name.into(), deviations).into());
        }
        Ok(Table { frame: DataFrame::new(groups.len(), made)? })
    }
}

fn is_measured(name: &str) -> bool {
    name.contains('/') || MEASURED.contains(&name)
}

/// Row numbers that agree in all of `columns`.
fn groups(columns: &[&Column], height: usize) -> Vec<Vec<usize>> {
    let mut groups: Vec<(Vec<Option<Cell>>, Vec<usize>)> = Vec::new();
    for row in 0..height {
        let key: Vec<Option<Cell>> = columns.iter().map(|column| cell_at(column, row)).collect();
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    groups.into_iter().map(|(_, rows)| rows).collect()
}

/// The values of these rows.
fn taken(column: &Column, rows: &[usize]) -> Column {
    let cells: Vec<Option<Cell>> = rows.iter().map(|&row| cell_at(column, row)).collect();
    super::table::series(column.name(), &cells)
}

/// Mean and sample standard deviation of the values there are; no deviation of a single one.
fn moments(column: &Column, rows: &[usize]) -> (Option<f64>, Option<f64>) {
    let value = |row: &usize| match cell_at(column, *row)? {
        Cell::Number(number) => Some(number),
        Cell::Count(count) => Some(count as f64),
        Cell::Text(_) => None,
    };
    let values: Vec<f64> = rows.iter().filter_map(value).collect();
    let count = values.len() as f64;
    if values.is_empty() {
        return (None, None);
    }
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (Some(mean), (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()))
}
