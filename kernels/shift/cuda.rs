//! The device half: one pass each way.

use super::Shift;
use crate::cuda::{Arg, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise};

static SOURCE: Source = Source { name: "shift", text: include_str!("shift.cu") };

impl CudaOp for Shift {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        _save: bool,
    ) -> Result<(), Failure> {
        self.moved(gpu, inputs[0], outputs[0], 0.0, -(self.frame as i64))
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        _inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        dinputs[0].map_or(Ok(()), |dx| self.moved(gpu, doutputs[0], dx.part, dx.beta(), self.frame as i64))
    }
}

impl Shift {
    /// Each value of `to` = beta · itself + the one of `from` that is `ahead` in the same sequence, or 0 where there is none.
    fn moved(&self, gpu: &dyn Launch, from: Part, to: Part, beta: f32, ahead: i64) -> Result<(), Failure> {
        let batch = to.len().checked_div(self.sequence).unwrap_or(0);
        let args = [from.into(), to.into(), beta.into(), self.sequence.into(), Arg::I64(ahead)];
        gpu.launch(&SOURCE, "shift_values", pointwise::sequences(batch, self.sequence), &args)
    }
}
