//! The device half: which way, and in how many pieces.
//!
//! Kernels that see several channels: patches and cuBLAS, a slab of sequences at a time. One or two channels: each thread by itself. A kernel
//! as long as its stride, without padding, has patches already: x itself.

use super::Convolution;
use crate::cuda::{
    Arg, Buffer, CudaOp, Failure, Gemm, Gradient, Grid, Launch, Matrix, Part, Source, pointwise, reduce,
};

static SOURCE: Source = Source { name: "conv1d", text: include_str!("conv1d.cu") };

const THREADS: usize = 256;
/// Most values of the patches that are laid out at a time, where there is more than one sequence: 256 MiB.
const PATCHES: usize = 1 << 26;
/// Most channels that a thread sums over by itself, and most outputs.
const FEW: [usize; 2] = [2, 8];

/// A run of sequences whose patches are laid out together.
struct Slab {
    first: usize,
    batch: usize,
}

impl Convolution {
    /// Values of a patch.
    fn patch(&self) -> usize {
        self.taps * self.inner()
    }

    /// Whether rows of x are patches as they lie.
    fn is_patched(&self) -> bool {
        let settings = self.settings;
        let plain = settings.groups == 1 && settings.dilation == 1 && settings.padding == [0, 0];
        plain && self.taps == settings.stride && self.time.is_multiple_of(self.taps)
    }

    fn slabs(&self) -> Vec<Slab> {
        let of_one = self.out_time * self.taps * self.channels;
        let most = if self.is_patched() { self.batch } else { (PATCHES / of_one.max(1)).max(1) };
        let firsts = (0..self.batch).step_by(most.max(1));
        firsts.map(|first| Slab { first, batch: most.min(self.batch - first) }).collect()
    }

    fn extents(&self, batch: usize) -> [Arg; 10] {
        let settings = self.settings;
        let [left, _] = settings.padding;
        [
            batch,
            self.time,
            self.channels,
            self.outputs,
            self.taps,
            self.out_time,
            settings.stride,
            left,
            settings.dilation,
            settings.groups,
        ]
        .map(Arg::from)
    }

    /// The sequences of a slab, out of a part with `of_one` values of each.
    fn piece(&self, part: Part, slab: &Slab, of_one: usize) -> Part {
        part.slice(slab.first * of_one, slab.batch * of_one)
    }

    /// The patches of a slab, all of a group before those of the next, laid out in `room` where x does not have them already.
    fn patches(
        &self,
        gpu: &dyn Launch,
        x: Part,
        slab: &Slab,
        room: Option<&Buffer>,
    ) -> Result<Part, Failure> {
        let x = self.piece(x, slab, self.time * self.channels);
        let Some(room) = room else { return Ok(x) };
        let len = slab.batch * self.out_time * self.taps * self.channels;
        let patches = room.part().slice(0, len);
        let args = [&[x.into(), patches.into()][..], &self.extents(slab.batch)].concat();
        gpu.launch(&SOURCE, "conv1d_unfold", Grid::over(len, THREADS), &args)?;
        Ok(patches)
    }

    /// Room for the patches of any slab; none where x has them.
    fn room(&self, gpu: &dyn Launch, slabs: &[Slab]) -> Result<Option<Buffer>, Failure> {
        let most = slabs.iter().map(|slab| slab.batch).max().unwrap_or(0);
        let room = (!self.is_patched()).then(|| gpu.buffer(most * self.out_time * self.taps * self.channels));
        room.transpose()
    }

    /// Of a slab: patches [G, rows, K inner], a weight by taps [G, outer, K inner], and y or dy [rows, O] group by group.
    fn matrices(&self, slab: &Slab, patches: Part, by_taps: Part, y: Part) -> [Matrix; 3] {
        let rows = slab.batch * self.out_time;
        let y = self.piece(y, slab, self.out_time * self.outputs);
        let (patch, outer) = (self.patch(), self.outer());
        [
            Matrix::new(patches, rows, patch).apart(rows * patch),
            Matrix::new(by_taps, outer, patch).apart(outer * patch),
            Matrix::new(y, rows, outer).stride(self.outputs).apart(outer),
        ]
    }

    fn weight_by_taps(&self, gpu: &dyn Launch, weight: Part) -> Result<Buffer, Failure> {
        let by_taps = gpu.buffer(weight.len())?;
        let args =
            [weight.into(), (&by_taps).into(), weight.len().into(), self.inner().into(), self.taps.into()];
        gpu.launch(&SOURCE, "conv1d_by_taps", Grid::over(weight.len(), THREADS), &args)?;
        Ok(by_taps)
    }

    /// [K, inner, O]; inner and K change places before.
    fn weight_by_outputs(&self, gpu: &dyn Launch, weight: Part) -> Result<Buffer, Failure> {
        let by_taps = self.weight_by_taps(gpu, weight)?;
        let turned = gpu.buffer(weight.len())?;
        let args = [(&by_taps).into(), (&turned).into(), weight.len().into(), self.outputs.into()];
        gpu.launch(&SOURCE, "conv1d_by_outputs", Grid::over(weight.len(), THREADS), &args)?;
        Ok(turned)
    }

    fn forward_direct(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        before: Part,
        y: Part,
    ) -> Result<(), Failure> {
        let weight = self.weight_by_outputs(gpu, inputs[1])?;
        let bias = if self.bias { inputs[2] } else { Part::NONE };
        let operands = [inputs[0], weight.part(), bias, before, y].map(Arg::from);
        let gelu = Arg::from(self.settings.gelu);
        let args = [&operands[..], &[gelu], &self.extents(self.batch)].concat();
        gpu.launch(&SOURCE, "conv1d_direct", Grid::over(y.len(), THREADS), &args)
    }

    fn forward_by_products(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        before: Part,
        y: Part,
    ) -> Result<(), Failure> {
        let by_taps = self.weight_by_taps(gpu, inputs[1])?;
        let slabs = self.slabs();
        let room = self.room(gpu, &slabs)?;
        for slab in &slabs {
            let patches = self.patches(gpu, inputs[0], slab, room.as_ref())?;
            let [patches, weight, y] = self.matrices(slab, patches, by_taps.part(), y);
            gpu.gemm(Gemm::new(patches, weight.t(), y).batch(self.settings.groups))?;
        }
        if !self.bias && !self.settings.gelu {
            return Ok(());
        }
        let bias = if self.bias { inputs[2] } else { Part::NONE };
        finish(gpu, y, bias, before, self.outputs, self.settings.gelu)
    }

    /// What `dy` owes to the weight, for inputs `x`.
    pub(crate) fn weight_gradient(
        &self,
        gpu: &dyn Launch,
        x: Part,
        dy: Part,
        to: Gradient,
    ) -> Result<(), Failure> {
        if self.inner() <= FEW[0] {
            let [count, rows] = reduce::chunks(self.batch * self.out_time);
            let parts = gpu.buffer(count * to.part.len())?;
            let operands = [x.into(), dy.into(), (&parts).into(), Arg::from(rows)];
            let args = [&operands[..], &self.extents(self.batch)].concat();
            let grid = Grid::over(to.part.len(), THREADS).by(count);
            gpu.launch(&SOURCE, "conv1d_direct_weight", grid, &args)?;
            return reduce::sum_parts(gpu, parts.part(), count, to.part, to.beta());
        }
        let by_taps = gpu.buffer(to.part.len())?;
        let slabs = self.slabs();
        let room = self.room(gpu, &slabs)?;
        for (index, slab) in slabs.iter().enumerate() {
            let patches = self.patches(gpu, x, slab, room.as_ref())?;
            let [patches, dweight, dy] = self.matrices(slab, patches, by_taps.part(), dy);
            let beta = if index == 0 { 0.0 } else { 1.0 };
            gpu.gemm(Gemm::new(dy.t(), patches, dweight).beta(beta).batch(self.settings.groups))?;
        }
        let args = [
            (&by_taps).into(),
            to.part.into(),
            to.beta().into(),
            to.part.len().into(),
            self.inner().into(),
            self.taps.into(),
        ];
        gpu.launch(&SOURCE, "conv1d_from_taps", Grid::over(to.part.len(), THREADS), &args)
    }

    /// What `dy` owes to x.
    pub(crate) fn input_gradient(
        &self,
        gpu: &dyn Launch,
        weight: Part,
        dy: Part,
        to: Gradient,
    ) -> Result<(), Failure> {
        if self.outer() <= FEW[1] {
            let weight = self.weight_by_outputs(gpu, weight)?;
            let operands = [dy.into(), (&weight).into(), to.part.into(), Arg::from(to.beta())];
            let args = [&operands[..], &self.extents(self.batch)].concat();
            return gpu.launch(&SOURCE, "conv1d_direct_input", Grid::over(to.part.len(), THREADS), &args);
        }
        let by_taps = self.weight_by_taps(gpu, weight)?;
        let slabs = self.slabs();
        let room = self.room(gpu, &slabs)?;
        for slab in &slabs {
            let dx = self.piece(to.part, slab, self.time * self.channels);
            let len = slab.batch * self.out_time * self.taps * self.channels;
            let patches = room.as_ref().map_or(dx, |room| room.part().slice(0, len));
            let beta = if room.is_some() { 0.0 } else { to.beta() };
            let [patches_of, weight, dy] = self.matrices(slab, patches, by_taps.part(), dy);
            gpu.gemm(Gemm::new(dy, weight, patches_of).beta(beta).batch(self.settings.groups))?;
            if room.is_some() {
                let operands = [patches.into(), dx.into(), Arg::from(to.beta())];
                let args = [&operands[..], &self.extents(slab.batch)].concat();
                gpu.launch(&SOURCE, "conv1d_fold", Grid::over(dx.len(), THREADS), &args)?;
            }
        }
        Ok(())
    }
}

/// Bias and GELU of rows of `outputs` finished sums, in place; `before` gets what goes into GELU. Either part may be [`Part::NONE`].
pub(crate) fn finish(
    gpu: &dyn Launch,
    sums: Part,
    bias: Part,
    before: Part,
    outputs: usize,
    gelu: bool,
) -> Result<(), Failure> {
    let operands = [sums, bias, before, sums].map(Arg::from);
    let args = [&operands[..], &[sums.len().into(), outputs.into(), gelu.into()]].concat();
    gpu.launch(&SOURCE, "conv1d_finish", Grid::over(sums.len(), THREADS), &args)
}

impl CudaOp for Convolution {
    /// What went into GELU.
    type Saved = Option<Buffer>;

    fn keeps_input(&self, index: usize) -> bool {
        index < 2
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
        let y = outputs[0];
        let before = (self.settings.gelu && save).then(|| gpu.buffer(y.len())).transpose()?;
        let part = before.as_ref().map_or(Part::NONE, Buffer::part);
        if self.inner() <= FEW[0] {
            self.forward_direct(gpu, inputs, part, y)?;
        } else {
            self.forward_by_products(gpu, inputs, part, y)?;
        }
        Ok(before)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        before: Option<Buffer>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let through = before.as_ref().map(|_| gpu.buffer(doutputs[0].len())).transpose()?;
        let mut dy = doutputs[0];
        if let (Some(before), Some(through)) = (before, &through) {
            let args = [(&before).into(), dy.into(), through.into(), dy.len().into()];
            gpu.launch(&SOURCE, "conv1d_gelu_back", Grid::over(dy.len(), THREADS), &args)?;
            dy = through.part();
        }
        if dy.is_empty() {
            return pointwise::zero_fresh(gpu, dinputs);
        }
        if self.bias
            && let Some(to) = dinputs[2]
        {
            let rows = [self.batch * self.out_time, self.outputs];
            reduce::column_sums(gpu, dy, rows, to.part, to.beta())?;
        }
        if let Some(to) = dinputs[1] {
            self.weight_gradient(gpu, inputs[0], dy, to)?;
        }
        if let Some(to) = dinputs[0] {
            self.input_gradient(gpu, inputs[1], dy, to)?;
        }
        Ok(())
    }
}
