//! The device half: one pass each way over runs of time; the filter's gradient in a part for each run.

use super::CausalConv1d;
use crate::cuda::{Arg, CudaOp, Failure, Gradient, Grid, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source = Source { name: "causal_conv1d", text: include_str!("causal_conv1d.cu") };

/// Threads of a block.
const THREADS: usize = 128;
/// Runs × channels that a GPU is to have at once.
const WANTED: usize = 1 << 20;
/// Least and greatest number of steps of a run.
const STEPS: [usize; 2] = [16, 128];

/// How the work is cut. A function of the extents alone, but for the alignment of the operands.
struct Cut {
    /// Steps of a run.
    run: usize,
    /// Runs of a sequence.
    runs: usize,
    /// Runs of all sequences.
    all: usize,
    /// Channels of a thread.
    each: usize,
    grid: Grid,
}

impl CausalConv1d {
    fn cut(&self, operands: &[Part]) -> Cut {
        let elements = operands[0].len();
        let run = (elements / WANTED).clamp(STEPS[0], STEPS[1]);
        let runs = self.time.div_ceil(run);
        let all = elements / (self.time * self.channels) * runs;
        let aligned = operands.iter().all(|part| part.address().is_multiple_of(16));
        let each = if self.channels.is_multiple_of(4) && aligned { 4 } else { 1 };
        let grid = Grid::new(all, THREADS).by(self.channels.div_ceil(each * THREADS));
        Cut { run, runs, all, each, grid }
    }

    fn extents(&self, cut: &Cut) -> [Arg; 7] {
        [
            self.time.into(),
            self.channels.into(),
            cut.run.into(),
            cut.runs.into(),
            (self.taps as i32).into(),
            (cut.each as i32).into(),
            self.silu.into(),
        ]
    }
}

impl CudaOp for CausalConv1d {
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
        if outputs[0].is_empty() {
            return Ok(());
        }
        let cut = self.cut(&[inputs[0], outputs[0]]);
        let operands = [inputs[0], inputs[1], inputs[2], outputs[0]].map(Arg::from);
        let args = [&operands[..], &self.extents(&cut)].concat();
        gpu.launch(&SOURCE, "causal_conv1d_forward", cut.grid, &args)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        if doutputs[0].is_empty() {
            return pointwise::zero_fresh(gpu, dinputs);
        }
        let dx = dinputs[0].map_or(Part::NONE, |dx| dx.part);
        let cut = self.cut(&[inputs[0], doutputs[0], dx]);
        let rows = [cut.all, self.taps * self.channels];
        let dweights = gpu.buffer(rows[0] * rows[1])?;
        let dbiases = gpu.buffer(cut.all * self.channels)?;
        let operands = [inputs[0], inputs[1], inputs[2], doutputs[0], dx, dweights.part(), dbiases.part()];
        let beta = dinputs[0].map_or(0.0, |dx| dx.beta());
        let args = [&operands.map(Arg::from)[..], &[beta.into()], &self.extents(&cut)].concat();
        gpu.launch(&SOURCE, "causal_conv1d_backward", cut.grid, &args)?;
        if let Some(dweight) = dinputs[1] {
            reduce::column_sums(gpu, dweights.part(), rows, dweight.part, dweight.beta())?;
        }
        if let Some(dbias) = dinputs[2] {
            let rows = [cut.all, self.channels];
            reduce::column_sums(gpu, dbiases.part(), rows, dbias.part, dbias.beta())?;
        }
        Ok(())
    }
}
