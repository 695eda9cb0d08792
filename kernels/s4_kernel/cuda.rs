//! The device half: the sums at all nodes, a transform of any length as a convolution, and on the way back the sums once more.

use super::S4Kernel;
use crate::cuda::fft::{Columns, Plan};
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Grid, Launch, Part, Source, pointwise};

static SOURCE: Source = Source { name: "s4_kernel", text: include_str!("s4_kernel.cu") };

/// As in the kernels: threads of a block over nodes, nodes of a thread, pairs of a block backward, values of a pole, of a node and of a pair.
const THREADS: usize = 128;
const NODES: usize = 4;
const PAIRS: usize = 4;
const POLE: usize = 12;
const COTANGENTS: usize = 9;
const PULLED: usize = 9;

/// Some of all rows, [R, H].
#[derive(Clone, Copy)]
struct Rows {
    first: usize,
    count: usize,
}

/// One call: what all rows share, and their poles.
struct Call<'a> {
    op: &'a S4Kernel,
    gpu: &'a dyn Launch,
    plan: Plan,
    /// y [M], complex chirp [M] and turns [M].
    tables: [Buffer; 3],
    /// The chirp's spectrum.
    spectrum: Buffer,
    poles: Buffer,
    ends: Buffer,
}

impl<'a> Call<'a> {
    fn new(op: &'a S4Kernel, gpu: &'a dyn Launch, inputs: &[Part]) -> Result<Self, Failure> {
        let (half, all) = (op.period / 2, op.rows() * op.pairs);
        // From −(M − 1) to M − 1.
        let plan = Plan::of(2 * half - 1)?;
        let call = Call {
            op,
            gpu,
            plan,
            tables: [gpu.buffer(half)?, gpu.buffer(2 * half)?, gpu.buffer(2 * half)?],
            spectrum: gpu.buffer(2 * plan.len())?,
            poles: gpu.buffer(POLE * all)?,
            ends: gpu.buffer(2 * op.rows())?,
        };
        let [y, chirp, turns] = &call.tables;
        let args = [y.into(), chirp.into(), turns.into(), half.into()];
        gpu.launch(&SOURCE, "s4_kernel_tables", Grid::over(half, 128), &args)?;
        let args = [chirp.into(), (&call.spectrum).into(), half.into()];
        call.columns("s4_kernel_chirp", 1, &args)?;
        plan.forward(gpu, call.spectrum.part())?;
        let extents = [op.heads, op.groups, op.pairs].map(Arg::from);
        let operands: Vec<Arg> = inputs.iter().copied().chain([call.poles.part()]).map(Arg::from).collect();
        let args = [&operands[..], &extents, &[all.into()]].concat();
        gpu.launch(&SOURCE, "s4_kernel_poles", Grid::over(all, 128), &args)?;
        let operands = [inputs[0], inputs[4], inputs[5], call.ends.part()].map(Arg::from);
        let args = [&operands[..], &extents, &[op.rows().into()]].concat();
        gpu.launch(&SOURCE, "s4_kernel_ends", Grid::over(32 * op.rows(), 128), &args)?;
        Ok(call)
    }

    fn half(&self) -> usize {
        self.op.period / 2
    }

    /// How many rows are done at once: it depends on extents alone.
    fn at_once(&self) -> usize {
        self.plan.at_once(1).min(self.op.rows())
    }

    fn rows(&self) -> impl Iterator<Item = Rows> {
        let (all, most) = (self.op.rows(), self.at_once());
        (0..all).step_by(most).map(move |first| Rows { first, count: most.min(all - first) })
    }

    /// Room for so many values of each row that is done at once.
    fn room(&self, each: usize) -> Result<Buffer, Failure> {
        self.gpu.buffer(self.at_once() * each)
    }

    fn columns(&self, entry: &'static str, rows: usize, args: &[Arg]) -> Result<(), Failure> {
        let Columns { grid, extents } = self.plan.columns(1, rows, false);
        self.gpu.launch(&SOURCE, entry, grid, &[args, &extents].concat())
    }

    /// Over the nodes of some rows: the kernel's operands and results between what it is told of poles and of extents.
    fn nodes(&self, entry: &'static str, rows: Rows, operands: &[Part]) -> Result<(), Failure> {
        let tiles = self.half().div_ceil(THREADS * NODES);
        let [poles, ends] = [(&self.poles, POLE * self.op.pairs), (&self.ends, 2)]
            .map(|(of, each)| of.part().slice(rows.first * each, rows.count * each));
        let all = [poles, ends, self.tables[0].part()];
        let mut args: Vec<Arg> = all.iter().chain(operands).map(|part| Arg::from(*part)).collect();
        args.extend([self.op.pairs, self.half(), tiles].map(Arg::from));
        self.gpu.launch(&SOURCE, entry, Grid::new(rows.count * tiles, THREADS), &args)
    }

    fn respond(&self, k: Part) -> Result<(), Failure> {
        let (half, len) = (self.half(), self.op.len);
        let [_, chirp, turns] = &self.tables;
        let (spectrum, packed) = (self.room(2 * (half + 1))?, self.room(2 * self.plan.len())?);
        for rows in self.rows() {
            self.nodes("s4_kernel_respond", rows, &[spectrum.part()])?;
            let of_rows = packed.part().slice(0, 2 * self.plan.len() * rows.count);
            let args = [(&spectrum).into(), chirp.into(), turns.into(), of_rows.into(), half.into()];
            self.columns("s4_kernel_pack", rows.count, &args)?;
            self.plan.filter(self.gpu, of_rows, self.spectrum.part(), false)?;
            let scale = 1.0 / self.op.period as f32;
            let k = k.slice(rows.first * len, rows.count * len);
            let args = [of_rows.into(), chirp.into(), k.into(), scale.into(), half.into(), len.into()];
            self.columns("s4_kernel_unpack", rows.count, &args)?;
        }
        Ok(())
    }

    /// The derivatives of all rows and pairs, [R, H, M, 9] of double.
    fn pull_back(&self, inputs: &[Part], dk: Part) -> Result<Buffer, Failure> {
        let S4Kernel { heads, groups, pairs, len, .. } = *self.op;
        let half = self.half();
        let [y, chirp, turns] = &self.tables;
        let pulled = self.gpu.buffer(2 * PULLED * self.op.rows() * pairs)?;
        let (packed, z) = (self.room(2 * self.plan.len())?, self.room(2 * half)?);
        let cotangents = self.room(COTANGENTS * half)?;
        for rows in self.rows() {
            let of_rows = packed.part().slice(0, 2 * self.plan.len() * rows.count);
            let dk = dk.slice(rows.first * len, rows.count * len);
            let args = [dk.into(), chirp.into(), of_rows.into(), half.into(), len.into()];
            self.columns("s4_kernel_pack_gradient", rows.count, &args)?;
            self.plan.filter(self.gpu, of_rows, self.spectrum.part(), false)?;
            let args = [of_rows.into(), chirp.into(), (&z).into(), half.into()];
            self.columns("s4_kernel_unpack_gradient", rows.count, &args)?;
            self.nodes("s4_kernel_separate", rows, &[turns.part(), z.part(), cotangents.part()])?;
            let poles = self.poles.part().slice(rows.first * POLE * pairs, rows.count * POLE * pairs);
            let made = [poles, y.part(), z.part(), cotangents.part(), pulled.part()];
            let mut args: Vec<Arg> = inputs.iter().copied().chain(made).map(Arg::from).collect();
            args.extend([rows.first, heads, groups, pairs, half].map(Arg::from));
            let grid = Grid::new(rows.count, THREADS).by(pairs.div_ceil(PAIRS));
            self.gpu.launch(&SOURCE, "s4_kernel_pull", grid, &args)?;
        }
        Ok(pulled)
    }
}

impl S4Kernel {
    fn rows(&self) -> usize {
        self.responses * self.heads
    }

    /// The rows' derivatives, added up to the gradients that are wanted.
    fn add_up(
        &self,
        gpu: &dyn Launch,
        pulled: Part,
        inputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let &[by_dt, by_real, by_imag, by_p, by_b, by_c] = dinputs else { unreachable!("six inputs") };
        if let Some(to) = by_dt {
            let extents = [self.heads, self.pairs, self.responses].map(Arg::from);
            let args = [Arg::from(inputs[0]), pulled.into(), to.part.into(), to.beta().into()];
            let grid = Grid::over(32 * self.heads, 256);
            gpu.launch(&SOURCE, "s4_kernel_by_dt", grid, &[&args[..], &extents].concat())?;
        }
        // Where a pair's values begin, how many they are, and what they are multiplied with.
        let of_poles = [
            (by_real, 1, 1, inputs[1]),
            (by_imag, 2, 1, Part::NONE),
            (by_b, 3, 2, Part::NONE),
            (by_p, 7, 2, Part::NONE),
        ];
        for (to, at, width, log) in of_poles {
            let Some(to) = to else { continue };
            let args = [pulled.into(), log.into(), to.part.into(), to.beta().into(), at.into(), width.into()];
            let extents = [self.heads, self.groups, self.pairs, self.rows()].map(Arg::from);
            let grid = Grid::over(32 * to.part.len(), 256);
            gpu.launch(&SOURCE, "s4_kernel_by_poles", grid, &[&args[..], &extents].concat())?;
        }
        if let Some(to) = by_c {
            let len = to.part.len();
            let args = [pulled.into(), to.part.into(), to.beta().into(), len.into()];
            gpu.launch(&SOURCE, "s4_kernel_by_c", Grid::over(len, 256), &args)?;
        }
        Ok(())
    }
}

impl CudaOp for S4Kernel {
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
        Call::new(self, gpu, inputs)?.respond(outputs[0])
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
        let pulled = Call::new(self, gpu, inputs)?.pull_back(inputs, doutputs[0])?;
        self.add_up(gpu, pulled.part(), inputs, dinputs)
    }
}
