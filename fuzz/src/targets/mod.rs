//! Every way in, one after the other.

mod archives;
mod audio;
mod codes;
mod config;
mod corpora;
#[cfg(feature = "datasets")]
mod datasets;
mod import;
mod records;
mod weights;

use crate::Target;

/// All targets.
pub fn all() -> Vec<Target> {
    [
        config::targets(),
        corpora::targets(),
        audio::targets(),
        codes::targets(),
        weights::targets(),
        records::targets(),
        import::targets(),
        archives::targets(),
        #[cfg(feature = "datasets")]
        datasets::targets(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// How a parser ended, in words.
fn said<T, E: std::fmt::Display>(ended: Result<T, E>) -> String {
    ended.map_or_else(|error| error.to_string(), |_| "read".into())
}
