//! The device half: one pass each way; sums over sequences in their order.

use super::PlaceTokens;
use crate::cuda::{Arg, CudaOp, Failure, Gradient, Grid, Launch, Part, Source, pointwise};

static SOURCE: Source = Source { name: "place_tokens", text: include_str!("place_tokens.cu") };

impl CudaOp for PlaceTokens {
    type Saved = ();

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
        _save: bool,
    ) -> Result<(), Failure> {
        let (rows, channels) = (self.tokens + self.time, self.channels);
        let batch = outputs[0].len().checked_div(rows * channels).unwrap_or(0);
        let operands = [Arg::from(inputs[0]), inputs[1].into(), inputs[2].into(), outputs[0].into()];
        let extents = [Arg::from(self.at), self.tokens.into(), self.time.into(), channels.into()];
        let grid = pointwise::rows(rows, channels).deep(batch);
        gpu.launch(&SOURCE, "place_tokens_forward", grid, &[operands, extents].concat())
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        _inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let (dout, channels, sequence) =
            (doutputs[0], self.channels, (self.tokens + self.time) * self.channels);
        let batch = dout.len().checked_div(sequence).unwrap_or(0);
        if let Some(dx) = dinputs[0] {
            let operands = [Arg::from(dout), dx.part.into(), dx.beta().into(), self.at.into()];
            let args = [&operands[..], &[self.tokens.into(), self.time.into(), channels.into()]].concat();
            let grid = pointwise::rows(self.time, channels).deep(batch);
            gpu.launch(&SOURCE, "place_tokens_backward", grid, &args)?;
        }
        for (gradient, first) in [(dinputs[1], self.span().start), (dinputs[2], 0)] {
            let Some(sums) = gradient else { continue };
            let operands = [Arg::from(dout), sums.part.into(), sums.beta().into(), batch.into()];
            let args = [&operands[..], &[sequence.into(), first.into(), sums.part.len().into()]].concat();
            gpu.launch(&SOURCE, "place_tokens_sums", Grid::over(sums.part.len(), 256), &args)?;
        }
        Ok(())
    }
}
