//! Which runs, which columns, in what order.

use std::cmp::Ordering;
use std::str::FromStr;

use polars::prelude::{BooleanChunked, NamedFrom};

use super::column::{Cell, is_column, known_columns};
use super::error::ReportError;
use super::load::Run;
use super::table::{Table, cell_at};

/// The columns of a query that names none, as far as any run has a value there.
const USUAL: [&str; 15] = [
    "name",
    "id",
    "role",
    "state",
    "step",
    "params",
    "test/wer",
    "test/cer",
    "test/clf_acc",
    "test/clf_joint",
    "dev/wer",
    "dev/cer",
    "secs_per_step",
    "peak_bytes",
    "wall_secs",
];

/// A question about runs. The default one asks for all of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Only runs whose folder name contains this.
    pub pattern: Option<String>,
    /// Only runs that meet all of these.
    pub conditions: Vec<Condition>,
    /// These columns; where empty, the usual ones that have values.
    pub columns: Vec<String>,
    /// With the usual columns, these too: after the run's name, as far as any run has a value there.
    pub leading: Vec<String>,
    /// Runs that differ in this column alone are one row, with mean and standard deviation.
    pub over: Option<String>,
    /// Sorted by this column, smallest first; runs without a value come last.
    pub sort: Option<String>,
    /// Largest first.
    pub descending: bool,
    /// At most so many.
    pub top: Option<usize>,
}

impl Query {
    /// The answer.
    ///
    /// # Errors
    /// A column is named that no run has.
    pub fn table(&self, runs: &[Run]) -> Result<Table, ReportError> {
        self.check_columns(runs)?;
        let asked = |run: &&Run| self.pattern.as_ref().is_none_or(|part| folder_name(run).contains(part));
        let runs: Vec<&Run> = runs.iter().filter(asked).collect();
        let shown: Vec<&str> = match self.columns.is_empty() {
            true => self.usual(),
            false => self.columns.iter().map(String::as_str).collect(),
        };
        // What is asked about need not be shown.
        let mut needed = shown.clone();
        needed.extend(self.named().filter(|name| !shown.contains(name)));
        needed.sort_unstable();
        needed.dedup();
        let mut table = Table::of(&runs, needed)?;
        for condition in &self.conditions {
            table = condition.apply(&table)?;
        }
        // Rows become fewer before they are sorted: by their means, that is.
        let sort = self.sort.as_deref();
        if let Some(over) = &self.over {
            let kept = shown.iter().chain(&sort).copied().filter(|name| table.frame.column(name).is_ok());
            let mut kept: Vec<&str> = kept.chain([over.as_str()]).collect();
            kept.sort_unstable_by_key(|name| shown.iter().position(|other| other == name));
            kept.dedup();
            table = Table { frame: table.frame.select(kept)? }.spread(over)?;
        }
        if let Some(column) = sort {
            table = table.sorted(column, self.descending)?;
        }
        let frame = table.frame.head(Some(self.top.unwrap_or(usize::MAX)));
        let table = match self.over {
            Some(_) => Table { frame },
            None => Table { frame: frame.select(shown)? },
        };
        Ok(if self.columns.is_empty() { table.without_empty_columns() } else { table })
    }

    /// The usual columns, with those that tell these runs apart behind the first two.
    fn usual(&self) -> Vec<&str> {
        let (who, what) = USUAL.split_at(2);
        let leading = self.leading.iter().map(String::as_str).filter(|name| !USUAL.contains(name));
        who.iter().copied().chain(leading).chain(what.iter().copied()).collect()
    }

    /// Columns that are named to sort or to choose.
    fn named(&self) -> impl Iterator<Item = &str> {
        let conditions = self.conditions.iter().map(|condition| condition.column.as_str());
        conditions.chain(self.sort.as_deref()).chain(self.over.as_deref())
    }

    fn check_columns(&self, runs: &[Run]) -> Result<(), ReportError> {
        let mut named = self.columns.iter().map(String::as_str).chain(self.named());
        match named.find(|name| !USUAL.contains(name) && !is_column(runs, name)) {
            Some(name) => Err(ReportError::UnknownColumn { name: name.into(), known: known_columns(runs) }),
            None => Ok(()),
        }
    }
}

fn folder_name(run: &Run) -> String {
    run.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// `column OPERATOR value`: `test/wer<0.1`, `state=finished`.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    column: String,
    operator: Operator,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Longer spellings first: `<=` begins with `<`.
const OPERATORS: [(&str, Operator); 6] = [
    ("!=", Operator::Unequal),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl Operator {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Operator::Equal => order.is_eq(),
            Operator::Unequal => order.is_ne(),
            Operator::Less => order.is_lt(),
            Operator::LessOrEqual => order.is_le(),
            Operator::Greater => order.is_gt(),
            Operator::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl FromStr for Condition {
    type Err = ReportError;

    fn from_str(text: &str) -> Result<Self, ReportError> {
        let found = OPERATORS.iter().filter_map(|(spelling, operator)| {
            let place = text.find(spelling)?;
            Some((place, spelling.len(), *operator))
        });
        // The leftmost; of two there the longer, which the list has first.
        let found = found.min_by_key(|(place, len, _)| (*place, usize::MAX - len));
        let condition = found.map(|(place, len, operator)| Condition {
            column: text[..place].trim().to_owned(),
            operator,
            value: text[place + len..].trim().to_owned(),
        });
        condition
            .filter(|condition| !condition.column.is_empty() && !condition.value.is_empty())
            .ok_or_else(|| ReportError::Condition { text: text.to_owned() })
    }
}

impl Condition {
    /// The rows that meet it. A row without a value meets none; numbers are compared as numbers, text as text.
    fn apply(&self, table: &Table) -> Result<Table, ReportError> {
        let column = table.frame.column(&self.column)?;
        let mut mask = Vec::with_capacity(column.len());
        for row in 0..column.len() {
            let order = cell_at(column, row).and_then(|cell| self.compare(&cell));
            mask.push(order.is_some_and(|order| self.operator.holds(order)));
        }
        let mask = BooleanChunked::new("".into(), mask);
        Ok(Table { frame: table.frame.filter(&mask)? })
    }

    fn compare(&self, cell: &Cell) -> Option<Ordering> {
        let asked = || self.value.parse::<f64>().ok();
        match cell {
            Cell::Text(text) => Some(text.as_str().cmp(&self.value)),
            Cell::Count(count) => (*count as f64).partial_cmp(&asked()?),
            Cell::Number(number) => number.partial_cmp(&asked()?),
        }
    }
}
