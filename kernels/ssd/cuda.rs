//! The device half: chunks of each sequence side by side as products of tiles, a carry over the chunks between them.
//!
//! A simple scan has chunks of one step.

use super::{Ssd, SsdScan};
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Grid, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source = Source { name: "ssd", text: include_str!("ssd.cu") };

/// As in the kernels: rows and columns of a tile, threads of a block.
const TILE: usize = 64;
const THREADS: usize = 256;

/// How the work is cut: a function of the extents alone.
struct Cut {
    sequences: usize,
    chunk: usize,
    chunks: usize,
}

impl SsdScan {
    /// Of `steps` steps of heads, more than none.
    fn cut(&self, steps: usize) -> Cut {
        let chunk = if self.constants.simple { 1 } else { self.constants.chunk.min(TILE).min(self.time) };
        let sequences = steps / (self.time * self.constants.heads);
        Cut { sequences, chunk, chunks: self.time.div_ceil(chunk) }
    }

    /// Heads of all chunks: a block has one.
    fn blocks(&self, cut: &Cut) -> usize {
        cut.sequences * cut.chunks * self.constants.heads
    }

    fn extents(&self, cut: &Cut) -> [Arg; 7] {
        let Ssd { heads, head_dim, groups, state, .. } = self.constants;
        [self.time, heads, head_dim, groups, state, cut.chunk, cut.chunks].map(Arg::from)
    }

    /// The states that come into the chunks; or, given `dy`, the gradients of those that leave them.
    fn states(
        &self,
        gpu: &dyn Launch,
        cut: &Cut,
        [xbc, delta, sums]: [Part; 3],
        dy: Option<Part>,
    ) -> Result<Buffer, Failure> {
        let Ssd { heads, head_dim, state, .. } = self.constants;
        let size = state * head_dim;
        let states = gpu.buffer(self.blocks(cut) * size)?;
        let backwards = Arg::from(dy.is_some());
        let operands = [xbc, dy.unwrap_or(Part::NONE), delta, sums, states.part()].map(Arg::from);
        let args = [&operands[..], &[backwards], &self.extents(cut)].concat();
        let grid =
            Grid::new(self.blocks(cut), THREADS).by(state.div_ceil(TILE)).deep(head_dim.div_ceil(TILE));
        gpu.launch(&SOURCE, "ssd_states", grid, &args)?;
        let all = cut.sequences * heads * size;
        let extents = [self.time, heads, size, cut.chunk, cut.chunks, all].map(Arg::from);
        let args = [&[Arg::from(sums), (&states).into(), backwards][..], &extents].concat();
        gpu.launch(&SOURCE, "ssd_carry", Grid::over(all, THREADS), &args)?;
        Ok(states)
    }
}

impl CudaOp for SsdScan {
    /// Δ [B, T, H], its running sums in f64, and the states that come into the chunks, [B, chunks, H, N, P].
    type Saved = Option<[Buffer; 3]>;

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
    ) -> Result<Option<[Buffer; 3]>, Failure> {
        let &[xbc, dt, a_log, d, dt_bias] = inputs else { unreachable!("five inputs") };
        if dt.is_empty() {
            return Ok(None);
        }
        let Ssd { heads, dt_min, dt_max, .. } = self.constants;
        let cut = self.cut(dt.len());
        let [delta, sums] = [gpu.buffer(dt.len())?, gpu.buffer(2 * dt.len())?];
        let operands = [dt, a_log, dt_bias, delta.part(), sums.part()].map(Arg::from);
        let bounds = [dt_min, dt_max].map(Arg::from);
        let all = self.blocks(&cut);
        let extents = [self.time, heads, cut.chunk, cut.chunks, all].map(Arg::from);
        let args = [&operands[..], &bounds, &extents].concat();
        gpu.launch(&SOURCE, "ssd_steps", Grid::over(all, 128), &args)?;
        let states = self.states(gpu, &cut, [xbc, delta.part(), sums.part()], None)?;
        let operands = [xbc, d, delta.part(), sums.part(), states.part(), outputs[0]].map(Arg::from);
        let args = [&operands[..], &self.extents(&cut)].concat();
        gpu.launch(&SOURCE, "ssd_forward", Grid::new(all, THREADS), &args)?;
        Ok(save.then_some([delta, sums, states]))
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<[Buffer; 3]>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let Some([delta, sums, states]) = saved else {
            return pointwise::zero_fresh(gpu, dinputs);
        };
        let &[xbc, dt, a_log, d, dt_bias] = inputs else { unreachable!("five inputs") };
        let Ssd { heads, groups, state, dt_min, dt_max, .. } = self.constants;
        let (cut, dy) = (self.cut(dt.len()), doutputs[0]);
        let pulls = self.states(gpu, &cut, [xbc, delta.part(), sums.part()], Some(dy))?;
        let draw = gpu.buffer(dt.len())?;
        let rows = cut.sequences * cut.chunks;
        let [da_log, dd] = [gpu.buffer(rows * heads)?, gpu.buffer(rows * heads)?];
        let part = |index: usize| dinputs[index].map_or(Part::NONE, |gradient| gradient.part);
        let beta = |index: usize| dinputs[index].map_or(0.0, |gradient| gradient.beta());
        let kept = [delta.part(), sums.part(), states.part(), pulls.part(), dy].map(Arg::from);
        let operands = [xbc, dt, a_log, d, dt_bias].map(Arg::from);
        let results = [part(0), part(1), draw.part(), da_log.part(), dd.part()].map(Arg::from);
        let numbers = [beta(0), beta(1), dt_min, dt_max].map(Arg::from);
        let extents = self.extents(&cut);
        let args = [&operands[..], &kept, &results, &numbers, &extents].concat();
        gpu.launch(&SOURCE, "ssd_backward", Grid::new(self.blocks(&cut), THREADS), &args)?;
        if let Some(dxbc) = dinputs[0] {
            let results = [Arg::from(dxbc.part), dxbc.beta().into()];
            let args = [&[Arg::from(xbc)][..], &kept, &results, &extents].concat();
            let grid = Grid::new(rows * groups, THREADS).by(state.div_ceil(TILE));
            gpu.launch(&SOURCE, "ssd_by_groups", grid, &args)?;
        }
        let steps = dt.len() / heads;
        for (index, parts, rows) in [(2, &da_log, rows), (3, &dd, rows), (4, &draw, steps)] {
            if let Some(to) = dinputs[index] {
                reduce::column_sums(gpu, parts.part(), [rows, heads], to.part, to.beta())?;
            }
        }
        Ok(())
    }
}
