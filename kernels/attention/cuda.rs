//! The device half: a block for each tile of queries or keys of a head.
//!
//! `Scores::Whole` has tiles here as well: a device is not where what it costs on the CPU is measured.

use super::AttentionOver;
use super::dropout::Dropout;
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Grid, Launch, Part, Source};

static SOURCE: Source = Source { name: "attention", text: include_str!("attention.cu") };

/// As in the kernels: queries and keys of a tile, and values from one of its rows to the next.
const SIDE: usize = 64;
const ROW: usize = 68;
const THREADS: usize = 256;
/// The most channels of a head.
const CHANNELS: usize = 4 * SIDE;

/// Kernels of one slab of channels, two and four.
const FORWARD: [&str; 3] = ["attention_forward_1", "attention_forward_2", "attention_forward_4"];
const BACK_QUERIES: [&str; 3] =
    ["attention_back_queries_1", "attention_back_queries_2", "attention_back_queries_4"];
const BACK_KEYS: [&str; 3] = ["attention_back_keys_1", "attention_back_keys_2", "attention_back_keys_4"];

/// One call.
struct Call<'a> {
    over: &'a AttentionOver,
    /// P.
    channels: usize,
    /// Keys and queries of each sequence.
    lens: Buffer,
}

impl<'a> Call<'a> {
    /// `None` where there is nothing to do.
    fn new(over: &'a AttentionOver, gpu: &dyn Launch) -> Result<Option<Self>, Failure> {
        let AttentionOver { constants: op, time, width } = over;
        if op.lens.len() * time * width == 0 {
            return Ok(None);
        }
        let channels = width / op.heads;
        if channels > CHANNELS {
            let words = format!("heads of {channels} channels, where the kernels take at most {CHANNELS}");
            return Err(Failure::new(words));
        }
        let of_row = |b: usize| [op.lens[b] as u32, op.answered(b, *time) as u32];
        let lens: Vec<u32> = (0..op.lens.len()).flat_map(of_row).collect();
        Ok(Some(Call { over, channels, lens: gpu.upload(&lens)? }))
    }

    fn args(&self) -> [Arg; 9] {
        let op = &self.over.constants;
        let (threshold, kept) = Dropout::constants(op.dropout);
        [
            (&self.lens).into(),
            self.over.time.into(),
            (op.heads as i32).into(),
            (self.channels as i32).into(),
            op.causal.into(),
            op.scale.into(),
            op.seed.into(),
            u64::from(threshold).into(),
            kept.into(),
        ]
    }

    /// The kernel for the slabs of channels that a head has.
    fn entry(&self, [one, two, four]: [&'static str; 3]) -> &'static str {
        match self.channels.div_ceil(SIDE) {
            1 => one,
            2 => two,
            _ => four,
        }
    }

    fn rows(&self) -> usize {
        self.over.constants.lens.len() * self.over.constants.heads
    }

    /// Over tiles of positions, with tiles of shared memory.
    fn tiles(&self) -> Grid {
        Grid::new(self.over.time.div_ceil(SIDE), THREADS).by(self.rows()).shared(3 * SIDE * ROW)
    }
}

impl CudaOp for AttentionOver {
    /// L of each query, [B, H, T].
    type Saved = Option<Buffer>;

    fn keeps_output(&self, _index: usize) -> bool {
        true
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
        let Some(call) = Call::new(self, gpu)? else { return Ok(None) };
        let log_sums = save.then(|| gpu.buffer(call.rows() * self.time)).transpose()?;
        let kept = log_sums.as_ref().map_or(Part::NONE, Buffer::part);
        let operands = [inputs[0], inputs[1], inputs[2], outputs[0], kept].map(Arg::from);
        let args = [&operands[..], &call.args()].concat();
        gpu.launch(&SOURCE, call.entry(FORWARD), call.tiles(), &args)?;
        Ok(log_sums)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<Buffer>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let (Some(log_sums), Some(call)) = (saved, Call::new(self, gpu)?) else { return Ok(()) };
        let (out, dout) = (inputs[3], doutputs[0]);
        let deltas = gpu.buffer(call.rows() * self.time)?;
        let args = [&[out.into(), dout.into(), (&deltas).into()][..], &call.args()].concat();
        let grid = Grid::new(call.over.time.div_ceil(THREADS / 32), THREADS).by(call.rows());
        gpu.launch(&SOURCE, "attention_deltas", grid, &args)?;
        let operands = [inputs[0], inputs[1], inputs[2], dout, log_sums.part(), deltas.part()].map(Arg::from);
        if let Some(dq) = dinputs[0] {
            let args = [&operands[..], &[dq.part.into(), dq.beta().into()], &call.args()].concat();
            gpu.launch(&SOURCE, call.entry(BACK_QUERIES), call.tiles(), &args)?;
        }
        let of_keys = [dinputs[1], dinputs[2]];
        if of_keys.iter().any(Option::is_some) {
            let to = of_keys.map(|to| Arg::from(to.map_or(Part::NONE, |to| to.part)));
            let betas = of_keys.map(|to| Arg::from(to.map_or(0.0, |to| to.beta())));
            let args = [&operands[..], &to, &betas, &call.args()].concat();
            gpu.launch(&SOURCE, call.entry(BACK_KEYS), call.tiles(), &args)?;
        }
        Ok(())
    }
}
