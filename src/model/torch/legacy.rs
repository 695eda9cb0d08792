//! The form before PyTorch 1.6, which `torch.save` still writes on request: five pickles (a magic number, the format's version, the machine,
//! the values, the storages' keys), then every storage in the order of the keys: how many elements, and the elements.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::ops::Range;

use super::Storages;
use super::pickle::Pickle;
use super::storage::Kind;

/// The first pickle, whole: protocol 2, a number of ten bytes, the end.
pub const MAGIC: [u8; 15] = *b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// The only version that there has been.
const VERSION: usize = 1001;

/// The file's storages.
pub struct Legacy {
    bytes: Vec<u8>,
    storages: HashMap<String, Range<usize>>,
}

/// Whether a file's first bytes are those of this form.
pub fn begins(first: &[u8]) -> bool {
    first.starts_with(&MAGIC)
}

/// Reads the pickles of a file and finds its storages.
///
/// # Errors
/// What is wrong, as a fragment of a sentence.
pub fn open(mut file: File) -> Result<(Pickle, Legacy), String> {
    let mut bytes = MAGIC.to_vec();
    file.read_to_end(&mut bytes).map_err(|error| format!("it cannot be read: {error}"))?;
    let mut at = MAGIC.len();
    let version = next(&bytes, &mut at)?;
    if version.size(version.root()) != Some(VERSION) {
        return Err("it is of an unknown version of PyTorch's older form".into());
    }
    let machine = next(&bytes, &mut at)?;
    let little = machine.get(machine.root(), "little_endian");
    if little.is_some_and(|id| machine.truth(id) == Some(false)) {
        return Err("it was written on a big-endian machine".into());
    }
    let values = next(&bytes, &mut at)?;
    let keys = next(&bytes, &mut at)?;
    let storages = storages(&bytes, at, &values, &keys)?;
    Ok((values, Legacy { bytes, storages }))
}

/// The next pickle.
fn next(bytes: &[u8], at: &mut usize) -> Result<Pickle, String> {
    let (pickle, length) = Pickle::parse_first(bytes.get(*at..).unwrap_or_default())?;
    *at += length;
    Ok(pickle)
}

/// Where each storage lies. All must be known, those of an optimiser too: they stand one behind the other.
fn storages(
    bytes: &[u8],
    mut at: usize,
    values: &Pickle,
    keys: &Pickle,
) -> Result<HashMap<String, Range<usize>>, String> {
    let classes: HashMap<&str, &str> = values.storages().map(|(class, key)| (key, class)).collect();
    let mut found = HashMap::new();
    for key in keys.items(keys.root()).ok_or("it does not list its storages")? {
        let key = keys.text(*key).ok_or("it has a storage without a name")?;
        let class = classes.get(key).ok_or_else(|| format!("its storage `{key}` belongs to nothing"))?;
        let kind = Kind::of(class).ok_or_else(|| format!("it has elements of the kind `{class}`"))?;
        let cut = || format!("it ends before its storage `{key}` does");
        let (head, _) = bytes.get(at..).unwrap_or_default().split_first_chunk::<8>().ok_or_else(cut)?;
        let count = usize::try_from(i64::from_le_bytes(*head)).map_err(|_| cut())?;
        let length = count.checked_mul(kind.size_bytes()).ok_or_else(cut)?;
        let end = (at + 8).checked_add(length).filter(|end| *end <= bytes.len()).ok_or_else(cut)?;
        found.insert(key.to_owned(), at + 8..end);
        at = end;
    }
    Ok(found)
}

impl Storages for Legacy {
    fn bytes(&mut self, key: &str) -> Result<Vec<u8>, String> {
        let range = self.storages.get(key).ok_or_else(|| format!("it has no storage `{key}`"))?;
        Ok(self.bytes[range.clone()].to_vec())
    }
}
