//! The sounds of a data set's rows, read forward through the shards.

use std::path::Path;

use arrow_array::RecordBatch;

use super::columns::{Cell, Columns};
use super::layout::Shard;
use super::rows::{Row, audio_path};
use super::{DatasetError, DatasetRequest, shard};
use crate::audio::{self, AudioError};
use crate::corpora::Split;

/// A place in the shards; rows are to be asked for in their order.
pub(super) struct Sounds<'a> {
    request: &'a DatasetRequest,
    shards: &'a [(&'a Shard, Split)],
    open: Option<Open>,
}

struct Open {
    shard: usize,
    reader: shard::Reader,
    /// Rows before the batch.
    before: usize,
    batch: Option<RecordBatch>,
}

impl<'a> Sounds<'a> {
    pub fn new(request: &'a DatasetRequest, shards: &'a [(&'a Shard, Split)]) -> Self {
        Self { request, shards, open: None }
    }

    /// The sound of a row, mono at the wanted rate.
    pub fn load(&mut self, row: &Row) -> Result<Vec<f32>, DatasetError> {
        let (request, path) = (self.request, self.shards[row.shard].0.path.as_path());
        let (batch, at) = self.seek(row, path)?;
        let cell = Columns { batch, path }.sounds(&request.audio)?.at(at);
        sound(request, cell)
            .ok_or_else(|| DatasetError::unreadable(path, "it has changed while it was read"))?
            .map_err(|source| DatasetError::Audio { path: path.to_owned(), row: row.row, source })
    }

    /// The batch that has the row, and its place in it.
    fn seek(&mut self, row: &Row, path: &Path) -> Result<(&RecordBatch, usize), DatasetError> {
        let fits = |open: &Open| open.shard == row.shard && open.before <= row.row;
        let mut open = match self.open.take().filter(fits) {
            Some(open) => open,
            None => {
                let reader = shard::Reader::open(path, &[&self.request.audio])?;
                Open { shard: row.shard, reader, before: 0, batch: None }
            }
        };
        loop {
            let rows = open.batch.as_ref().map_or(0, RecordBatch::num_rows);
            if row.row < open.before + rows {
                break;
            }
            open.before += rows;
            open.batch = open.reader.next(path)?;
            if open.batch.is_none() {
                break;
            }
        }
        let open = self.open.insert(open);
        match &open.batch {
            Some(batch) => Ok((batch, row.row - open.before)),
            None => Err(DatasetError::unreadable(path, "it ends before its last row")),
        }
    }
}

/// Decodes a sound; `None` where there is none.
fn sound(request: &DatasetRequest, cell: Cell) -> Option<Result<Vec<f32>, AudioError>> {
    match cell {
        Cell::Bytes(bytes) => Some(audio::read_bytes("the sound", bytes.to_vec(), request.rate_hz)),
        Cell::Path(path) => Some(audio::read(&audio_path(request, path)?, request.rate_hz)),
        Cell::Absent => None,
    }
}
