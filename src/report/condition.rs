//! `train.max_lr < 1e-3`: what a run has to meet to be in a table.

use std::cmp::Ordering;
use std::str::FromStr;

use super::column::{Cell, cell};
use super::error::ReportError;
use super::load::Run;

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
    /// The same condition on another column.
    pub(super) fn on(&self, column: String) -> Self {
        Condition { column, ..self.clone() }
    }

    pub(super) fn column(&self) -> &str {
        &self.column
    }

    /// Whether a run meets it. One without a value meets none; numbers are compared as numbers, text as text.
    pub(super) fn holds(&self, run: &Run) -> bool {
        let order = cell(run, &self.column).and_then(|cell| self.compare(&cell));
        order.is_some_and(|order| self.operator.holds(order))
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
