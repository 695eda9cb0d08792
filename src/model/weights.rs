//! Weights on disk: safetensors under the reference's names.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use kernels::{Backend, Shape};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{pretrained, torch};
use crate::nn::Params;

/// Why weights cannot be read or do not fit.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file system refused.
    #[error("cannot read weights from `{}`: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    /// Neither a safetensors file nor a checkpoint of PyTorch's, or a damaged one.
    #[error("`{}` is no file of weights: {reason}", path.display())]
    Format { path: PathBuf, reason: String },
    /// A value that is none, in a tensor that the model takes.
    #[error("the weights in `{}` cannot be used: `{name}` holds {value}", path.display())]
    NotFinite { path: PathBuf, name: String, value: f32 },
    /// Tensors that the model has and the file lacks, or of another shape or type.
    #[error("`{}` does not fit the model: {}", path.display(), misfits.join("; "))]
    Misfit { path: PathBuf, misfits: Vec<String> },
}

/// Extents and values of tensors, by name.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// How strictly a file has to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Every parameter must be in the file.
    Strict,
    /// Parameters that the file lacks keep their values.
    Shared,
}

/// Writes all parameters as one safetensors file.
///
/// # Errors
/// The writer refused.
pub fn write<D: Backend>(params: &Params<D>, to: &mut dyn Write) -> std::io::Result<()> {
    write_some(params, |_| true, BTreeMap::new(), to)
}

/// Writes the parameters whose names are `wanted` as one safetensors file, with `notes` as its metadata.
///
/// # Errors
/// The writer refused.
pub fn write_some<D: Backend>(
    params: &Params<D>,
    wanted: impl Fn(&str) -> bool,
    notes: BTreeMap<String, String>,
    to: &mut dyn Write,
) -> std::io::Result<()> {
    let tensors = params.iter().filter(|param| wanted(param.name())).map(|param| {
        let values = param.array().download().map_err(std::io::Error::other)?;
        Ok((param.name().to_owned(), param.array().shape(), values))
    });
    write_tensors(&tensors.collect::<std::io::Result<Vec<_>>>()?, notes, to)
}

/// Writes named arrays as one safetensors file, with `notes` as its metadata.
///
/// # Errors
/// The writer refused.
pub fn write_tensors(
    tensors: &[(String, Shape, Vec<f32>)],
    notes: BTreeMap<String, String>,
    to: &mut dyn Write,
) -> std::io::Result<()> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let mut views = Vec::with_capacity(tensors.len());
    for ((name, shape, _), bytes) in tensors.iter().zip(&bytes) {
        let view =
            TensorView::new(Dtype::F32, shape.dims().to_vec(), bytes).map_err(std::io::Error::other)?;
        views.push((name.as_str(), view));
    }
    let notes = (!notes.is_empty()).then(|| notes.into_iter().collect());
    let file = safetensors::serialize(views, notes).map_err(std::io::Error::other)?;
    to.write_all(&file)
}

/// Reads every tensor of a file as f32: safetensors, or a checkpoint of PyTorch's.
///
/// # Errors
/// The file cannot be read or is damaged.
pub fn read_tensors(path: &Path) -> Result<Tensors, WeightsError> {
    if torch::is_torch(path) {
        return torch::read(path).map(|checkpoint| checkpoint.tensors);
    }
    let bytes = std::fs::read(path).map_err(|source| WeightsError::Io { path: path.to_owned(), source })?;
    let damaged = |reason: String| WeightsError::Format { path: path.to_owned(), reason };
    let file = SafeTensors::deserialize(&bytes).map_err(|error| damaged(error.to_string()))?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.tensors() {
        let values = floats(&view).ok_or_else(|| damaged(format!("`{name}` holds {:?}", view.dtype())))?;
        tensors.insert(name, (view.shape().to_vec(), values));
    }
    Ok(tensors)
}

/// Reads every tensor of a checkpoint as f32: of one file, or of a folder in Hugging Face's layout.
///
/// # Errors
/// Nothing is there, or it is damaged.
pub fn read_checkpoint(path: &Path) -> Result<Tensors, WeightsError> {
    pretrained::read(path)
}

fn floats(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let (wide, _) = view.data().as_chunks::<4>();
    let (narrow, _) = view.data().as_chunks::<2>();
    match view.dtype() {
        Dtype::F32 => Some(wide.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()),
        // A bf16 is the upper half of an f32.
        Dtype::BF16 => {
            Some(narrow.iter().map(|&[low, high]| f32::from_le_bytes([0, 0, low, high])).collect())
        }
        Dtype::I64 => {
            let (words, _) = view.data().as_chunks::<8>();
            Some(words.iter().map(|&bytes| i64::from_le_bytes(bytes) as f32).collect())
        }
        Dtype::I32 => Some(wide.iter().map(|&bytes| i32::from_le_bytes(bytes) as f32).collect()),
        Dtype::F16 => Some(narrow.iter().map(|&bytes| torch::half(u16::from_le_bytes(bytes))).collect()),
        _ => None,
    }
}

/// Loads a file of weights into `params`. Tensors that the model does not have are ignored.
///
/// # Errors
/// The file cannot be read, or does not fit: all misfits at once.
pub fn load<D: Backend>(params: &mut Params<D>, path: &Path, how: Match) -> Result<usize, WeightsError> {
    take(params, &read_tensors(path)?, path, how)
}

/// Loads tensors that were read from the file `from` into `params`. Tensors that the model does not have are ignored.
///
/// # Errors
/// They do not fit: all misfits at once.
pub fn take<D: Backend>(
    params: &mut Params<D>,
    tensors: &Tensors,
    from: &Path,
    how: Match,
) -> Result<usize, WeightsError> {
    fill(params, tensors, from, how, |_| true)
}

/// The mean of each tensor over files of the same names and shapes: averaged weights.
///
/// # Errors
/// A file is damaged, or of another model than the first.
pub fn mean(files: &[PathBuf]) -> Result<Tensors, WeightsError> {
    let Some((first, others)) = files.split_first() else { return Ok(Tensors::new()) };
    let mut sums = read_tensors(first)?;
    for file in others {
        let tensors = read_tensors(file)?;
        for (name, (dims, sum)) in &mut sums {
            let Some((_, values)) = tensors.get(name).filter(|(other, _)| other == dims) else {
                let misfit =
                    format!("`{name}` is of another shape there than in `{}`, or missing", first.display());
                return Err(WeightsError::Misfit { path: file.clone(), misfits: vec![misfit] });
            };
            sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
    }
    if !others.is_empty() {
        let share = 1.0 / files.len() as f32;
        sums.values_mut().for_each(|(_, sum)| sum.iter_mut().for_each(|sum| *sum *= share));
    }
    Ok(sums)
}

/// What a pretrained checkpoint brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Brought {
    /// Parameters that it filled.
    pub loaded: usize,
    /// Parameters that it lacks and that were drawn instead: heads and mixers.
    pub drawn: Vec<String>,
    /// Tensors that it has and the model does not.
    pub unexpected: Vec<String>,
}

impl std::fmt::Display for Brought {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "the pretrained checkpoint brought {} parameters", self.loaded)?;
        for (names, what) in [(&self.drawn, "drawn afresh"), (&self.unexpected, "not used")] {
            let shown = names.iter().take(6).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let more = if names.len() > 6 { format!(" and {} more", names.len() - 6) } else { String::new() };
            if !names.is_empty() {
                write!(out, "; {what}: {shown}{more}")?;
            }
        }
        Ok(())
    }
}

/// Loads a pretrained folder: the parameters it is to bring (`wanted` by name) must all be there and fit; of the others, heads and mixers,
/// those with the same name and shape are taken too, as from a fine-tuned or converted model.
///
/// # Errors
/// The files cannot be read, or do not fit: all misfits at once.
pub fn load_pretrained<D: Backend>(
    params: &mut Params<D>,
    folder: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<Brought, WeightsError> {
    take_pretrained(params, &pretrained::read(folder)?, folder, wanted)
}

/// The same with tensors that were read from `from`.
///
/// # Errors
/// They do not fit: all misfits at once.
pub fn take_pretrained<D: Backend>(
    params: &mut Params<D>,
    tensors: &Tensors,
    from: &Path,
    wanted: impl Fn(&str) -> bool,
) -> Result<Brought, WeightsError> {
    fill(params, tensors, from, Match::Strict, &wanted)?;
    let fits = |name: &str, shape: Shape| {
        names_in_files(name)
            .iter()
            .any(|name| tensors.get(name).is_some_and(|(dims, _)| alike(dims, shape.dims())))
    };
    let others: Vec<(String, bool)> = params
        .iter()
        .filter(|param| !wanted(param.name()))
        .map(|param| (param.name().to_owned(), fits(param.name(), param.array().shape())))
        .collect();
    let taken = |name: &str| others.iter().any(|(other, fits)| other == name && *fits);
    fill(params, tensors, from, Match::Shared, taken)?;
    let known: std::collections::BTreeSet<String> =
        params.iter().flat_map(|param| names_in_files(param.name())).collect();
    let drawn: Vec<String> = others.into_iter().filter(|(_, fits)| !fits).map(|(name, _)| name).collect();
    Ok(Brought {
        loaded: params.iter().count() - drawn.len(),
        unexpected: tensors.keys().filter(|name| !known.contains(*name)).cloned().collect(),
        drawn,
    })
}

fn fill<D: Backend>(
    params: &mut Params<D>,
    tensors: &Tensors,
    path: &Path,
    how: Match,
    wanted: impl Fn(&str) -> bool,
) -> Result<usize, WeightsError> {
    let mut misfits = Vec::new();
    let mut loaded = Vec::new();
    for param in params.iter().filter(|param| wanted(param.name())) {
        let (name, shape) = (param.name(), param.array().shape());
        match names_in_files(name).iter().find_map(|name| tensors.get(name)) {
            Some((dims, values)) if alike(dims, shape.dims()) => loaded.push((name.to_owned(), values)),
            Some((dims, _)) => misfits.push(format!("`{name}` is {dims:?} there and {shape} here")),
            None if how == Match::Strict => misfits.push(format!("`{name}` is missing")),
            None => {}
        }
    }
    if !misfits.is_empty() {
        return Err(WeightsError::Misfit { path: path.to_owned(), misfits });
    }
    for (name, values) in &loaded {
        if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
            return Err(WeightsError::NotFinite { path: path.to_owned(), name: name.clone(), value });
        }
    }
    let count = loaded.len();
    for (name, values) in loaded {
        if let Some(param) = params.by_name_mut(&name) {
            param.array_mut().copy_from(values).map_err(|error| WeightsError::Misfit {
                path: path.to_owned(),
                misfits: vec![error.to_string()],
            })?;
        }
    }
    Ok(count)
}

/// Whether two shapes are the same but for axes of extent 1 that one of them leaves out, as a bias of (n) and one of (n, 1): the same values
/// in the same order. Shapes of equally many axes must be equal: (n, 1, k) and (n, k, 1) are convolutions of different kinds.
fn alike(there: &[usize], here: &[usize]) -> bool {
    let long = |extent: &&usize| **extent != 1;
    there == here || there.len() != here.len() && there.iter().filter(long).eq(here.iter().filter(long))
}

/// The names under which a parameter may stand in a file: ours, the reference checkpoint's, a bare encoder's, and the
/// older spelling of weight norm.
fn names_in_files(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned(), format!("asr_model.{name}")];
    if let Some(bare) = name.strip_prefix("wav2vec2.") {
        names.push(bare.to_owned());
    }
    let older: Vec<String> = names
        .iter()
        .filter(|name| name.contains(".parametrizations.weight.original"))
        .map(|name| {
            name.replace(".parametrizations.weight.original0", ".weight_g")
                .replace(".parametrizations.weight.original1", ".weight_v")
        })
        .collect();
    names.extend(older);
    names
}

/// The folder that a pretrained name means: itself, or a hub name in the local Hugging Face cache.
///
/// # Errors
/// Nothing is there; the path that was looked at last.
pub fn locate(name: &str) -> Result<PathBuf, PathBuf> {
    locate_by(name, is_in)
}

/// Whether a folder has weights in Hugging Face's layout.
pub fn is_in(folder: &Path) -> bool {
    pretrained::file_in(folder).is_some()
}

/// The same where a folder `holds` weights that are called otherwise.
///
/// # Errors
/// As [`locate`].
pub fn locate_by(name: &str, holds: impl Fn(&Path) -> bool) -> Result<PathBuf, PathBuf> {
    let folder = PathBuf::from(name);
    if holds(&folder) {
        return Ok(folder);
    }
    let Some(hub) = hub_cache() else { return Err(folder) };
    let repository = hub.join(format!("models--{}", name.replace('/', "--")));
    let revision = std::fs::read_to_string(repository.join("refs/main")).unwrap_or_default();
    let snapshot = repository.join("snapshots").join(revision.trim());
    if holds(&snapshot) { Ok(snapshot) } else { Err(repository) }
}

fn hub_cache() -> Option<PathBuf> {
    let from =
        |variable: &str, tail: &str| std::env::var_os(variable).map(|dir| PathBuf::from(dir).join(tail));
    from("HF_HUB_CACHE", "")
        .or_else(|| from("HF_HOME", "hub"))
        .or_else(|| from("HOME", ".cache/huggingface/hub"))
}

#[cfg(test)]
mod tests {
    use kernels::Cpu;

    use super::*;
    use crate::nn::{Init, Scope};

    /// Loads one tensor of the shape `there` into a parameter of the shape `here`.
    fn load(there: &[usize], here: &[usize]) -> Result<Vec<f32>, String> {
        let mut declarations = Vec::new();
        let shape: Shape = match *here {
            [a] => [a].into(),
            [a, b] => [a, b].into(),
            [a, b, c] => [a, b, c].into(),
            _ => panic!("more axes than these cases have"),
        };
        Scope::root(&mut declarations).param("x", shape, Init::Constant(0.0));
        let mut params = Params::draw(&Cpu::default(), &declarations, 0).unwrap();
        let values: Vec<f32> = (0..there.iter().product()).map(|index: usize| index as f32).collect();
        let tensors = Tensors::from([("x".to_owned(), (there.to_vec(), values))]);
        take(&mut params, &tensors, Path::new("f"), Match::Strict).map_err(|error| error.to_string())?;
        Ok(params.by_name("x").unwrap().array().to_vec())
    }

    #[test]
    fn axes_of_one_that_a_shape_leaves_out_do_not_matter() {
        let ramp = |count: usize| Ok((0..count).map(|index| index as f32).collect());
        for (there, here) in [
            (&[4, 1][..], &[4][..]),
            (&[1, 4], &[4]),
            (&[1, 1, 3, 2], &[3, 2]),
            (&[3, 2, 1], &[3, 2]),
            (&[3, 2], &[1, 3, 2]),
        ] {
            assert_eq!(load(there, here), ramp(there.iter().product()), "{there:?} {here:?}");
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        // A transposed matrix, a flattened one, a convolution of one input channel for a pointwise one, a wider head, a missing axis.
        for (there, here) in [
            (&[3, 2][..], &[2, 3][..]),
            (&[6], &[2, 3]),
            (&[8, 1, 5], &[8, 5, 1]),
            (&[32, 24], &[40, 24]),
            (&[2, 1, 3], &[3, 2]),
            (&[4, 1], &[1, 4]),
        ] {
            let error = load(there, here).expect_err(&format!("{there:?} was taken for {here:?}"));
            assert!(error.contains(&format!("`x` is {there:?} there and")), "{error}");
        }
    }
}
