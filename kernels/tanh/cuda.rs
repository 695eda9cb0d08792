//! The device half: one pass each way.

use super::Tanh;
use crate::cuda::Source;
use crate::cuda::pointwise::{Entries, Pointwise};

static SOURCE: Source = Source { name: "tanh", text: include_str!("tanh.cu") };

impl Pointwise for Tanh {
    const ENTRIES: Entries = Entries { source: &SOURCE, forward: "tanh_forward", backward: "tanh_backward" };
}
