//! The sounds in a data set's rows, read forward through the shards.

use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;

use super::columns::{Cell, Columns};
use super::{DatasetError, shard};
use crate::corpora::prepare::{PrepareError, RowReader};

/// A place in the shards. A shard is opened once and a batch read once where rows are asked for in their order;
/// more than one batch is never held.
pub(super) struct Reader<'a> {
    /// The column of the sounds.
    column: &'a str,
    open: Option<Open>,
}

struct Open {
    path: PathBuf,
    shard: shard::Reader,
    /// Rows before the batch.
    before: u64,
    batch: Option<RecordBatch>,
}

impl<'a> Reader<'a> {
    /// A reader of one column's sounds that has no shard open.
    pub fn new(column: &'a str) -> Self {
        Self { column, open: None }
    }

    fn sound(&mut self, path: &Path, row: u64) -> Result<Vec<u8>, DatasetError> {
        let column = self.column;
        let (batch, at) = self.seek(path, row)?;
        match (Columns { batch, path }).sounds(column)?.at(at) {
            Cell::Bytes(bytes) => Ok(bytes.to_vec()),
            Cell::Path(_) | Cell::Absent => {
                Err(DatasetError::unreadable(path, "it has changed while it was read"))
            }
        }
    }

    /// The batch that has the row, and its place in it.
    fn seek(&mut self, path: &Path, row: u64) -> Result<(&RecordBatch, usize), DatasetError> {
        let fits = |open: &Open| open.path == path && open.before <= row;
        let mut open = match self.open.take().filter(fits) {
            Some(open) => open,
            None => {
                let shard = shard::Reader::open(path, &[self.column])?;
                Open { path: path.to_owned(), shard, before: 0, batch: None }
            }
        };
        loop {
            let rows = open.batch.as_ref().map_or(0, RecordBatch::num_rows) as u64;
            if row < open.before + rows {
                break;
            }
            open.before += rows;
            // Let go of the one before the next is read.
            open.batch = None;
            open.batch = open.shard.next(path)?;
            if open.batch.is_none() {
                break;
            }
        }
        let open = self.open.insert(open);
        match &open.batch {
            Some(batch) => Ok((batch, (row - open.before) as usize)),
            None => Err(DatasetError::unreadable(path, "it ends before its last row")),
        }
    }
}

impl RowReader for Reader<'_> {
    fn read(&mut self, file: &Path, row: u64) -> Result<Vec<u8>, PrepareError> {
        Ok(self.sound(file, row)?)
    }
}
