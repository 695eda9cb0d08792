//! `[sweep]`: one file, many runs.
//!
//! A point of a sweep is a plain experiment with some options set, and nothing else: this room lists which options are set to what at
//! each point, and `load` lays them over the file as one more layer. Where the axis `experiment` names files, the sweep's own file is
//! laid over each of them, as if it extended it. Not for: which points are the same run, or done (`cli`, `launch`). Start at [`sweep()`].

mod axis;
mod declared;
#[cfg(test)]
mod tests;
mod written;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use axis::{Axis, Setting};
pub use declared::{add_definitions, property};

use super::files::{self, File, Files};
use super::load::{Request, overridden};
use super::merge::Layer;
use super::problem::{NO_SWEEP, Problem, Problems};
use super::profiles::Profiles;
use super::schema::Schema;
use super::source::Source;
use super::tree::Entry;
use written::Written;

/// Which runs a file asks for.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// The options that vary.
    pub axes: Vec<Axis>,
    /// Every combination that is not left out; the last axis varies fastest.
    pub points: Vec<Point>,
}

/// The options that one run of a sweep sets, in the order of the axes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Point {
    pub settings: Vec<Setting>,
}

impl Point {
    /// The experiment that the sweep's file is laid over here, where it says so.
    pub fn experiment(&self) -> Option<PathBuf> {
        self.settings.iter().find_map(Setting::experiment)
    }

    /// The settings that are options.
    pub fn options(&self) -> impl Iterator<Item = &Setting> {
        self.settings.iter().filter(|setting| setting.experiment().is_none())
    }
}

impl Axis {
    /// A problem with the axis as a whole.
    pub fn problem(&self, message: String) -> Problem {
        self.source.problem(NO_SWEEP, self.key_span.clone(), &self.path, message)
    }
}

/// The sweep that the file at `path` asks for under a profile; `None` where there is no `[sweep]`.
///
/// # Errors
/// Every problem of the sweep, and with these those of the file and its bases; alone, those are left for who loads its points.
pub fn sweep(path: &Path, request: &Request) -> Result<Option<Sweep>, Problems> {
    let Files { files, mut problems } = files::read(path, Schema::get());
    let sound = files.iter().all(|file| file.sound);
    let mut written = Written::default();
    for (source, entry) in tables(files, request.profile.as_deref()) {
        written.lay_over(&source, &entry);
    }
    let Some(whole) = written.whole.clone() else { return Ok(None) };
    if !sound || problems.iter().any(in_sweep) {
        return Err(Problems(problems));
    }
    // What is wrong elsewhere in the file comes up again at every point, together with what only a point can show.
    problems = written.problems();
    problems.extend(overridden(request, &written.paths()));
    if !problems.is_empty() {
        return Err(Problems::sorted(problems));
    }
    written.product(&whole).map(Some)
}

/// Whether a problem is one of the sweep itself.
fn in_sweep(problem: &Problem) -> bool {
    let keys: Vec<&str> = problem.path.split('.').collect();
    matches!(keys.as_slice(), ["sweep", ..] | ["profile", _, "sweep", ..])
}

/// The `[sweep]` of each file and of the profile, lowest first.
fn tables(files: Vec<File>, profile: Option<&str>) -> Vec<(Arc<Source>, Entry)> {
    let mut profiles = Profiles::default();
    let mut found = Vec::new();
    for File { source, table, .. } in files {
        let mut layer = Layer { source, table, own: false };
        profiles.take(&mut layer);
        found.extend(take(&mut layer));
    }
    // A profile may be one of the experiments' alone: those that are read find out.
    let (mut layers, _) = profiles.layers(profile);
    found.extend(layers.iter_mut().filter_map(take));
    found
}

/// Takes `[sweep]` out of a layer.
pub(super) fn take(layer: &mut Layer) -> Option<(Arc<Source>, Entry)> {
    Some((layer.source.clone(), layer.table.remove("sweep")?))
}
