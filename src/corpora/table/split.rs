//! Which rows are for training, for development, for the test.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::TableError;
use super::rows::Row;

/// One in this many rows goes to the development set, and as many to the test set, where the table does not
/// say.
const HELD_OUT_SHARE: usize = 10;

/// A part of a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    Train,
    Dev,
    Test,
}

impl Split {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Dev, Self::Test];

    /// Its name in file names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Dev => "dev",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Split {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name.to_lowercase().as_str() {
            "train" => Ok(Self::Train),
            "dev" | "devel" | "valid" | "validation" => Ok(Self::Dev),
            "test" => Ok(Self::Test),
            _ => Err(format!("`{name}` is not a split; `train`, `dev` and `test` are")),
        }
    }
}

/// Gives every row a split, where the table gave none.
///
/// Rows are ranked by the SHA-256 of their name: the first tenth is for the test, the next for development.
/// So the split does not depend on the order of the table, and hardly on rows added later.
pub(super) fn assign(table: &Path, rows: &mut [Row]) -> Result<(), TableError> {
    if rows.iter().all(|row| row.split.is_some()) {
        return Ok(());
    }
    if rows.len() < Split::ALL.len() {
        return Err(TableError::table(
            table,
            format!("{} rows cannot be parted into train, dev and test; add a column `split`", rows.len()),
        ));
    }
    let held_out = (rows.len() / HELD_OUT_SHARE).max(1);
    let mut ranked: Vec<&mut Row> = rows.iter_mut().collect();
    ranked.sort_by_cached_key(|row| (Sha256::digest(&row.name), row.name.clone()));
    for (rank, row) in ranked.into_iter().enumerate() {
        row.split = Some(match rank / held_out {
            0 => Split::Test,
            1 => Split::Dev,
            _ => Split::Train,
        });
    }
    Ok(())
}
