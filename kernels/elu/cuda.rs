//! The device half: one pass each way.

use super::Elu;
use crate::cuda::Source;
use crate::cuda::pointwise::{Entries, Pointwise};

static SOURCE: Source = Source { name: "elu", text: include_str!("elu.cu") };

impl Pointwise for Elu {
    const ENTRIES: Entries = Entries { source: &SOURCE, forward: "elu_forward", backward: "elu_backward" };
}
