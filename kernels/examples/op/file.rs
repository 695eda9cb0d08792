//! Tensors in and out.

use kernels::on_files::{Named, Tensors, Wrong};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

/// All tensors of a file.
pub fn read(path: &str) -> Result<Tensors, Wrong> {
    let wrong = |why: String| Wrong(format!("cannot read `{path}`: {why}"));
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| wrong(error.to_string()))?;
    let tensor = |(name, view): (String, TensorView<'_>)| {
        if view.dtype() != Dtype::F32 {
            return Err(wrong(format!("`{name}` is {:?}; all tensors have to be F32", view.dtype())));
        }
        let (words, _) = view.data().as_chunks::<4>();
        let values = words.iter().map(|&word| f32::from_le_bytes(word)).collect();
        Ok((name, (view.shape().to_vec(), values)))
    };
    file.tensors().into_iter().map(tensor).collect()
}

/// Writes them all.
pub fn write(path: &str, tensors: &[Named]) -> Result<(), Wrong> {
    let wrong = |why: String| Wrong(format!("cannot write `{path}`: {why}"));
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| values.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.clone(), view))
    });
    let views: Vec<(String, TensorView<'_>)> =
        views.collect::<Result<_, _>>().map_err(|error| wrong(error.to_string()))?;
    let file = safetensors::serialize(views, None).map_err(|error| wrong(error.to_string()))?;
    std::fs::write(path, file).map_err(|error| wrong(error.to_string()))
}
