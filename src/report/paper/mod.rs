//! Our runs beside published numbers: `runner results --paper sc09`.
//!
//! The numbers stand in `published.toml`, with where they come from. Ours are those of the experiments that ask the same, repetitions as one
//! row, each with what keeps it from being compared: another corpus, a shorter training, an unfinished one. Start at [`Paper::named`].

use std::collections::BTreeMap;

use polars::prelude::{Column, DataFrame};
use serde::Deserialize;

use super::column::Cell;
use super::error::ReportError;
use super::load::Run;
use super::query::is_like;
use super::spread::{COUNT, DEVIATION, Moments};
use super::table::{Table, series};
use crate::record::{Leaf, RunState, leaf, units};

const PUBLISHED: &str = include_str!("published.toml");
/// Where the corpora lie that come with the program: parts of none that was published.
const BUNDLED: &str = "corpora/";

/// A table that was published.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paper {
    pub name: String,
    pub title: String,
    pub source: String,
    /// What its numbers were measured on.
    pub corpus: String,
    updates: Option<u64>,
    experiments: Vec<String>,
    metrics: Vec<String>,
    row: Vec<Published>,
}

/// A published model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Published {
    system: String,
    experiment: Option<String>,
    params: Option<u64>,
    /// Read in the paper itself.
    #[serde(default = "yes")]
    confirmed: bool,
    #[serde(default)]
    remark: String,
    values: BTreeMap<String, f64>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Papers {
    paper: Vec<Paper>,
}

impl Paper {
    /// All that are known.
    ///
    /// # Errors
    /// The file that comes with the program is damaged.
    pub fn all() -> Result<Vec<Self>, ReportError> {
        let papers: Papers =
            toml::from_str(PUBLISHED).map_err(|error| ReportError::Published(error.to_string()))?;
        Ok(papers.paper)
    }

    /// The one called `name`.
    ///
    /// # Errors
    /// There is none.
    pub fn named(name: &str) -> Result<Self, ReportError> {
        let mut papers = Self::all()?;
        match papers.iter().position(|paper| paper.name == name) {
            Some(at) => Ok(papers.swap_remove(at)),
            None => {
                let known = papers.into_iter().map(|paper| paper.name).collect();
                Err(ReportError::UnknownPaper { name: name.into(), known })
            }
        }
    }

    /// Published rows, each with ours of the same kind behind it; then those of ours that have no counterpart.
    ///
    /// # Errors
    /// polars refused.
    pub fn table(&self, runs: &[Run]) -> Result<Table, ReportError> {
        let mut ours = self.ours(runs);
        let mut lines = Vec::new();
        for row in &self.row {
            lines.push(self.published(row));
            let (same, others) =
                ours.into_iter().partition(|group| Some(&group[0].identity.name) == row.experiment.as_ref());
            ours = others;
            let same: Vec<Vec<&Run>> = same;
            lines.extend(same.iter().map(|group| self.line(group)));
        }
        lines.extend(ours.iter().map(|group| self.line(group)));
        let mut columns = vec![
            text("system", lines.iter().map(|line| line.system.as_str())),
            text("from", lines.iter().map(|line| line.from)),
            series("params", &cells(&lines, |line| line.params.map(Cell::Count))),
        ];
        for metric in &self.metrics {
            let value = |line: &Line, part: fn(&Moments) -> Option<f64>| {
                line.values.get(metric).and_then(part).map(Cell::Number)
            };
            columns.push(series(metric, &cells(&lines, |line| value(line, |moments| moments.mean))));
            let name = format!("{metric}{DEVIATION}");
            columns.push(series(&name, &cells(&lines, |line| value(line, |moments| moments.deviation))));
        }
        columns.push(series(COUNT, &cells(&lines, |line| line.runs.map(Cell::Count))));
        columns.push(text("remark", lines.iter().map(|line| line.remark.as_str())));
        Ok(Table { frame: DataFrame::new(lines.len(), columns)? }.without_empty_columns())
    }

    /// Our runs that ask the same, repetitions together.
    fn ours<'a>(&self, runs: &'a [Run]) -> Vec<Vec<&'a Run>> {
        let asks = |run: &&Run| self.experiments.iter().any(|like| is_like(&run.identity.name, like));
        let mut groups: BTreeMap<String, Vec<&Run>> = BTreeMap::new();
        for run in runs.iter().filter(asks) {
            groups.entry(run.identity.group()).or_default().push(run);
        }
        groups.into_values().collect()
    }

    fn published(&self, row: &Published) -> Line {
        let doubt = if row.confirmed { "" } else { "to be confirmed in the paper: " };
        Line {
            system: row.system.clone(),
            from: "published",
            params: row.params,
            values: row
                .values
                .iter()
                .map(|(name, value)| (name.clone(), Moments::of_values(vec![*value])))
                .collect(),
            runs: None,
            remark: format!("{doubt}{}", row.remark),
        }
    }

    fn line(&self, group: &[&Run]) -> Line {
        let metric = |run: &&Run, name: &String| run.status.as_ref()?.metrics.get(name).copied();
        let moments =
            |name: &String| Moments::of_values(group.iter().filter_map(|run| metric(run, name)).collect());
        Line {
            system: group[0].identity.name.clone(),
            from: "ours",
            params: Some(group[0].identity.params).filter(|&params| params > 0),
            values: self.metrics.iter().map(|name| (name.clone(), moments(name))).collect(),
            runs: Some(group.len() as u64),
            remark: self.remark(group),
        }
    }

    /// What keeps runs of ours from being compared.
    fn remark(&self, group: &[&Run]) -> String {
        let run = group[0];
        let option = |name: &str| run.identity.config.get(name).and_then(leaf);
        let dir = match option("data.dir") {
            Some(Leaf::Text(dir)) => dir,
            _ => String::new(),
        };
        let mut apart = Vec::new();
        apart.extend(run.identity.profile.as_ref().map(|profile| format!("profile {profile}")));
        if dir.starts_with(BUNDLED) || dir.contains(&format!("/{BUNDLED}")) {
            apart.push(format!("corpus {dir}, not {}", self.corpus));
        }
        if let (Some(updates), Some(Leaf::Count(ours))) = (self.updates, option("train.max_steps"))
            && ours < updates
        {
            apart.push(format!("{} of {} updates", units::count(ours), units::count(updates)));
        }
        let finished =
            |run: &&&Run| run.status.as_ref().is_some_and(|status| status.state == RunState::Finished);
        let unfinished = group.len() - group.iter().filter(finished).count();
        if unfinished > 0 {
            apart.push(format!("{unfinished} unfinished"));
        }
        match (apart.is_empty(), dir.is_empty()) {
            (false, _) => format!("not comparable: {}", apart.join(", ")),
            (true, false) => format!("corpus {dir}"),
            (true, true) => String::new(),
        }
    }
}

/// A row of the table.
struct Line {
    system: String,
    from: &'static str,
    params: Option<u64>,
    values: BTreeMap<String, Moments>,
    runs: Option<u64>,
    remark: String,
}

fn cells(lines: &[Line], cell: impl Fn(&Line) -> Option<Cell>) -> Vec<Option<Cell>> {
    lines.iter().map(cell).collect()
}

fn text<'a>(name: &str, texts: impl Iterator<Item = &'a str>) -> Column {
    let cells: Vec<Option<Cell>> =
        texts.map(|text| (!text.is_empty()).then(|| Cell::Text(text.to_owned()))).collect();
    series(name, &cells)
}
