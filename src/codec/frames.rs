//! Frames of sound or of features between layers.

use kernels::{Array, Cpu, OpError};

/// Frames one after the other: [T, width].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frames {
    pub values: Vec<f32>,
    pub width: usize,
}

impl Frames {
    pub fn count(&self) -> usize {
        self.values.len() / self.width
    }

    /// As [1, T, width].
    pub fn array(self) -> Result<Array<Cpu>, OpError> {
        let shape = [1, self.count(), self.width];
        Array::from_vec(&Cpu::default(), self.values, shape)
    }

    pub fn of(array: &Array<Cpu>) -> Self {
        Frames { width: array.shape().last(), values: array.to_vec() }
    }
}
