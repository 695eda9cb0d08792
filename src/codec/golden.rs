//! Help for tests: numbers of other programs beside ours.

use std::path::{Path, PathBuf};

use super::artifact::Codes;
use crate::model::weights::Tensors;

/// Holds that no number is further off than `tolerance`.
pub(super) fn near(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len(), "{what}");
    // What is no number is not near.
    let near = |(got, want): &(&f32, &f32)| (*got - *want).abs() <= tolerance;
    let far = got.iter().zip(want).find(|pair| !near(pair));
    assert!(far.is_none(), "{what}: {far:?}");
}

/// The folder with a codec of the published sizes and its outputs, which `tests/parity/make_NAME.py --large` writes.
pub(super) fn published(name: &str) -> PathBuf {
    let folder =
        std::env::var_os("RUNNER_CODEC_FILES").expect("RUNNER_CODEC_FILES names the folder of folders");
    PathBuf::from(folder).join(name)
}

/// Codes [levels, frames] out of a file of tensors.
pub(super) fn codes_of(tensors: &Tensors, name: &str) -> Codes {
    let (shape, values) = &tensors[name];
    Codes::new(shape[0], shape[1], values.iter().map(|&code| code as u16).collect())
}

/// Names and extents of a checkpoint as a table has them, with ones for values.
pub(super) fn layout(table: &Path) -> Tensors {
    let table = std::fs::read_to_string(table).unwrap();
    let tensors = table.lines().map(|line| {
        let (name, extents) = line.split_once('\t').unwrap();
        let shape: Vec<usize> = extents
            .split('x')
            .filter(|extent| !extent.is_empty())
            .map(|extent| extent.parse().unwrap())
            .collect();
        let count = shape.iter().product();
        (name.to_owned(), (shape, vec![1.0; count]))
    });
    tensors.collect()
}
