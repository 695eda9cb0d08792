//! PyTorch's checkpoint files: a zip archive of a pickle and raw storages.
//!
//! Read without PyTorch and without running anything: see [`pickle`]. Of the pickle only tensors by name are taken, at the top, or under
//! `model` (the reference's training checkpoints) or `state_dict`. Not for: writing such files; safetensors is better in every way.

mod pickle;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;

use self::pickle::{Id, Node, Pickle};
use super::weights::{Tensors, WeightsError, half};

/// The longest pickle read: names and shapes of a model with millions of tensors take less.
const MOST_PICKLE_BYTES: u64 = 256 << 20;

/// Whether a file begins like a zip archive, as PyTorch's checkpoints since 1.6 do.
pub fn is_torch(path: &Path) -> bool {
    let mut first = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == *b"PK\x03\x04"
}

/// Reads every tensor of a checkpoint as f32.
///
/// # Errors
/// The file cannot be read, or is none of PyTorch's.
pub fn read(path: &Path) -> Result<Tensors, WeightsError> {
    let damaged = |reason: String| WeightsError::Format { path: path.to_owned(), reason };
    let file = File::open(path).map_err(|source| WeightsError::Io { path: path.to_owned(), source })?;
    let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(error.to_string()))?;
    Checkpoint::open(archive).and_then(|mut checkpoint| checkpoint.tensors()).map_err(damaged)
}

struct Checkpoint {
    archive: ZipArchive<BufReader<File>>,
    /// The folder inside the archive.
    prefix: String,
    pickle: Pickle,
}

/// Which of a storage's elements a tensor has, and in which order.
struct Strided {
    storage: String,
    dtype: &'static str,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

impl Checkpoint {
    fn open(mut archive: ZipArchive<BufReader<File>>) -> Result<Self, String> {
        let pickled: Option<String> =
            archive.file_names().flatten().find(|name| name.ends_with("/data.pkl")).map(Into::into);
        let name = pickled.ok_or("it has no `data.pkl`, so it is no checkpoint of PyTorch")?;
        let prefix = name.trim_end_matches("data.pkl").to_owned();
        if member(&mut archive, &format!("{prefix}byteorder"), 16).is_ok_and(|order| order != b"little") {
            return Err("it was written on a big-endian machine".into());
        }
        let pickle = Pickle::parse(&member(&mut archive, &name, MOST_PICKLE_BYTES)?)?;
        Ok(Self { archive, prefix, pickle })
    }

    fn tensors(&mut self) -> Result<Tensors, String> {
        let root = self.pickle.root();
        let inner = ["model", "state_dict"].iter().find_map(|key| self.pickle.get(root, key));
        let states = inner.filter(|id| self.pickle.entries(*id).is_some()).unwrap_or(root);
        let entries = self.pickle.entries(states).ok_or("it holds no tensors by name")?;
        let mut found = Vec::new();
        for (name, value) in entries {
            if let (Some(name), Some(tensor)) = (self.pickle.text(*name), self.tensor(*value)) {
                found.push((name.to_owned(), tensor.map_err(|reason| format!("`{name}` {reason}"))?));
            }
        }
        if found.is_empty() {
            return Err("it holds no tensors by name".into());
        }
        let mut storages = BTreeMap::new();
        let mut tensors = Tensors::new();
        for (name, tensor) in found {
            if !storages.contains_key(&tensor.storage) {
                let values = self.storage(&tensor)?;
                storages.insert(tensor.storage.clone(), values);
            }
            let values = tensor.gather(&storages[&tensor.storage]);
            tensors.insert(
                name.clone(),
                (tensor.shape, values.ok_or(format!("`{name}` lies outside its storage"))?),
            );
        }
        Ok(tensors)
    }

    /// The tensor that a call would have made; `None` where the value is something else.
    fn tensor(&self, id: Id) -> Option<Result<Strided, String>> {
        let Node::Call { function, arguments } = self.pickle.node(id) else { return None };
        let Node::Global(function) = self.pickle.node(*function) else { return None };
        let arguments = self.pickle.items(*arguments)?;
        match (function.as_str(), arguments) {
            ("torch._utils _rebuild_parameter", [tensor, ..]) => self.tensor(*tensor),
            ("torch._utils _rebuild_tensor_v2", [storage, offset, shape, strides, ..]) => {
                let tensor = self.strided(*storage, *offset, *shape, *strides);
                Some(tensor.unwrap_or_else(|| Err("is described in a way that PyTorch does not".into())))
            }
            _ => None,
        }
    }

    fn strided(&self, storage: Id, offset: Id, shape: Id, strides: Id) -> Option<Result<Strided, String>> {
        let Node::Persistent(storage) = self.pickle.node(storage) else { return None };
        let [_, kind, key, ..] = self.pickle.items(*storage)? else { return None };
        let Node::Global(kind) = self.pickle.node(*kind) else { return None };
        let Some(dtype) = dtype(kind) else { return Some(Err(format!("has elements of the kind `{kind}`"))) };
        let sizes = |id: Id| {
            self.pickle.items(id)?.iter().map(|item| self.pickle.size(*item)).collect::<Option<Vec<_>>>()
        };
        let (shape, strides) = (sizes(shape)?, sizes(strides)?);
        let key = self.pickle.text(*key)?.to_owned();
        (shape.len() == strides.len()).then_some(())?;
        Some(Ok(Strided { storage: key, dtype, offset: self.pickle.size(offset)?, shape, strides }))
    }

    /// The elements of a storage as f32.
    fn storage(&mut self, tensor: &Strided) -> Result<Vec<f32>, String> {
        let name = format!("{}data/{}", self.prefix, tensor.storage);
        let bytes = member(&mut self.archive, &name, u64::MAX)?;
        Ok(floats(&bytes, tensor.dtype))
    }
}

impl Strided {
    /// The elements in row-major order; `None` where one lies outside the storage.
    fn gather(&self, storage: &[f32]) -> Option<Vec<f32>> {
        let count = self.shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size))?;
        // No tensor of a checkpoint is larger than what it is stored in; a file that says so asks for memory it does not deserve.
        if count > storage.len() {
            return None;
        }
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0_usize; self.shape.len()];
        for _ in 0..count {
            let at = index
                .iter()
                .zip(&self.strides)
                .try_fold(self.offset, |at, (i, stride)| at.checked_add(i.checked_mul(*stride)?))?;
            values.push(*storage.get(at)?);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < self.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Some(values)
    }
}

/// The element type that a storage class stands for.
fn dtype(class: &str) -> Option<&'static str> {
    let names = [
        ("torch FloatStorage", "f32"),
        ("torch DoubleStorage", "f64"),
        ("torch HalfStorage", "f16"),
        ("torch BFloat16Storage", "bf16"),
        ("torch LongStorage", "i64"),
        ("torch IntStorage", "i32"),
        ("torch BoolStorage", "bool"),
    ];
    names.iter().find(|(name, _)| *name == class).map(|(_, dtype)| *dtype)
}

fn floats(bytes: &[u8], dtype: &str) -> Vec<f32> {
    let (eight, four, two) = (bytes.as_chunks::<8>().0, bytes.as_chunks::<4>().0, bytes.as_chunks::<2>().0);
    match dtype {
        "f32" => four.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
        "f64" => eight.iter().map(|&bytes| f64::from_le_bytes(bytes) as f32).collect(),
        "f16" => two.iter().map(|&bytes| half(u16::from_le_bytes(bytes))).collect(),
        "bf16" => two.iter().map(|&[low, high]| f32::from_le_bytes([0, 0, low, high])).collect(),
        "i64" => eight.iter().map(|&bytes| i64::from_le_bytes(bytes) as f32).collect(),
        "i32" => four.iter().map(|&bytes| i32::from_le_bytes(bytes) as f32).collect(),
        _ => bytes.iter().map(|&byte| f32::from(byte != 0)).collect(),
    }
}

fn member(archive: &mut ZipArchive<BufReader<File>>, name: &str, most: u64) -> Result<Vec<u8>, String> {
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
