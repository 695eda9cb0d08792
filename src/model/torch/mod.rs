//! PyTorch's checkpoint files: a pickle and raw storages, in a zip archive or, as before PyTorch 1.6, one behind the other.
//!
//! Read without PyTorch and without running anything: see [`pickle`]. Tensors are taken by name, at the top or one level below, where
//! training programs put their model; of what stands beside it the plain values are kept ([`plain`]), and optimiser states are not even
//! read. Not for: writing such files; safetensors is better in every way. Start at [`read`];
//! [`pickle`] also serves other files that are pickles inside, [`tarred`] reads checkpoints inside of NeMo's archives.

mod legacy;
pub mod pickle;
mod plain;
mod storage;
pub mod tarred;
#[cfg(test)]
mod tests;
mod zipped;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value as Json};

use self::pickle::{Id, Node, Pickle};
use self::plain::Plain;
pub use self::storage::half;
use self::storage::{Kind, Strided};
use super::weights::{Tensors, WeightsError};

/// Under which keys training programs put their model's tensors: simple-sashimi and DiffWave-unconditional, CALD, Lightning.
const LEVELS: [&str; 3] = ["model_state_dict", "model", "state_dict"];

/// Axes that a tensor may have: as many as PyTorch's may.
const MOST_AXES: usize = 64;

/// How many times over tensors may hold what the file's storages do. Tied weights share a storage; a small file whose tensors all are views
/// of one storage would ask for any amount of memory.
const MOST_SHARED: usize = 16;

/// What a checkpoint holds.
#[derive(Debug, Clone, Default)]
pub struct Checkpoint {
    /// The model's tensors as f32, by the names they have in it; the level they stand under is taken off.
    pub tensors: Tensors,
    /// The plain values beside them: strings, numbers, truth values, nothing, lists and dictionaries of those, OmegaConf's too. Tensors and
    /// objects of other classes are left out of dictionaries and are null in lists.
    pub beside: Map<String, Json>,
}

/// Where a file's storages are.
trait Storages {
    /// The bytes of one storage, whole.
    fn bytes(&mut self, key: &str) -> Result<Vec<u8>, String>;
}

/// Whether a file begins as PyTorch's checkpoints do.
pub fn is_torch(path: &Path) -> bool {
    let mut first = [0; legacy::MAGIC.len()];
    let begun = File::open(path).and_then(|mut file| file.read_exact(&mut first));
    begun.is_ok() && (zipped::begins(&first) || legacy::begins(&first))
}

/// Reads a checkpoint: every tensor of its model as f32, and the plain values beside it.
///
/// # Errors
/// The file cannot be read, is none of PyTorch's, or its model holds something that is neither a tensor nor plain: its class is named.
pub fn read(path: &Path) -> Result<Checkpoint, WeightsError> {
    let damaged = |reason: String| WeightsError::Format { path: path.to_owned(), reason };
    let mut file = File::open(path).map_err(|source| WeightsError::Io { path: path.to_owned(), source })?;
    let mut first = [0; legacy::MAGIC.len()];
    let older = file.read_exact(&mut first).is_ok() && legacy::begins(&first);
    let read = if older {
        legacy::open(file).and_then(|(pickle, mut storages)| checkpoint(&pickle, &mut storages))
    } else {
        let length =
            file.metadata().map_err(|source| WeightsError::Io { path: path.to_owned(), source })?.len();
        zipped::open(file, length).and_then(|(pickle, mut storages)| checkpoint(&pickle, &mut storages))
    };
    read.map_err(damaged)
}

fn checkpoint(pickle: &Pickle, storages: &mut impl Storages) -> Result<Checkpoint, String> {
    let root = pickle.root();
    let level =
        LEVELS.iter().find_map(|key| pickle.get(root, key).filter(|id| pickle.entries(*id).is_some()));
    let named = named(pickle, level.unwrap_or(root), level.is_some())?;
    Ok(Checkpoint { tensors: tensors(named, storages)?, beside: Plain::new(pickle).beside(level) })
}

/// The tensors of a dictionary. Where it is the model's own, an object in it is an error; at the top of a file anything may stand.
fn named(pickle: &Pickle, states: Id, own: bool) -> Result<Vec<(String, Strided)>, String> {
    let entries = pickle.entries(states).ok_or_else(|| match pickle.class(states) {
        Some(class) => format!(
            "it is an object of the class `{class}`, saved whole; only its `state_dict()` can be read"
        ),
        None => "it holds no tensors by name".into(),
    })?;
    let mut found = Vec::new();
    for (name, value) in entries {
        let Some(name) = pickle.text(*name) else { continue };
        match tensor(pickle, *value) {
            Some(tensor) => {
                found.push((name.to_owned(), tensor.map_err(|reason| format!("`{name}` {reason}"))?))
            }
            None => {
                if let Some(class) = pickle.class(*value).filter(|_| own) {
                    return Err(format!("`{name}` is an object of the class `{class}`, which is not read"));
                }
            }
        }
    }
    if found.is_empty() {
        return Err("it holds no tensors by name".into());
    }
    Ok(found)
}

fn tensors(named: Vec<(String, Strided)>, storages: &mut impl Storages) -> Result<Tensors, String> {
    let mut read: BTreeMap<String, Vec<f32>> = BTreeMap::new();
    let mut tensors = Tensors::new();
    let (mut stored, mut taken) = (0_usize, 0_usize);
    for (name, tensor) in named {
        if !read.contains_key(&tensor.storage) {
            let values = tensor.kind.floats(&storages.bytes(&tensor.storage)?);
            let values = values.ok_or_else(|| format!("`{name}` has elements that are no numbers"))?;
            stored += values.len();
            read.insert(tensor.storage.clone(), values);
        }
        taken = taken.saturating_add(tensor.count());
        if taken > stored.saturating_mul(MOST_SHARED) {
            return Err(format!("`{name}` and others share more of its storages than models do"));
        }
        let values = tensor.gather(&read[&tensor.storage]);
        tensors.insert(
            name.clone(),
            (tensor.shape, values.ok_or(format!("`{name}` lies outside its storage"))?),
        );
    }
    Ok(tensors)
}

/// The tensor that a call would have made; `None` where the value is something else.
fn tensor(pickle: &Pickle, id: Id) -> Option<Result<Strided, String>> {
    let Node::Call { function, arguments, .. } = pickle.node(id) else { return None };
    let Node::Global(function) = pickle.node(*function) else { return None };
    let arguments = pickle.items(*arguments)?;
    match (function.as_str(), arguments) {
        // A parameter holds the tensor itself, so it is no deeper than this.
        ("torch._utils _rebuild_parameter", [inner, ..]) if *inner != id => match pickle.node(*inner) {
            Node::Call { function, .. } if pickle.is_global(*function, "torch._utils _rebuild_tensor_v2") => {
                tensor(pickle, *inner)
            }
            _ => None,
        },
        ("torch._utils _rebuild_tensor_v2", [storage, offset, shape, strides, ..]) => {
            let tensor = strided(pickle, *storage, *offset, *shape, *strides);
            Some(tensor.unwrap_or_else(|| Err("is described in a way that PyTorch does not".into())))
        }
        _ => None,
    }
}

fn strided(
    pickle: &Pickle,
    storage: Id,
    offset: Id,
    shape: Id,
    strides: Id,
) -> Option<Result<Strided, String>> {
    let (class, key) = pickle.storage(storage)?;
    let Some(kind) = Kind::of(class) else { return Some(Err(format!("has elements of the kind `{class}`"))) };
    let sizes = |id: Id| {
        let items = pickle.items(id).filter(|items| items.len() <= MOST_AXES)?;
        items.iter().map(|item| pickle.size(*item)).collect::<Option<Vec<_>>>()
    };
    let (shape, strides) = (sizes(shape)?, sizes(strides)?);
    (shape.len() == strides.len()).then_some(())?;
    Some(Ok(Strided { storage: key.to_owned(), kind, offset: pickle.size(offset)?, shape, strides }))
}
