//! The device half: a warp or a block for each row, the sigmoid formed again in backward.

use super::BinaryCrossEntropy;
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source =
    Source { name: "binary_cross_entropy", text: include_str!("binary_cross_entropy.cu") };

impl CudaOp for BinaryCrossEntropy {
    /// The targets.
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
        let (logits, losses) = (inputs[0], outputs[0]);
        if logits.is_empty() {
            gpu.zero(losses)?;
            return Ok(None);
        }
        let (rows, classes) = (losses.len(), logits.len() / losses.len());
        let targets =
            gpu.upload(&self.targets.iter().map(|target| target.to_bits()).collect::<Vec<u32>>())?;
        let (long, grid) = reduce::over_rows(rows, classes);
        let entry =
            if long { "binary_cross_entropy_forward_blocks" } else { "binary_cross_entropy_forward_warps" };
        let operands = [logits, targets.part(), losses].map(Arg::from);
        gpu.launch(&SOURCE, entry, grid, &[&operands[..], &[rows.into(), classes.into()]].concat())?;
        Ok(save.then_some(targets))
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<Buffer>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let (Some(dlogits), Some(targets)) = (dinputs[0], saved) else {
            return pointwise::zero_fresh(gpu, dinputs);
        };
        let (rows, classes) = (doutputs[0].len(), inputs[0].len() / doutputs[0].len());
        let operands = [inputs[0], targets.part(), doutputs[0], dlogits.part].map(Arg::from);
        let args = [&operands[..], &[dlogits.beta().into(), rows.into(), classes.into()]].concat();
        gpu.launch(&SOURCE, "binary_cross_entropy_backward", pointwise::rows(rows, classes), &args)
    }
}
