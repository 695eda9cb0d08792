//! From a corpus as its makers publish it to the prepared format: one driver for all of them.
//!
//! A corpus is a [`Recipe`]: it looks at the source and says, as a [`Layout`], which clips are to be cut from
//! which recordings and which lists stand over them. [`prepare`] does the rest: it decodes, cuts, resamples and
//! writes clips on several threads, remembers in a journal what is done, goes on from there after a kill, skips
//! files that are broken and lists them, and renames `DIR.partial` to `DIR` when all of it is there.
//! Not for: what a corpus' files mean (one room file per corpus), or showing anything to people (`cli`).
//! Start at [`prepare`].

mod bad;
mod claims;
mod drive;
mod error;
mod feed;
mod journal;
mod layout;
mod lists;
mod sound;
mod summary;
mod target;
mod work;

#[cfg(test)]
pub(super) mod quiet;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::AtomicBool;

pub use bad::{BAD_FILES, Bad, Outcome};
pub use claims::{Claims, PublishedCounts};
pub use error::PrepareError;
pub use layout::{Clip, Head, Layout, Line, List, Span, Unit, Vocabulary};
pub use sound::{Piece, RowReader, Sound};
pub use summary::{HeadSummary, LENGTH_BINS_SECS, LabelCount, SplitSummary, Summary};

use super::MetaFormat;
use target::{Staging, Target};

/// Bytes of flac for a byte of 16-bit samples, for speech: a round number on the high side.
const FLAC_SHARE: f64 = 0.6;

/// A corpus as it is published, and what is wanted of it.
pub trait Recipe {
    /// The corpus' name, as on the command line.
    fn name(&self) -> &'static str;

    /// Where it is read from.
    fn source(&self) -> &Path;

    /// The options that change what is written; two requests with the same ones want the same folder.
    fn options(&self) -> serde_json::Value;

    /// Looks at the source: every clip to be made, and every line that cannot be used.
    ///
    /// # Errors
    /// The source is absent, or so wrong that nothing can be made of it.
    fn layout(&self) -> Result<Layout, PrepareError>;

    /// Reads the sounds that are no files of their own ([`Sound::Row`]); `None` where all are.
    fn row_reader(&self) -> Option<Box<dyn RowReader + '_>> {
        None
    }
}

/// How to work; nothing of it changes what is written.
pub struct How<'a> {
    /// Threads that decode and write.
    pub threads: usize,
    /// Becomes true when the work shall stop after the clips in hand.
    pub stop: &'a AtomicBool,
    /// Bytes that may be written where the folder will be, if that is known.
    pub free_bytes: Option<u64>,
}

/// Who is told how far it is.
pub trait Watch {
    /// Before the beginning, for each split of the source that nobody asked for.
    fn left_out(&mut self, split: &str);

    /// Before the first file: files in all, files that an earlier start has done, and bytes expected to be
    /// written now.
    fn begin(&mut self, files: usize, done: usize, bytes: u64);

    /// After each file.
    fn file(&mut self, done: usize);
}

/// What came of it.
#[derive(Debug)]
pub enum Prepared {
    /// The folder has been made.
    Now(Summary),
    /// It was there already.
    Before(Summary),
}

/// Prepares a corpus into the folder `out`.
///
/// A second call with the same request goes on where the first was stopped, or finds that nothing is left to
/// do. The bytes written depend on the request and the source alone.
///
/// # Errors
/// The source is absent, `out` holds something else, there is too little room, writing fails, nothing in the
/// source can be used, or `how.stop` was set. Then there is no `out`; what is done lies in `out.partial`.
pub fn prepare(
    recipe: &dyn Recipe,
    out: &Path,
    how: &How<'_>,
    watch: &mut dyn Watch,
) -> Result<Prepared, PrepareError> {
    if let Target::Finished(summary) = Target::look(recipe, out)? {
        return Ok(Prepared::Before(*summary));
    }
    let mut layout = recipe.layout()?;
    layout.leave_out_unusable_names();
    let (mut staging, made) = Staging::open(recipe, &layout, out)?;
    let done = made.iter().flatten().count();
    let expected = match room(&layout, &made, how, out) {
        Ok(expected) => expected,
        Err(error) => {
            if done == 0 {
                staging.discard()?;
            }
            return Err(error);
        }
    };
    for split in &layout.left_out {
        watch.left_out(split);
    }
    watch.begin(layout.units.len(), done, expected);
    let made = drive::run(recipe, &layout, &mut staging, made, how, watch)?;
    let summary = Summary::of(recipe, &layout, &made)?;
    if summary.utterances() == 0 {
        let error = PrepareError::nothing_usable(recipe, &layout, &made);
        staging.discard()?;
        return Err(error);
    }
    lists::write(staging.dir(), &layout, &made, &summary)?;
    staging.publish(out)?;
    Ok(Prepared::Now(summary))
}

/// Bytes still to be written, about; an error where they do not fit.
fn room(
    layout: &Layout,
    made: &[Option<work::Made>],
    how: &How<'_>,
    out: &Path,
) -> Result<u64, PrepareError> {
    let pending = layout.units.iter().zip(made).filter(|(_, made)| made.is_none());
    let expected = pending.map(|(unit, _)| layout.expected_bytes(unit)).sum();
    match how.free_bytes {
        Some(free) if free < expected => {
            Err(PrepareError::NoRoom { out: out.to_owned(), expected_bytes: expected, free_bytes: free })
        }
        _ => Ok(expected),
    }
}
