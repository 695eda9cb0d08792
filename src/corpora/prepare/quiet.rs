//! For tests of preparers: preparing without anybody watching.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::{How, PrepareError, Prepared, Recipe, Summary, Watch, prepare};

/// Nobody.
pub(crate) struct Nobody;

impl Watch for Nobody {
    fn left_out(&mut self, _split: &str) {}

    fn begin(&mut self, _files: usize, _done: usize, _bytes: u64) {}

    fn file(&mut self, _done: usize) {}
}

/// Prepares on two threads.
pub(crate) fn quietly(recipe: &dyn Recipe, out: &Path) -> Result<Summary, PrepareError> {
    let how = How { threads: 2, stop: &AtomicBool::new(false), free_bytes: None };
    match prepare(recipe, out, &how, &mut Nobody)? {
        Prepared::Now(summary) => Ok(summary),
        Prepared::Before(summary) => panic!("it was there before: {summary:?}"),
    }
}

/// Every file below a folder with its bytes, links by where they lead, in order.
pub(crate) fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            let name = path.strip_prefix(dir).expect("below").display().to_string();
            match fs::read_link(&path) {
                Ok(target) => found.push((name, target.display().to_string().into_bytes())),
                Err(_) if path.is_dir() => folders.push(path),
                Err(_) => found.push((name, fs::read(&path).expect("bytes"))),
            }
        }
    }
    found.sort();
    found
}

/// The text of a file of a prepared folder.
pub(crate) fn text(dir: &Path, file: &str) -> String {
    fs::read_to_string(dir.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}
