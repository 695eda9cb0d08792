//! What models that recognise have in common: waveforms in, scores out.

use std::sync::Arc;

use kernels::{Array, OpError};

/// Waveforms on the device.
pub struct Input<D: kernels::Device> {
    /// [B, L, 1]
    pub waveforms: Array<D>,
    /// Valid samples per row.
    pub samples: Vec<usize>,
    /// What the front end made of each row before, where that is known; such a row's waveform is not looked at. None at all where none is known.
    pub features: Vec<Option<Arc<[f32]>>>,
}

impl<D: kernels::Device> Input<D> {
    /// Waveforms [B, L, 1] of so many valid samples each.
    pub fn of(waveforms: Array<D>, samples: Vec<usize>) -> Self {
        Input { waveforms, samples, features: Vec::new() }
    }

    /// What the front end made of a row before, where that is known.
    pub fn known(&self, row: usize) -> Option<&[f32]> {
        self.features.get(row)?.as_deref()
    }
}

/// Everything a forward pass computes that has a name.
pub struct Activations<D: kernels::Device> {
    /// What the front end makes of the waveforms [B, T, channels].
    pub extract_features: Array<D>,
    /// Encoder input and each layer's output [B, T, width].
    pub hidden_states: Vec<Array<D>>,
    /// CTC scores [B, T, V], where there is such a head.
    pub logits: Option<Array<D>>,
    /// What the classifier heads stand on [B, width], where there are such heads.
    pub pooled: Option<Array<D>>,
    /// Class scores [B, classes] per classifier head.
    pub class_logits: Vec<Array<D>>,
    /// Valid frames per row.
    pub frames: Vec<usize>,
}

impl<D: kernels::Device> Activations<D> {
    /// The CTC scores.
    ///
    /// # Errors
    /// There is no CTC head.
    pub fn ctc(&self) -> Result<&Array<D>, OpError> {
        self.logits.as_ref().ok_or_else(|| OpError::device("ctc", "the model has no CTC head"))
    }
}
