//! Parity with the reference libraries: tests/parity/README.md says which check is where, and how close it comes.

mod data;
mod features;
mod first_values;
mod forward;
mod layers;
mod losses;
mod pattern;
mod rules;
mod sample_metrics;
mod sashimi;
mod ssamba;
mod text;
mod training;

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

/// The largest difference over the largest value wanted; said under `--nocapture`, for the README's table.
fn closeness(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len(), "{what}");
    let largest = want.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let worst = got.iter().zip(want).fold(0.0f32, |worst, (got, want)| worst.max((got - want).abs()));
    println!("check {what}: {:.1e}", worst / largest);
    assert!(
        worst <= tolerance * largest,
        "{what}: {:e} of the largest, at most {tolerance:e}",
        worst / largest
    );
}
