//! The device half: one pass each way, and chunks of frames for the embedding's gradient.

use super::TimeMask;
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source = Source { name: "time_mask", text: include_str!("time_mask.cu") };

impl CudaOp for TimeMask {
    /// Whether each frame is masked.
    type Saved = Option<Buffer>;

    fn keeps_input(&self, _index: usize) -> bool {
        false
    }

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
        save: bool,
    ) -> Result<Option<Buffer>, Failure> {
        let (frames, channels) = (self.mask.len(), self.channels);
        let mask: Vec<u32> = self.mask.iter().map(|&masked| masked.into()).collect();
        let mask = gpu.upload(&mask)?;
        let operands = [Arg::from(inputs[0]), inputs[1].into(), (&mask).into(), outputs[0].into()];
        let args = [&operands[..], &[frames.into(), channels.into()]].concat();
        gpu.launch(&SOURCE, "time_mask_forward", pointwise::rows(frames, channels), &args)?;
        Ok(save.then_some(mask))
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<Buffer>,
        _inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let Some(mask) = saved else {
            return pointwise::zero_fresh(gpu, dinputs);
        };
        let (frames, channels, dout) = (self.mask.len(), self.channels, doutputs[0]);
        if let Some(dx) = dinputs[0] {
            let operands = [Arg::from(dout), (&mask).into(), dx.part.into(), dx.beta().into()];
            let args = [&operands[..], &[frames.into(), channels.into()]].concat();
            gpu.launch(&SOURCE, "time_mask_backward", pointwise::rows(frames, channels), &args)?;
        }
        let Some(dembedding) = dinputs[1] else { return Ok(()) };
        let [count, each] = reduce::chunks(frames);
        let parts = gpu.buffer(count * channels)?;
        let operands = [Arg::from(dout), (&mask).into(), (&parts).into()];
        let args = [&operands[..], &[frames.into(), channels.into(), each.into()]].concat();
        gpu.launch(&SOURCE, "time_mask_parts", reduce::over_columns(channels, count, 1), &args)?;
        reduce::sum_parts(gpu, parts.part(), count, dembedding.part, dembedding.beta())
    }
}
