//! What is still to be made, handed out to the workers in the order of the layout.
//!
//! Sounds in larger files are read here, under the lock that hands them out: so each such file is read forward and
//! once, whatever the number of workers, and of its sounds no more are in memory than its reader holds and one for
//! each worker.

use std::sync::{Mutex, PoisonError};
use std::vec::IntoIter;

use super::sound::Source;
use super::work::Made;
use super::{Layout, PrepareError, Recipe, RowReader, Sound};

/// A unit for a worker.
pub(super) struct Job<'a> {
    /// Index into [`Layout::units`].
    pub unit: usize,
    pub source: Source<'a>,
}

/// The units that are not yet made.
pub(super) struct Feed<'a> {
    layout: &'a Layout,
    rest: Mutex<Rest<'a>>,
}

struct Rest<'a> {
    units: IntoIter<usize>,
    reader: Option<Box<dyn RowReader + 'a>>,
}

impl<'a> Feed<'a> {
    /// The units of `layout` that are not made yet.
    pub fn new(recipe: &'a dyn Recipe, layout: &'a Layout, made: &[Option<Made>]) -> Self {
        let pending: Vec<usize> = (0..made.len()).filter(|&at| made[at].is_none()).collect();
        let rest = Rest { units: pending.into_iter(), reader: recipe.row_reader() };
        Self { layout, rest: Mutex::new(rest) }
    }

    /// The next unit; `None` after the last one.
    ///
    /// # Errors
    /// The file that holds its sound cannot be read.
    pub fn next(&self) -> Result<Option<Job<'a>>, PrepareError> {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(unit) = rest.units.next() else { return Ok(None) };
        let source = match (&self.layout.units[unit].sound, &mut rest.reader) {
            (Sound::File(path), _) => Source::File(path),
            (Sound::Joined { pieces, samples }, _) => Source::Joined { pieces, samples: *samples },
            (Sound::Row { file, row, .. }, Some(reader)) => Source::Bytes(reader.read(file, *row)?),
            (Sound::Row { file, .. }, None) => {
                let detail = "its rows have no reader".to_owned();
                return Err(PrepareError::Source { path: file.to_path_buf(), detail, help: None });
            }
        };
        Ok(Some(Job { unit, source }))
    }
}
