//! The device half: one pass each way.

use super::Elu;
use crate::cuda::{CudaOp, Failure, Gradient, Launch, Part, Source, pointwise};

static SOURCE: Source = Source { name: "elu", text: include_str!("elu.cu") };

impl CudaOp for Elu {
    type Saved = ();

    fn overwrites(&self) -> bool {
        true
    }

    fn sets_gradient(&self, _index: usize) -> bool {
        true
    }

    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        _save: bool,
    ) -> Result<(), Failure> {
        pointwise::map(gpu, &SOURCE, "elu_forward", inputs[0], outputs[0])
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let Some(dx) = dinputs[0] else { return Ok(()) };
        pointwise::pull_back(gpu, &SOURCE, "elu_backward", [inputs[0], doutputs[0]], dx)
    }
}
