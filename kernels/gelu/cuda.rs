//! The device half: one pass each way.

use super::Gelu;
use crate::cuda::Source;
use crate::cuda::pointwise::{Entries, Pointwise};

static SOURCE: Source = Source { name: "gelu", text: include_str!("gelu.cu") };

impl Pointwise for Gelu {
    const ENTRIES: Entries = Entries { source: &SOURCE, forward: "gelu_forward", backward: "gelu_backward" };
}
