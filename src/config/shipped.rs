//! The experiments that come with the program, so that a template needs no checkout.

use std::io;
use std::path::Path;

use super::files::{self, Files};
use super::schema::Schema;

// Every file by its path under `experiments/`, in order, as `build.rs` finds them.
include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// Names of the shipped experiments, without `.toml`.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().filter_map(|(name, _)| name.strip_suffix(".toml")).filter(|name| !name.contains('/'))
}

/// A shipped file and all that it extends, by its path under `experiments/`.
pub(super) fn read(path: &Path) -> Files {
    files::read_with(path, Schema::get(), &|path| {
        let found = FILES.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
    })
}
