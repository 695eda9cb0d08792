//! The device half: one pass each way, both gradients in one.

use super::Add;
use crate::cuda::{Arg, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise};
use crate::dropout::Factors;

static SOURCE: Source = Source { name: "add", text: include_str!("add.cu") };

impl CudaOp for Add {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        _save: bool,
    ) -> Result<(), Failure> {
        let out = outputs[0];
        let operands = [Arg::from(inputs[0]), inputs[1].into(), out.into(), out.len().into()];
        let args = [&operands[..], &Factors::args(self.factors)].concat();
        gpu.launch(&SOURCE, "add_forward", pointwise::elements(out.len()), &args)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        _inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let dout = doutputs[0];
        let ([da, beta_a], [db, beta_b]) = (pointwise::wanted(dinputs[0]), pointwise::wanted(dinputs[1]));
        let operands = [Arg::from(dout), da, db, beta_a, beta_b, dout.len().into()];
        let args = [&operands[..], &Factors::args(self.factors)].concat();
        gpu.launch(&SOURCE, "add_backward", pointwise::elements(dout.len()), &args)
    }
}
