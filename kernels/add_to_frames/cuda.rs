//! The device half: one pass each way, and chunks of frames for the sums.

use super::AddToFrames;
use crate::cuda::{Arg, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source = Source { name: "add_to_frames", text: include_str!("add_to_frames.cu") };

impl CudaOp for AddToFrames {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        _save: bool,
    ) -> Result<(), Failure> {
        let batch = outputs[0].len().checked_div(self.time * self.channels).unwrap_or(0);
        let operands = [inputs[0], inputs[1], outputs[0]].map(Arg::from);
        let args = [&operands[..], &[self.time.into(), self.channels.into()]].concat();
        let grid = pointwise::rows(self.time, self.channels).deep(batch);
        gpu.launch(&SOURCE, "add_to_frames_forward", grid, &args)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        _inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let (dout, time, channels) = (doutputs[0], self.time, self.channels);
        if let Some(dx) = dinputs[0] {
            let args = [dout.into(), dx.part.into(), dx.beta().into(), dout.len().into()];
            gpu.launch(&SOURCE, "add_to_frames_backward", pointwise::elements(dout.len()), &args)?;
        }
        let Some(dv) = dinputs[1] else { return Ok(()) };
        let batch = dv.part.len().checked_div(channels).unwrap_or(0);
        let [count, each] = reduce::chunks(time);
        let parts = gpu.buffer(count * dv.part.len())?;
        let args = [dout.into(), (&parts).into(), time.into(), channels.into(), each.into()];
        gpu.launch(&SOURCE, "add_to_frames_parts", reduce::over_columns(channels, count, batch), &args)?;
        reduce::sum_parts(gpu, parts.part(), count, dv.part, dv.beta())
    }
}
