//! The device half: one pass each way over the rows.

use super::Glu;
use crate::cuda::{CudaOp, Failure, Gradient, Launch, Part, Source, pointwise};

static SOURCE: Source = Source { name: "glu", text: include_str!("glu.cu") };

impl CudaOp for Glu {
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
        let args =
            [inputs[0].into(), outputs[0].into(), self.rows_of(outputs[0]).into(), self.channels.into()];
        gpu.launch(&SOURCE, "glu_forward", pointwise::rows(self.rows_of(outputs[0]), self.channels), &args)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let (Some(dx), dout) = (dinputs[0], doutputs[0]) else { return Ok(()) };
        let rows = self.rows_of(dout);
        let args = [
            inputs[0].into(),
            dout.into(),
            dx.part.into(),
            dx.beta().into(),
            rows.into(),
            self.channels.into(),
        ];
        gpu.launch(&SOURCE, "glu_backward", pointwise::rows(rows, self.channels), &args)
    }
}

impl Glu {
    fn rows_of(&self, out: Part) -> usize {
        out.len().checked_div(self.channels).unwrap_or(0)
    }
}
