//! The device half: frame by frame.

use super::KlDivergence;
use crate::cuda::frames::Frames;
use crate::cuda::{Buffer, CudaOp, Failure, Gradient, Launch, Part, Source};

static SOURCE: Source = Source { name: "kl_divergence", text: include_str!("kl_divergence.cu") };

impl CudaOp for KlDivergence {
    /// The weight of each frame.
    type Saved = Option<Buffer>;

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, index: usize) -> bool {
        index == 0
    }

    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        save: bool,
    ) -> Result<Option<Buffer>, Failure> {
        self.frames().forward(gpu, inputs, outputs, save)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<Buffer>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        self.frames().backward(gpu, saved, inputs, doutputs[0], dinputs)
    }
}

impl KlDivergence {
    fn frames(&self) -> Frames<'_> {
        Frames {
            source: &SOURCE,
            forward: ["kl_divergence_forward_warps", "kl_divergence_forward_blocks"],
            backward: ["kl_divergence_backward_warps", "kl_divergence_backward_blocks"],
            weights: &self.weights,
            constant: self.temperature.recip(),
        }
    }
}
