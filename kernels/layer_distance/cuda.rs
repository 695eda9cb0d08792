//! The device half: frame by frame.

use super::LayerDistance;
use crate::cuda::frames::Frames;
use crate::cuda::{Buffer, CudaOp, Failure, Gradient, Launch, Part, Source};

static SOURCE: Source = Source { name: "layer_distance", text: include_str!("layer_distance.cu") };

impl CudaOp for LayerDistance {
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

impl LayerDistance {
    fn frames(&self) -> Frames<'_> {
        Frames {
            source: &SOURCE,
            forward: ["layer_distance_forward_warps", "layer_distance_forward_blocks"],
            backward: ["layer_distance_backward_warps", "layer_distance_backward_blocks"],
            weights: &self.weights,
            constant: self.eps,
        }
    }
}
