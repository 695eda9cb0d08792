//! The device half: a warp or a block for each row; one normaliser per row is kept.

use super::CrossEntropy;
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source = Source { name: "cross_entropy", text: include_str!("cross_entropy.cu") };

impl CudaOp for CrossEntropy {
    /// The target of each row, 2³² − 1 where it has none, and ln Σ_v e^{x_rv} where it has one.
    type Saved = Option<[Buffer; 2]>;

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
    ) -> Result<Option<[Buffer; 2]>, Failure> {
        let (logits, losses) = (inputs[0], outputs[0]);
        if logits.is_empty() {
            gpu.zero(losses)?;
            return Ok(None);
        }
        let (rows, classes) = (losses.len(), logits.len() / losses.len());
        let classes_of: Vec<u32> =
            self.targets.iter().map(|target| target.map_or(u32::MAX, |class| class as u32)).collect();
        let (targets, normalisers) = (gpu.upload(&classes_of)?, gpu.buffer(rows)?);
        let (long, grid) = reduce::over_rows(rows, classes);
        let entry = if long { "cross_entropy_forward_blocks" } else { "cross_entropy_forward_warps" };
        let operands = [logits, targets.part(), losses, normalisers.part()].map(Arg::from);
        gpu.launch(&SOURCE, entry, grid, &[&operands[..], &[rows.into(), classes.into()]].concat())?;
        Ok(save.then_some([targets, normalisers]))
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<[Buffer; 2]>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let (Some(dlogits), Some([targets, normalisers])) = (dinputs[0], saved) else {
            return pointwise::zero_fresh(gpu, dinputs);
        };
        let (rows, classes) = (self.targets.len(), inputs[0].len() / self.targets.len());
        let operands =
            [inputs[0], targets.part(), normalisers.part(), doutputs[0], dlogits.part].map(Arg::from);
        let args = [&operands[..], &[dlogits.beta().into(), rows.into(), classes.into()]].concat();
        gpu.launch(&SOURCE, "cross_entropy_backward", pointwise::rows(rows, classes), &args)
    }
}
