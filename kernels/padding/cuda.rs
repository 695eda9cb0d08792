//! The device halves: valid frames moved, averaged or picked; lengths are uploaded with each call.

use super::{Batch, FirstFrame, MeanPool, ReversePadded, ZeroPadding};
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source = Source { name: "padding", text: include_str!("padding.cu") };

impl CudaOp for ZeroPadding {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        _save: bool,
    ) -> Result<(), Failure> {
        self.0.move_frames(gpu, inputs[0], outputs[0], 0.0, false)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        _inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        dinputs[0].map_or(Ok(()), |dx| self.0.move_frames(gpu, doutputs[0], dx.part, dx.beta(), false))
    }
}

impl CudaOp for ReversePadded {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        _save: bool,
    ) -> Result<(), Failure> {
        self.0.move_frames(gpu, inputs[0], outputs[0], 0.0, true)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        _inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        dinputs[0].map_or(Ok(()), |dx| self.0.move_frames(gpu, doutputs[0], dx.part, dx.beta(), true))
    }
}

impl Batch {
    fn upload(&self, gpu: &dyn Launch) -> Result<Buffer, Failure> {
        gpu.upload(&self.lens.iter().map(|&len| len as u32).collect::<Vec<u32>>())
    }

    /// `to` = beta · `to` + the valid frames of `from`, in their places or last to first.
    fn move_frames(
        &self,
        gpu: &dyn Launch,
        from: Part,
        to: Part,
        beta: f32,
        reversed: bool,
    ) -> Result<(), Failure> {
        let lens = self.upload(gpu)?;
        let grid = pointwise::rows(self.time, self.channels).deep(self.lens.len());
        let operands = [Arg::from(from), (&lens).into(), to.into(), beta.into()];
        let args = [&operands[..], &[self.time.into(), self.channels.into(), reversed.into()]].concat();
        gpu.launch(&SOURCE, "padding_frames", grid, &args)
    }
}

impl CudaOp for MeanPool {
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
        let Batch { time, channels, .. } = self.0;
        let (lens, batch) = (self.0.upload(gpu)?, self.0.lens.len());
        let [count, each] = reduce::chunks(time);
        let parts = gpu.buffer(count * batch * channels)?;
        let extents = [time, channels, each].map(Arg::from);
        let args = [&[Arg::from(inputs[0]), (&lens).into(), (&parts).into()][..], &extents].concat();
        gpu.launch(&SOURCE, "padding_mean_parts", reduce::over_columns(channels, count, batch), &args)?;
        reduce::sum_parts(gpu, parts.part(), count, outputs[0], 0.0)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        _inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let Some(dx) = dinputs[0] else { return Ok(()) };
        let Batch { time, channels, .. } = self.0;
        let lens = self.0.upload(gpu)?;
        let operands = [Arg::from(doutputs[0]), (&lens).into(), dx.part.into(), dx.beta().into()];
        let args = [&operands[..], &[time.into(), channels.into()]].concat();
        let grid = pointwise::rows(time, channels).deep(self.0.lens.len());
        gpu.launch(&SOURCE, "padding_mean_backward", grid, &args)
    }
}

impl CudaOp for FirstFrame {
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
        self.pick(gpu, "padding_first", [inputs[0], outputs[0]], outputs[0].len(), 0.0)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        _inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let Some(dx) = dinputs[0] else { return Ok(()) };
        pointwise::zero_fresh(gpu, dinputs)?;
        self.pick(gpu, "padding_first_backward", [doutputs[0], dx.part], doutputs[0].len(), dx.beta())
    }
}

impl FirstFrame {
    /// Starts a kernel over frame 0 of each sequence, `len` values in all.
    fn pick(
        &self,
        gpu: &dyn Launch,
        entry: &'static str,
        [from, to]: [Part; 2],
        len: usize,
        beta: f32,
    ) -> Result<(), Failure> {
        let batch = len.checked_div(self.channels).unwrap_or(0);
        let extents = [batch, self.sequence, self.channels].map(Arg::from);
        let args = [&[Arg::from(from), to.into(), beta.into()][..], &extents].concat();
        gpu.launch(&SOURCE, entry, pointwise::rows(batch, self.channels), &args)
    }
}
