//! The device half: two sequences of a channel in one complex transform, as many of them at once as stay in the GPU's cache.

use super::FftConv;
use crate::cuda::fft::{Columns, Plan};
use crate::cuda::reduce::{chunks, over_columns, sum_parts};
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise};

static SOURCE: Source = Source { name: "fft_conv", text: include_str!("fft_conv.cu") };

/// Some pairs of sequences of [B, L, H].
#[derive(Clone, Copy)]
struct Pairs {
    /// Sequences before them, and theirs.
    first: usize,
    batch: usize,
}

impl Pairs {
    fn count(&self) -> usize {
        self.batch.div_ceil(2)
    }
}

/// One call and its transforms.
struct Call<'a> {
    op: &'a FftConv,
    gpu: &'a dyn Launch,
    plan: Plan,
}

impl<'a> Call<'a> {
    fn new(op: &'a FftConv, gpu: &'a dyn Launch) -> Result<Self, Failure> {
        Ok(Call { op, gpu, plan: Plan::of(2 * op.time)? })
    }

    /// All sequences of [B, L, H], some pairs at a time: how many depends on extents alone.
    fn pairs(&self, batch: usize) -> impl Iterator<Item = Pairs> {
        let most = 2 * self.plan.at_once(self.op.channels);
        (0..batch).step_by(most).map(move |first| Pairs { first, batch: most.min(batch - first) })
    }

    /// Room for so many sequences of all channels.
    fn room(&self, sequences: usize) -> Result<Buffer, Failure> {
        self.gpu.buffer(2 * sequences * self.op.channels * self.plan.len())
    }

    /// The pairs' part of a tensor [B, L, H].
    fn of(&self, x: Part, pairs: Pairs) -> Part {
        let sequence = self.op.time * self.op.channels;
        x.slice(pairs.first * sequence, pairs.batch * sequence)
    }

    /// What is used of scratch that was made for the first pairs, which are the most.
    fn packed(&self, scratch: &Buffer, pairs: Pairs) -> Part {
        scratch.part().slice(0, 2 * pairs.count() * self.op.channels * self.plan.len())
    }

    fn launch(
        &self,
        entry: &'static str,
        Columns { grid, extents }: Columns,
        args: &[Arg],
    ) -> Result<(), Failure> {
        self.gpu.launch(&SOURCE, entry, grid, &[args, &extents].concat())
    }

    fn pack(&self, x: Part, packed: Part, pairs: Pairs) -> Result<(), Failure> {
        let args = [self.of(x, pairs).into(), packed.into(), pairs.batch.into(), self.op.time.into()];
        self.launch("fft_conv_pack", self.plan.columns(pairs.count(), self.op.channels, true), &args)
    }

    /// `y` = beta `y` + what is packed + `d` `x`.
    fn unpack(&self, packed: Part, [x, d, y]: [Part; 3], beta: f32, pairs: Pairs) -> Result<(), Failure> {
        let (x, y) = (self.of(x, pairs), self.of(y, pairs));
        let operands = [packed, x, d, y].map(Arg::from);
        let args = [&operands[..], &[beta.into(), pairs.batch.into(), self.op.time.into()]].concat();
        self.launch("fft_conv_unpack", self.plan.columns(pairs.count(), self.op.channels, true), &args)
    }

    /// The spectra of the kernels, all directions in one period.
    fn spectra(&self, k: Part) -> Result<Buffer, Failure> {
        let spectra = self.room(1)?;
        let args = [k.into(), (&spectra).into(), self.op.time.into(), self.op.both.into()];
        self.launch("fft_conv_kernels", self.plan.columns(1, self.op.channels, false), &args)?;
        self.plan.forward(self.gpu, spectra.part())?;
        Ok(spectra)
    }

    /// du alone.
    fn back(&self, [k, d, dy]: [Part; 3], du: Gradient, batch: usize) -> Result<(), Failure> {
        let spectra = self.spectra(k)?;
        let scratch = self.scratch(batch)?;
        for pairs in self.pairs(batch) {
            let packed = self.packed(&scratch, pairs);
            self.pack(dy, packed, pairs)?;
            self.plan.filter(self.gpu, packed, spectra.part(), true)?;
            self.unpack(packed, [dy, d, du.part], du.beta(), pairs)?;
        }
        Ok(())
    }

    /// Room for as many pairs as are done at once.
    fn scratch(&self, batch: usize) -> Result<Buffer, Failure> {
        self.room(self.pairs(batch).map(|pairs| pairs.count()).max().unwrap_or(0))
    }

    /// dk, and du where it is wanted.
    fn correlate(
        &self,
        [u, k, d, dy]: [Part; 4],
        du: Option<Gradient>,
        dk: Gradient,
        batch: usize,
    ) -> Result<(), Failure> {
        let (gpu, plan) = (self.gpu, self.plan);
        let spectra = du.map(|_| self.spectra(k)).transpose()?;
        let spectra_part = spectra.as_ref().map_or(Part::NONE, Buffer::part);
        let (signals, gradients, sums) = (self.scratch(batch)?, self.scratch(batch)?, self.room(1)?);
        for pairs in self.pairs(batch) {
            let [signal, gradient] = [&signals, &gradients].map(|scratch| self.packed(scratch, pairs));
            self.pack(u, signal, pairs)?;
            plan.forward(gpu, signal)?;
            self.pack(dy, gradient, pairs)?;
            let operands = [signal, gradient, spectra_part].map(Arg::from);
            let rows = sums.part().len() / (2 * plan.row());
            let args = [&operands[..], &[rows.into(), plan.log_len(), plan.scale()]].concat();
            gpu.launch(&SOURCE, "fft_conv_correlate", plan.rows(signal), &args)?;
            let beta = if pairs.first == 0 { 0.0 } else { 1.0 };
            sum_parts(gpu, signal, pairs.count(), sums.part(), beta)?;
            if let Some(du) = du {
                self.unpack(gradient, [dy, d, du.part], du.beta(), pairs)?;
            }
        }
        plan.back(gpu, sums.part())?;
        let args =
            [(&sums).into(), dk.part.into(), dk.beta().into(), self.op.time.into(), self.op.both.into()];
        self.launch("fft_conv_kernel_gradient", plan.columns(1, self.op.channels, false), &args)
    }

    /// dD.
    fn direct(&self, u: Part, dy: Part, dd: Gradient) -> Result<(), Failure> {
        let channels = self.op.channels;
        let rows = u.len() / channels;
        let [count, each] = chunks(rows);
        let parts = self.gpu.buffer(count * channels)?;
        let args = [u.into(), dy.into(), (&parts).into(), rows.into(), channels.into(), each.into()];
        self.gpu.launch(&SOURCE, "fft_conv_direct_parts", over_columns(channels, count, 1), &args)?;
        sum_parts(self.gpu, parts.part(), count, dd.part, dd.beta())
    }
}

impl CudaOp for FftConv {
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
        let &[u, k, d] = inputs else { unreachable!("three inputs") };
        if u.is_empty() {
            return Ok(());
        }
        let call = Call::new(self, gpu)?;
        let batch = u.len() / (self.time * self.channels);
        let spectra = call.spectra(k)?;
        let scratch = call.scratch(batch)?;
        for pairs in call.pairs(batch) {
            let packed = call.packed(&scratch, pairs);
            call.pack(u, packed, pairs)?;
            call.plan.filter(gpu, packed, spectra.part(), false)?;
            call.unpack(packed, [u, d, outputs[0]], 0.0, pairs)?;
        }
        Ok(())
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let (&[u, k, d], &[du, dk, dd]) = (inputs, dinputs) else { unreachable!("three inputs") };
        let dy = doutputs[0];
        if dy.is_empty() {
            return pointwise::zero_fresh(gpu, dinputs);
        }
        let call = Call::new(self, gpu)?;
        let batch = dy.len() / (self.time * self.channels);
        match (du, dk) {
            (du, Some(dk)) => call.correlate([u, k, d, dy], du, dk, batch)?,
            (Some(du), None) => call.back([k, d, dy], du, batch)?,
            (None, None) => {}
        }
        dd.map_or(Ok(()), |dd| call.direct(u, dy, dd))
    }
}
