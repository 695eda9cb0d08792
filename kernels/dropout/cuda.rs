//! The device half: the mask is drawn again in backward, which is the same pass.

use super::mask::Mask;
use super::{Dropout, Factors};
use crate::cuda::{Arg, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise};

static SOURCE: Source = Source { name: "dropout", text: include_str!("dropout.cu") };

impl CudaOp for Dropout {
    type Saved = ();

    const PASSES_ON: bool = true;

    fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        _save: bool,
    ) -> Result<(), Failure> {
        self.masked(gpu, inputs[0], outputs[0], 0.0)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        _inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        dinputs[0].map_or(Ok(()), |dx| self.masked(gpu, doutputs[0], dx.part, dx.beta()))
    }
}

impl Dropout {
    /// `to` = beta · `to` + what of `from` is kept.
    fn masked(&self, gpu: &dyn Launch, from: Part, to: Part, beta: f32) -> Result<(), Failure> {
        let mask = args(self.mask, self.scale);
        let operands = [Arg::from(from), to.into(), beta.into()];
        let Some([time, channels]) = self.sequence else {
            let args = [&operands[..], &[to.len().into()], &mask].concat();
            return gpu.launch(&SOURCE, "dropout_elements", pointwise::elements(to.len()), &args);
        };
        let batch = to.len().checked_div(time * channels).unwrap_or(0);
        let args = [&operands[..], &[time.into(), channels.into()], &mask].concat();
        gpu.launch(&SOURCE, "dropout_channels", pointwise::rows(time, channels).deep(batch), &args)
    }
}

/// The three arguments of which `dropping` in `common.cuh` makes a mask.
fn args(mask: Mask, scale: f32) -> [Arg; 3] {
    let (threshold, key) = mask.words();
    [key.into(), (threshold as usize).into(), scale.into()]
}

impl Factors {
    /// The same for an op that drops on its way. A threshold of 0 keeps every element as it is.
    pub(crate) fn args(of: Option<Factors>) -> [Arg; 3] {
        of.map_or([0u64.into(), 0usize.into(), 1.0f32.into()], |factors| args(factors.mask, factors.scale))
    }
}
