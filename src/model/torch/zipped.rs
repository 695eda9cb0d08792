//! The form since PyTorch 1.6: a zip archive of `data.pkl` and one file for each storage.

use std::io::{BufReader, Read, Seek};

use zip::ZipArchive;

use super::Storages;
use super::pickle::Pickle;

/// The longest pickle read: names and shapes of a model with millions of tensors take less.
const MOST_PICKLE_BYTES: u64 = 256 << 20;

/// The archive's storages.
pub struct Zipped<R> {
    archive: ZipArchive<BufReader<R>>,
    /// The folder inside the archive.
    prefix: String,
    /// Bytes that storages may still have. Together they cannot be longer than the file, unless they lie over one another.
    left: u64,
}

/// Whether a file's first bytes are those of a zip archive.
pub fn begins(first: &[u8]) -> bool {
    first.starts_with(b"PK\x03\x04")
}

/// Reads the pickle of an archive of so many bytes.
///
/// # Errors
/// What is wrong, as a fragment of a sentence.
pub fn open<R: Read + Seek>(input: R, left: u64) -> Result<(Pickle, Zipped<R>), String> {
    let mut archive = ZipArchive::new(BufReader::new(input)).map_err(|error| error.to_string())?;
    let pickled: Option<String> =
        archive.file_names().flatten().find(|name| name.ends_with("/data.pkl")).map(Into::into);
    let name = pickled.ok_or("it has no `data.pkl`, so it is no checkpoint of PyTorch")?;
    let prefix = name.trim_end_matches("data.pkl").to_owned();
    if member(&mut archive, &format!("{prefix}byteorder"), 16).is_ok_and(|order| order != b"little") {
        return Err("it was written on a big-endian machine".into());
    }
    let pickle = Pickle::parse(&member(&mut archive, &name, MOST_PICKLE_BYTES)?)?;
    Ok((pickle, Zipped { archive, prefix, left }))
}

impl<R: Read + Seek> Storages for Zipped<R> {
    fn bytes(&mut self, key: &str) -> Result<Vec<u8>, String> {
        let bytes = member(&mut self.archive, &format!("{}data/{key}", self.prefix), self.left)?;
        self.left -= bytes.len() as u64;
        Ok(bytes)
    }
}

fn member<R: Read + Seek>(
    archive: &mut ZipArchive<BufReader<R>>,
    name: &str,
    most: u64,
) -> Result<Vec<u8>, String> {
    let file = archive.by_name(name).map_err(|error| format!("it has no `{name}`: {error}"))?;
    // PyTorch stores and never compresses; a small file that unpacks into a huge one is no checkpoint.
    if file.compression() != zip::CompressionMethod::Stored || file.size() > most {
        return Err(format!("its `{name}` is not as PyTorch writes it"));
    }
    let mut bytes = Vec::new();
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("its `{name}` cannot be read: {error}"))?;
    Ok(bytes)
}
