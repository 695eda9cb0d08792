//! Which runs, which columns, in what order.
//!
//! [`Query::table`] answers in four steps: names are completed, runs chosen, columns chosen (`usual.rs` where none are named), and the
//! frame that comes of it is grouped, sorted and cut.

use super::column::{Names, cell, is_measured};
use super::condition::Condition;
use super::error::ReportError;
use super::folds::{self, FOLDS};
use super::load::Run;
use super::spread::{COUNT, DEVIATION, LEAST, VALUES};
use super::table::Table;
use super::usual::Usual;

/// A question about runs. The default one asks for all of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Only runs whose folder name is like one of these: contains it, or all of it is so where it has a `*` or `?`.
    pub patterns: Vec<String>,
    /// Only runs that meet all of these.
    pub conditions: Vec<Condition>,
    /// These columns; where empty, what differs and what came out.
    pub columns: Vec<String>,
    /// Where no columns are named, these as what differs; where empty too, what does.
    pub leading: Vec<String>,
    /// All that differs, not only as much as can be read.
    pub wide: bool,
    /// Several runs become one row.
    pub group: Option<Group>,
    /// Sorted by this column, smallest first; runs without a value come last.
    pub sort: Option<String>,
    /// Largest first.
    pub descending: bool,
    /// At most so many.
    pub top: Option<usize>,
}

/// Which runs are one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Group {
    /// Those that differ in the seed alone.
    Repetitions,
    /// Those that agree in these columns.
    By(Vec<String>),
    /// Those that agree in all but these options, and those that go with them: folds.
    Across(Vec<String>),
}

impl Query {
    /// The answer.
    ///
    /// # Errors
    /// A column is named that no run has, or that several could be.
    pub fn table(&self, runs: &[Run]) -> Result<Table, ReportError> {
        let query = self.completed(runs)?;
        let mut chosen = query.chosen(runs);
        let keys = query.keys(&chosen);
        let judged = match (&query.group, &keys) {
            (Some(Group::Across(_)), Some(keys)) => folds::judged(&chosen, keys)?,
            _ => Vec::new(),
        };
        if !judged.is_empty() {
            chosen = judged.iter().collect();
        }
        let shown = query.shown(&chosen, keys.as_deref());
        let sort = query.sort.as_deref();
        // What is sorted by need not be shown.
        let unseen = sort.filter(|sort| !shown.iter().any(|name| name == sort) && *sort != COUNT);
        let mut table = Table::of(&chosen, shown.iter().map(String::as_str).chain(unseen))?;
        // Rows become fewer before they are sorted: by their means, that is.
        if let Some(keys) = &keys {
            table = table.grouped(keys)?;
        }
        if let Some(column) = sort {
            table = table.sorted(column, query.descending)?;
        }
        table = Table { frame: table.frame.head(Some(query.top.unwrap_or(usize::MAX))) };
        if let Some(unseen) = unseen {
            let behind = ["", DEVIATION, LEAST, VALUES].map(|behind| format!("{unseen}{behind}"));
            table = table.without(&behind);
        }
        Ok(if query.columns.is_empty() { table.without_empty_columns() } else { table })
    }

    /// The runs that are asked for, in no table.
    ///
    /// # Errors
    /// A column is named that no run has, or that several could be.
    pub fn choose(&self, runs: &[Run]) -> Result<Vec<Run>, ReportError> {
        Ok(self.completed(runs)?.chosen(runs).into_iter().cloned().collect())
    }

    /// Options that differ between these runs and are not among the columns of [`Query::table`], because they are too many.
    ///
    /// # Errors
    /// As [`Query::table`].
    pub fn unshown(&self, runs: &[Run]) -> Result<Vec<String>, ReportError> {
        let query = self.completed(runs)?;
        let chosen = query.chosen(runs);
        Ok(query.usual(&chosen, query.keys(&chosen).as_deref()).unshown)
    }

    /// The same question with the full name of each column.
    fn completed(&self, runs: &[Run]) -> Result<Self, ReportError> {
        let grouped = self.group.is_some();
        let of_folds = |name: &str| {
            matches!(self.group, Some(Group::Across(_))) && FOLDS.iter().any(|split| name.starts_with(split))
        };
        let names = Names::of(runs);
        let complete = |name: &String| match grouped && name == COUNT || of_folds(name) {
            true => Ok(name.clone()),
            false => names.full(name),
        };
        let all = |names: &[String]| names.iter().map(complete).collect::<Result<Vec<_>, _>>();
        let condition = |condition: &Condition| Ok(condition.on(names.full(condition.column())?));
        let group = match &self.group {
            Some(Group::By(names)) => Some(Group::By(all(names)?)),
            Some(Group::Across(names)) => Some(Group::Across(all(names)?)),
            other => other.clone(),
        };
        Ok(Query {
            conditions: self.conditions.iter().map(condition).collect::<Result<_, ReportError>>()?,
            columns: all(&self.columns)?,
            sort: self.sort.as_ref().map(complete).transpose()?,
            group,
            ..self.clone()
        })
    }

    fn chosen<'a>(&self, runs: &'a [Run]) -> Vec<&'a Run> {
        let like = |name: &str| {
            self.patterns.is_empty() || self.patterns.iter().any(|pattern| is_like(name, pattern))
        };
        let met = |run: &Run| self.conditions.iter().all(|condition| condition.holds(run));
        runs.iter().filter(|run| like(&run.folder_name()) && met(run)).collect()
    }

    /// What the runs of a row have in common, by run, where several are one row.
    fn keys(&self, runs: &[&Run]) -> Option<Vec<String>> {
        Some(match self.group.as_ref()? {
            Group::Repetitions => runs.iter().map(|run| run.identity.group()).collect(),
            Group::By(names) => runs.iter().map(|run| key(run, names)).collect(),
            Group::Across(options) => folds::keys(runs, options),
        })
    }

    /// Names of the columns, each once.
    fn shown(&self, runs: &[&Run], keys: Option<&[String]>) -> Vec<String> {
        let mut shown = match self.columns.is_empty() {
            true => self.usual(runs, keys).columns,
            false => self.columns.clone(),
        };
        if let Some(Group::By(names)) = &self.group
            && self.columns.is_empty()
        {
            shown.retain(|name| is_measured(name));
            shown.splice(0..0, names.iter().cloned());
        }
        let mut unique: Vec<String> = Vec::new();
        for name in shown.into_iter().filter(|name| name != COUNT) {
            if !unique.contains(&name) {
                unique.push(name);
            }
        }
        unique
    }

    fn usual(&self, runs: &[&Run], keys: Option<&[String]>) -> Usual {
        Usual::of(runs, &self.leading, keys, self.wide)
    }
}

fn key(run: &Run, names: &[String]) -> String {
    let values: Vec<_> = names.iter().map(|name| cell(run, name)).collect();
    format!("{values:?}")
}

/// Whether `name` contains `pattern`, or, with wildcards, is what it describes: `*` for anything, `?` for one character.
pub fn is_like(name: &str, pattern: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return name.contains(pattern);
    }
    let (name, pattern): (Vec<char>, Vec<char>) = (name.chars().collect(), pattern.chars().collect());
    // matches[i]: the pattern so far describes the first i characters.
    let mut matches: Vec<bool> = (0..=name.len()).map(|taken| taken == 0).collect();
    for symbol in pattern {
        let mut next = vec![symbol == '*' && matches[0]; name.len() + 1];
        for (taken, character) in name.iter().enumerate() {
            next[taken + 1] = match symbol {
                '*' => next[taken] || matches[taken + 1],
                '?' => matches[taken],
                _ => matches[taken] && *character == symbol,
            };
        }
        matches = next;
    }
    matches[name.len()]
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn patterns_are_parts_of_names_or_have_wildcards() {
        let name = "tedlium_direct-81dce036";
        let yes = [
            "tedlium",
            "81dce036",
            "tedlium*",
            "*81dce036",
            "t*_d*t-*6",
            "*",
            "tedlium_direct-81dce036",
            "*direct*",
            "tedlium_dir?ct-*",
        ];
        let no = ["slurp", "direct*", "*direct", "tedlium*x*", "tedlium_direct-81dce036*6", "tedlium?"];
        assert_eq!(yes.map(|pattern| is_like(name, pattern)), [true; 9]);
        assert_eq!(no.map(|pattern| is_like(name, pattern)), [false; 6]);
    }
}
