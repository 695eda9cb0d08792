//! The device half: one pass each way, both gradients in one.

use super::Blend;
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise};

static SOURCE: Source = Source { name: "blend", text: include_str!("blend.cu") };

impl CudaOp for Blend {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        _save: bool,
    ) -> Result<(), Failure> {
        let weights = self.upload(gpu)?;
        let operands = [Arg::from(inputs[0]), inputs[1].into(), (&weights).into(), outputs[0].into()];
        let grid = pointwise::sequences(self.weights.len(), self.sequence);
        gpu.launch(&SOURCE, "blend_forward", grid, &[&operands[..], &[self.sequence.into()]].concat())
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        _inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let weights = self.upload(gpu)?;
        let ([da, beta_a], [db, beta_b]) = (pointwise::wanted(dinputs[0]), pointwise::wanted(dinputs[1]));
        let operands =
            [Arg::from(doutputs[0]), (&weights).into(), da, db, beta_a, beta_b, self.sequence.into()];
        let grid = pointwise::sequences(self.weights.len(), self.sequence);
        gpu.launch(&SOURCE, "blend_backward", grid, &operands)
    }
}

impl Blend {
    fn upload(&self, gpu: &dyn Launch) -> Result<Buffer, Failure> {
        gpu.upload(&self.weights.as_flattened().iter().map(|weight| weight.to_bits()).collect::<Vec<u32>>())
    }
}
