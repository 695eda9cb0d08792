//! The device half: sums over stretches of frames, joined in f64; then one pass that applies them.

use super::GroupNorm;
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Grid, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source = Source { name: "group_norm", text: include_str!("group_norm.cu") };

/// Frames of a stretch.
const FRAMES: usize = 128;
/// Threads that join one group.
const JOINING: usize = 256;

impl CudaOp for GroupNorm {
    /// μ rounded, what rounding took of it, and 1/σ, of each group of each sequence.
    type Saved = Option<Buffer>;

    fn keeps_input(&self, index: usize) -> bool {
        index != 2 || self.gelu
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
        let [x, weight, bias] = [inputs[0], inputs[1], inputs[2]];
        if x.is_empty() {
            return Ok(None);
        }
        let Extents { batch, channels, stretches } = self.extents(x, weight);
        let parts = gpu.buffer(batch * stretches * 2 * channels)?;
        let columns = reduce::over_columns(channels, stretches, batch);
        let args = [x.into(), (&parts).into(), self.time.into(), channels.into(), FRAMES.into()];
        gpu.launch(&SOURCE, "group_norm_stretches", columns, &args)?;
        let statistics = gpu.buffer(3 * batch * self.groups)?;
        let extents = [self.time, channels, self.groups, FRAMES].map(Arg::from);
        let joining = Grid::new(self.groups, JOINING).by(batch);
        let args = [&[Arg::from(x), (&parts).into(), (&statistics).into()][..], &extents, &[self.eps.into()]]
            .concat();
        gpu.launch(&SOURCE, "group_norm_join", joining, &args)?;
        let operands = [x, weight, bias, statistics.part(), outputs[0]].map(Arg::from);
        let args = [&operands[..], &extents, &[self.gelu.into()]].concat();
        gpu.launch(&SOURCE, "group_norm_apply", columns, &args)?;
        Ok(save.then_some(statistics))
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<Buffer>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let Some(statistics) = saved else {
            return pointwise::zero_fresh(gpu, dinputs);
        };
        let [x, weight, bias] = [inputs[0], inputs[1], inputs[2]];
        let Extents { batch, channels, stretches } = self.extents(x, weight);
        let operands = [x, weight, bias, statistics.part(), doutputs[0]].map(Arg::from);
        let extents = [self.time, channels, self.groups, FRAMES].map(Arg::from);
        let columns = reduce::over_columns(channels, stretches, batch);
        let parts = gpu.buffer(batch * stretches * 2 * channels)?;
        let args = [&operands[..], &[(&parts).into()], &extents, &[self.gelu.into()]].concat();
        gpu.launch(&SOURCE, "group_norm_sums", columns, &args)?;
        // Σ_t dout x̂ of every sequence and channel, and then Σ_t dout.
        let totals = gpu.buffer(2 * batch * channels)?;
        let args = [(&parts).into(), (&totals).into(), stretches.into(), channels.into()];
        gpu.launch(&SOURCE, "group_norm_totals", reduce::over_columns(channels, batch, 2), &args)?;
        for (gradient, half) in dinputs[1..].iter().zip([0, 1]) {
            let Some(gradient) = gradient else { continue };
            let of_sequences = totals.part().slice(half * batch * channels, batch * channels);
            reduce::sum_parts(gpu, of_sequences, batch, gradient.part, gradient.beta())?;
        }
        let Some(dx) = dinputs[0] else { return Ok(()) };
        let means = gpu.buffer(2 * batch * self.groups)?;
        let args = [(&totals).into(), weight.into(), (&means).into(), self.time.into(), channels.into()];
        gpu.launch(&SOURCE, "group_norm_means", Grid::new(self.groups, JOINING).by(batch), &args)?;
        let gradient = [(&means).into(), dx.part.into(), dx.beta().into()];
        let args = [&operands[..], &gradient, &extents, &[self.gelu.into()]].concat();
        gpu.launch(&SOURCE, "group_norm_backward", columns, &args)
    }
}

struct Extents {
    batch: usize,
    channels: usize,
    stretches: usize,
}

impl GroupNorm {
    fn extents(&self, x: Part, weight: Part) -> Extents {
        let channels = weight.len();
        Extents { batch: x.len() / (self.time * channels), channels, stretches: self.time.div_ceil(FRAMES) }
    }
}
