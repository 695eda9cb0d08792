//! Parity with the reference libraries: tests/parity/README.md says which check is where, and how close it comes.

mod data;
mod forward;
mod rules;
mod text;

use std::path::PathBuf;

use runner::model::weights::{Tensors, read_tensors};

/// A committed file of numbers that another program made.
fn golden(name: &str) -> PathBuf {
    crate::support::root().join("tests/parity").join(name)
}

/// The text of a golden.
fn golden_text(name: &str) -> String {
    std::fs::read_to_string(golden(name)).expect("the golden is committed")
}

/// The tensors of a golden.
fn golden_tensors(name: &str) -> Tensors {
    read_tensors(&golden(name)).expect("the golden is committed")
}

/// The numbers of a cell, separated by spaces.
fn numbers<T: std::str::FromStr>(cell: &str) -> Vec<T> {
    let number = |word: &str| word.parse().unwrap_or_else(|_| panic!("`{word}` is no number"));
    cell.split(' ').filter(|word| !word.is_empty()).map(number).collect()
}
