//! The device half: one pass each way.

use super::Relu;
use crate::cuda::Source;
use crate::cuda::pointwise::{Entries, Pointwise};

static SOURCE: Source = Source { name: "relu", text: include_str!("relu.cu") };

impl Pointwise for Relu {
    const ENTRIES: Entries = Entries { source: &SOURCE, forward: "relu_forward", backward: "relu_backward" };
}
