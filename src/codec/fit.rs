//! Parameters out of a file whose tensors say the sizes.

use std::path::Path;

use kernels::Cpu;

use super::CodecError;
use crate::model::weights::{Match, Tensors, WeightsError, take};
use crate::nn::{Declaration, Params};

/// The declared parameters with the values of tensors that were read from the file `from`.
///
/// Names and shapes are compared before there is room for any: sizes out of a damaged file may be of any extent.
///
/// # Errors
/// Tensors are missing or of another shape, all of them at once; or hold a value that is none.
pub(super) fn filled(
    declarations: &[Declaration],
    tensors: &Tensors,
    from: &Path,
) -> Result<Params<Cpu>, CodecError> {
    let misfit = |one: &Declaration| match tensors.get(&one.name) {
        Some((shape, _)) if shape == one.shape.dims() => None,
        Some((shape, _)) => Some(format!("`{}` is {shape:?} there and {} here", one.name, one.shape)),
        None => Some(format!("`{}` is missing", one.name)),
    };
    let misfits: Vec<String> = declarations.iter().filter_map(misfit).collect();
    if !misfits.is_empty() {
        return Err(WeightsError::Misfit { path: from.to_owned(), misfits }.into());
    }
    let mut params = Params::draw(&Cpu::default(), declarations, 0)?;
    take(&mut params, tensors, from, Match::Strict)?;
    Ok(params)
}
