//! The device half: chunks of each sequence side by side, with ΣΔ of a chunk as all that a carry needs.
//!
//! A simple scan is one chunk, which takes the steps in their order and no more.

use super::SelectiveScan;
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Grid, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source = Source { name: "selective_scan", text: include_str!("selective_scan.cu") };

/// Threads of a block.
const THREADS: usize = 128;
/// As in the kernels: steps in registers, and steps between the states that are kept.
const SUB: usize = 8;
const BLOCK: usize = 16;
/// Blocks that a GPU is to have at once, and the fewest steps for which a chunk is worth its carry.
const WANTED: usize = 1024;
const FEWEST: usize = 64;

/// How the work is cut: a function of the extents alone.
struct Cut {
    sequences: usize,
    chunk: usize,
    chunks: usize,
    /// Lanes of a channel, a power of two.
    lanes: usize,
    /// States of a thread.
    each: usize,
    /// Blocks of channels.
    tiles: usize,
    grid: Grid,
}

impl Cut {
    /// States with those that fill up the last thread.
    fn padded(&self) -> usize {
        self.lanes * self.each
    }

    /// Channels of a block.
    fn width(&self) -> usize {
        THREADS / self.lanes
    }

    /// Chunks of all sequences.
    fn rows(&self) -> usize {
        self.sequences * self.chunks
    }

    /// With shared memory for `of_channels` values of each channel of the block, `of_states` of each state, and `more`.
    fn grid(&self, of_channels: usize, of_states: usize, more: usize) -> Grid {
        self.grid.shared(of_channels * self.width() + of_states * self.padded() + more)
    }
}

impl SelectiveScan {
    fn cut(&self, elements: usize) -> Result<Cut, Failure> {
        let each = if self.state <= 128 { 4 } else { 8 };
        let lanes = self.state.div_ceil(each).next_power_of_two();
        if lanes > 32 {
            let state = self.state;
            return Err(Failure::new(format!(
                "a state of {state} per channel, where a warp holds at most 256"
            )));
        }
        let sequences = elements / (self.time * self.channels);
        let tiles = self.channels.div_ceil(THREADS / lanes);
        let wanted = WANTED.div_ceil(sequences * tiles);
        let chunk = match self.simple || wanted == 1 {
            true => self.time,
            false => self.time.div_ceil(wanted).max(FEWEST),
        };
        let chunk = chunk.next_multiple_of(BLOCK);
        let chunks = self.time.div_ceil(chunk);
        let grid = Grid::new(sequences * chunks, THREADS).by(tiles);
        Ok(Cut { sequences, chunk, chunks, lanes, each, tiles, grid })
    }

    fn extents(&self, cut: &Cut) -> [Arg; 7] {
        [
            self.time.into(),
            self.channels.into(),
            self.state.into(),
            cut.chunk.into(),
            cut.chunks.into(),
            (cut.lanes as i32).into(),
            (cut.each as i32).into(),
        ]
    }

    /// What comes into each chunk, from the left or, of gradients, from the right; nothing where a sequence is one chunk.
    fn carried(
        &self,
        gpu: &dyn Launch,
        cut: &Cut,
        entry: &'static str,
        operands: &[Part],
        a_log: Part,
        backwards: bool,
    ) -> Result<Option<Buffer>, Failure> {
        if cut.chunks == 1 {
            return Ok(None);
        }
        let states = gpu.buffer(cut.rows() * self.channels * cut.padded())?;
        let sums = gpu.buffer(cut.rows() * self.channels)?;
        let mut args: Vec<Arg> = operands.iter().map(|&part| part.into()).collect();
        args.extend([Arg::from(&states), (&sums).into()]);
        args.extend(self.extents(cut));
        gpu.launch(&SOURCE, entry, cut.grid(2 * SUB, SUB, 0), &args)?;
        let all = cut.sequences * self.channels * cut.padded();
        let args = [
            a_log.into(),
            (&sums).into(),
            (&states).into(),
            cut.sequences.into(),
            cut.chunks.into(),
            self.channels.into(),
            self.state.into(),
            cut.padded().into(),
            backwards.into(),
        ];
        gpu.launch(&SOURCE, "selective_scan_carry", Grid::over(all, 256), &args)?;
        Ok(Some(states))
    }
}

fn or_none(buffer: Option<&Buffer>) -> Part {
    buffer.map_or(Part::NONE, Buffer::part)
}

impl CudaOp for SelectiveScan {
    /// The states before every sixteenth step: [B, ⌈T / 16⌉, C, N], N filled up to whole threads.
    type Saved = Option<Buffer>;

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
        if outputs[0].is_empty() {
            return Ok(None);
        }
        let &[u, delta, a_log, b, _, _, _, bias] = inputs else { unreachable!("eight inputs") };
        let cut = self.cut(u.len())?;
        let len = cut.sequences * self.time.div_ceil(BLOCK) * self.channels * cut.padded();
        let kept = save.then(|| gpu.buffer(len)).transpose()?;
        let operands = [u, delta, a_log, b, bias];
        let entering = self.carried(gpu, &cut, "selective_scan_ends", &operands, a_log, false)?;
        let mut args: Vec<Arg> = inputs.iter().map(|&part| part.into()).collect();
        args.extend([or_none(entering.as_ref()), outputs[0], or_none(kept.as_ref())].map(Arg::from));
        args.extend(self.extents(&cut));
        gpu.launch(&SOURCE, "selective_scan_forward", cut.grid(3 * SUB, 2 * SUB, 0), &args)?;
        Ok(kept)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<Buffer>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let Some(kept) = saved else {
            return pointwise::zero_fresh(gpu, dinputs);
        };
        let &[u, delta, a_log, _, c, _, z, bias] = inputs else { unreachable!("eight inputs") };
        let cut = self.cut(u.len())?;
        let operands = [delta, a_log, c, z, bias, doutputs[0]];
        let leaving = self.carried(gpu, &cut, "selective_scan_pulls", &operands, a_log, true)?;
        let rows = cut.rows();
        let da_log = gpu.buffer(rows * a_log.len())?;
        let [dd, dbias] = [gpu.buffer(rows * self.channels)?, gpu.buffer(rows * self.channels)?];
        let of_states = |index: usize| {
            let wanted = dinputs[index].map(|gradient| gpu.buffer(cut.tiles * gradient.part.len()));
            wanted.transpose()
        };
        let [db, dc] = [of_states(3)?, of_states(4)?];
        let wide = [0, 1, 6].map(|index| dinputs[index]);
        let mut args: Vec<Arg> = inputs.iter().map(|&part| part.into()).collect();
        args.extend([kept.part(), or_none(leaving.as_ref()), doutputs[0]].map(Arg::from));
        args.extend(wide.map(|gradient| Arg::from(gradient.map_or(Part::NONE, |gradient| gradient.part))));
        args.extend(wide.map(|gradient| Arg::from(gradient.map_or(0.0, |gradient| gradient.beta()))));
        args.push((&da_log).into());
        args.extend([or_none(db.as_ref()), or_none(dc.as_ref())].map(Arg::from));
        args.extend([Arg::from(&dd), (&dbias).into()]);
        args.extend(self.extents(&cut));
        let grid = cut.grid(7 * BLOCK, 2 * BLOCK, 2 * SUB * THREADS * cut.each);
        gpu.launch(&SOURCE, "selective_scan_backward", grid, &args)?;
        for (index, parts) in [(2, &da_log), (5, &dd), (7, &dbias)] {
            if let Some(to) = dinputs[index] {
                reduce::column_sums(gpu, parts.part(), [rows, to.part.len()], to.part, to.beta())?;
            }
        }
        for (index, parts) in [(3, &db), (4, &dc)] {
            if let (Some(to), Some(parts)) = (dinputs[index], parts) {
                reduce::sum_parts(gpu, parts.part(), cut.tiles, to.part, to.beta())?;
            }
        }
        Ok(())
    }
}
