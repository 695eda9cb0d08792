//! The device half: one pass each way.

use super::Silu;
use crate::cuda::Source;
use crate::cuda::pointwise::{Entries, Pointwise};

static SOURCE: Source = Source { name: "silu", text: include_str!("silu.cu") };

impl Pointwise for Silu {
    const ENTRIES: Entries = Entries { source: &SOURCE, forward: "silu_forward", backward: "silu_backward" };
}
