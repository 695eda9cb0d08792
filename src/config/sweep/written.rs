//! What the layers of a file say about its sweep, put together: judged, then multiplied out.

use std::sync::Arc;

use super::axis::{Axis, Excluded, Setting, same};
use super::{Point, Sweep};
use crate::config::files::{reason, text_of};
use crate::config::nearest::listed;
use crate::config::problem::{NO_SWEEP, Problem, Problems, UNREADABLE};
use crate::config::source::Source;
use crate::config::tree::{Entry, Table};

/// More points than this are a mistake in the file.
const MOST_POINTS: usize = 10_000;

/// What all layers say about a sweep.
#[derive(Default)]
pub struct Written {
    /// Where the highest of them begins.
    pub whole: Option<(Arc<Source>, Entry)>,
    axes: Vec<Axis>,
    /// Groups of axes that vary together.
    zipped: Vec<Vec<Axis>>,
    seeds: Option<Axis>,
    excluded: Vec<Excluded>,
}

impl Written {
    /// Axes add up, a list replaces the one below it.
    pub fn lay_over(&mut self, source: &Arc<Source>, sweep: &Entry) {
        self.whole = Some((source.clone(), sweep.clone()));
        let Some(table) = sweep.node.table() else { return };
        let axes = table.get("axes").and_then(|entry| entry.node.table());
        for axis in axes.map(|axes| Axis::all(source, axes)).unwrap_or_default() {
            match self.axes.iter_mut().find(|below| below.path == axis.path) {
                Some(below) => *below = axis,
                None => self.axes.push(axis),
            }
        }
        let items = |key: &str| table.get(key).and_then(|entry| entry.node.array());
        if let Some(groups) = items("zip") {
            let tables = groups.iter().filter_map(|group| group.table());
            self.zipped = tables.map(|table: &Table| Axis::all(source, table)).collect();
        }
        if let Some(points) = items("exclude") {
            self.excluded = points.iter().map(|point| Excluded::new(source, point)).collect();
        }
        if let Some(seeds) = table.get("seeds") {
            self.seeds = Some(Axis::seeds(source, seeds));
        }
    }

    fn all(&self) -> impl Iterator<Item = &Axis> {
        self.axes.iter().chain(self.zipped.iter().flatten()).chain(&self.seeds)
    }

    /// The options that vary, each once, in the order in which they are written.
    pub fn paths(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = Vec::new();
        for axis in self.all() {
            if !paths.contains(&axis.path.as_str()) {
                paths.push(&axis.path);
            }
        }
        paths
    }

    /// What is wrong with the axes and with what is left out of them, whatever experiments they make.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for axis in self.all() {
            if seen.contains(&axis.path.as_str()) {
                let problem = axis.problem(format!("`{}` is an axis twice", axis.path));
                problems.push(problem.with_help(match axis.path.as_str() {
                    "run.seed" => "keep `seeds` or `run.seed`".to_owned(),
                    _ => "keep one of them: in `axes`, or in one group of `zip`".to_owned(),
                }));
            }
            seen.push(&axis.path);
            problems.extend(unreadable(axis));
        }
        for axis in self.axes.iter().chain(&self.seeds) {
            problems.extend(repeated(std::slice::from_ref(axis)));
        }
        for group in &self.zipped {
            problems.extend(repeated(group));
            problems.extend(unequal(group));
        }
        problems.extend(self.excluded.iter().flat_map(|excluded| self.misplaced(excluded)));
        problems
    }

    /// What a combination to leave out names that no point has.
    fn misplaced(&self, excluded: &Excluded) -> Vec<Problem> {
        let source = &excluded.source;
        if excluded.values.is_empty() {
            let message = "an empty table in `exclude` would leave every point out".to_owned();
            let problem = source.problem(NO_SWEEP, excluded.span.clone(), "sweep.exclude", message);
            return vec![problem.with_help("name the axes and values to leave out, or take it away")];
        }
        let problem = |(path, entry): &(String, Entry)| {
            let axis = self.all().find(|axis| axis.path == *path);
            let (span, message, help) = match axis {
                None => {
                    let axes = format!("the axes are {}", listed(self.paths()));
                    (&entry.key_span, format!("`{path}` is no axis of this sweep"), axes)
                }
                Some(axis) if axis.values.iter().any(|node| same(&node.value, &entry.node.value)) => {
                    return None;
                }
                Some(axis) => {
                    let values: Vec<String> = axis.values.iter().map(|node| node.value.to_toml()).collect();
                    let values = format!("its values are {}", listed(values.iter().map(String::as_str)));
                    let message = format!("no point has `{path} = {}`", entry.node.value.to_toml());
                    (&entry.node.span, message, values)
                }
            };
            Some(source.problem(NO_SWEEP, span.clone(), path, message).with_help(help))
        };
        excluded.values.iter().filter_map(problem).collect()
    }

    /// Every combination that is not left out.
    pub fn product(self, whole: &(Arc<Source>, Entry)) -> Result<Sweep, Problems> {
        let problem = |message: String| whole.0.problem(NO_SWEEP, whole.1.key_span.clone(), "sweep", message);
        let groups: Vec<Vec<&Axis>> = (self.axes.iter().map(|axis| vec![axis]))
            .chain(self.zipped.iter().map(|group| group.iter().collect()))
            .chain(self.seeds.iter().map(|axis| vec![axis]))
            .filter(|group| !group.is_empty())
            .collect();
        if groups.is_empty() {
            let help =
                "list the values of an option, for example `train.max_lr = [1e-3, 3e-4]` in `[sweep.axes]`";
            return Err(problem("the sweep has no axes".into()).with_help(help).into());
        }
        let length = |group: &Vec<&Axis>| group[0].values.len();
        let count = groups.iter().map(length).fold(1_usize, usize::saturating_mul);
        if count > MOST_POINTS {
            let message = format!("the sweep comes to {count} points; {MOST_POINTS} is the most");
            return Err(problem(message).with_help("shorten an axis, or make several sweeps of it").into());
        }
        let mut points = vec![Point::default()];
        for group in &groups {
            let longer = |point: &Point| -> Vec<Point> {
                let at = |index: usize| group.iter().map(move |axis| axis.setting(index));
                let with =
                    |index| Point { settings: point.settings.iter().cloned().chain(at(index)).collect() };
                (0..length(group)).map(with).collect()
            };
            points = points.iter().flat_map(longer).collect();
        }
        points.retain(|point| !self.excluded.iter().any(|excluded| excluded.takes_out(&point.settings)));
        if points.is_empty() {
            let problem = problem("`exclude` leaves no point of the sweep".into());
            return Err(problem.with_help("take something out of `exclude`").into());
        }
        Ok(Sweep { axes: self.all().cloned().collect(), points })
    }
}

/// Values that an axis lists twice; of axes that vary together, all of them at once.
fn repeated(group: &[Axis]) -> Vec<Problem> {
    let Some(axis) = group.first() else { return Vec::new() };
    let alike = |a: usize, b: usize| {
        group.iter().all(|axis| match (axis.values.get(a), axis.values.get(b)) {
            (Some(a), Some(b)) => same(&a.value, &b.value),
            _ => false,
        })
    };
    let problem = |at: usize| {
        let node = &axis.values[at];
        let message = format!("`{}` lists `{}` twice", axis.path, node.value.to_toml());
        axis.source.problem(NO_SWEEP, node.span.clone(), &axis.path, message).with_help("keep one of them")
    };
    (0..axis.values.len()).filter(|&at| (0..at).any(|before| alike(before, at))).map(problem).collect()
}

/// Experiments that are not there.
fn unreadable(axis: &Axis) -> Vec<Problem> {
    let settings = (0..axis.values.len()).map(|index| axis.setting(index));
    let problem = |setting: Setting| {
        let path = setting.experiment()?;
        let error = text_of(&path).err()?;
        let message = format!("cannot read `{}`: {}", path.display(), reason(&error));
        let problem = setting.source.problem(UNREADABLE, setting.node.span.clone(), &axis.path, message);
        Some(problem.with_help("files of `experiment` are relative to the file they are named in"))
    };
    settings.filter_map(problem).collect()
}

/// Lists of a group that are of another length than its first.
fn unequal(group: &[Axis]) -> Vec<Problem> {
    let Some((first, others)) = group.split_first() else { return Vec::new() };
    let (path, length) = (&first.path, first.values.len());
    let differs = |axis: &&Axis| axis.values.len() != length;
    let problem = |axis: &Axis| {
        let message = format!(
            "`{}` has {} values, but `{path}`, zipped with it, has {length}",
            axis.path,
            axis.values.len()
        );
        axis.problem(message).with_help("lists of one group of `zip` have one length")
    };
    others.iter().filter(differs).map(problem).collect()
}
