//! A shard as batches of rows: Arrow's stream format, its file format, or Parquet.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::DatasetError;

/// First bytes of the formats that have some; a stream has none.
const ARROW_FILE: &[u8] = b"ARROW1";
const PARQUET: &[u8] = b"PAR1";

/// Last bytes of a stream; without them, whole batches may be missing.
const STREAM_END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Rows of Parquet that are decoded at a time: their sounds are all in memory then.
const BATCH_ROWS: usize = 64;

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// An open shard.
pub(super) struct Reader {
    /// Columns of the file, and metadata.
    pub schema: SchemaRef,
    batches: Batches,
}

impl Reader {
    /// Opens the shard at `path` to read `columns` of it.
    ///
    /// # Errors
    /// The file cannot be read, or lacks one of the columns.
    pub fn open(path: &Path, columns: &[&str]) -> Result<Self, DatasetError> {
        guarded(path, || Self::open_whole(path, columns))
    }

    fn open_whole(path: &Path, columns: &[&str]) -> Result<Self, DatasetError> {
        let mut file = File::open(path).map_err(DatasetError::at(path))?;
        let (head, tail) = ends(&mut file).map_err(DatasetError::at(path))?;
        if head.starts_with(PARQUET) {
            return Self::parquet(path, file, columns);
        }
        let (schema, batches): (SchemaRef, Batches) = if head.starts_with(ARROW_FILE) {
            let reader = FileReader::try_new(BufReader::new(file), None).map_err(DatasetError::at(path))?;
            (reader.schema(), Box::new(reader))
        } else if tail == STREAM_END {
            let reader = StreamReader::try_new(BufReader::new(file), None).map_err(DatasetError::at(path))?;
            (reader.schema(), Box::new(reader))
        } else {
            return Err(DatasetError::unreadable(path, "it is cut off, or no Arrow stream"));
        };
        positions(path, &schema, columns)?;
        Ok(Self { schema, batches })
    }

    fn parquet(path: &Path, file: File, columns: &[&str]) -> Result<Self, DatasetError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(DatasetError::at(path))?;
        let schema = builder.schema().clone();
        let mask = ProjectionMask::roots(builder.parquet_schema(), positions(path, &schema, columns)?);
        let builder = builder.with_projection(mask).with_batch_size(BATCH_ROWS);
        let reader = builder.build().map_err(DatasetError::at(path))?;
        Ok(Self { schema, batches: Box::new(reader) })
    }

    /// The next rows.
    pub fn next(&mut self, path: &Path) -> Result<Option<RecordBatch>, DatasetError> {
        guarded(path, || self.batches.next().transpose().map_err(DatasetError::at(path)))
    }
}

/// Does `work` on a file that may be damaged in ways that its reader does not look for, but panics at.
///
/// What a panic has left half done is dropped with the error.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, DatasetError>) -> Result<T, DatasetError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(DatasetError::unreadable(path, "it is damaged")))
}

/// The first and the last eight bytes of a file, fewer where it is shorter; it is read from its beginning afterwards.
fn ends(file: &mut File) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let bytes = STREAM_END.len() as u64;
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    file.by_ref().take(bytes).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(file.metadata()?.len().saturating_sub(bytes)))?;
    file.read_to_end(&mut tail)?;
    file.rewind()?;
    Ok((head, tail))
}

/// Where the columns are in the schema.
fn positions(path: &Path, schema: &SchemaRef, columns: &[&str]) -> Result<Vec<usize>, DatasetError> {
    let position = |column: &&str| {
        schema.index_of(column).map_err(|_| DatasetError::NoColumn {
            path: path.to_owned(),
            column: (*column).to_owned(),
            have: schema.fields().iter().map(|field| field.name().clone()).collect(),
        })
    };
    columns.iter().map(position).collect()
}
