//! The device half: a warp or a block for each row, which is summed as it is reached; parameters' gradients by layer norm's own kernel.

use super::AddNorm;
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise, reduce};
use crate::dropout::Factors;
use crate::layer_norm::cuda::parameter_gradients;

static SOURCE: Source = Source { name: "add_norm", text: include_str!("add_norm.cu") };

impl CudaOp for AddNorm {
    /// μ and 1/σ of each row, and r where it does not go on.
    type Saved = Option<[Buffer; 2]>;

    fn keeps_input(&self, index: usize) -> bool {
        index == 2
    }

    fn keeps_output(&self, index: usize) -> bool {
        self.hands_on && index == 0
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
    ) -> Result<Option<[Buffer; 2]>, Failure> {
        let [x, f, weight, bias] = [inputs[0], inputs[1], inputs[2], inputs[3]];
        let y = outputs[outputs.len() - 1];
        if y.is_empty() {
            return Ok(None);
        }
        let (channels, rows) = (weight.len(), y.len() / weight.len());
        // Where r does not go on it is kept for backward alone.
        let own = if self.hands_on { 0 } else { y.len() };
        let saved = if save { Some([gpu.buffer(2 * rows)?, gpu.buffer(own)?]) } else { None };
        let statistics = saved.as_ref().map_or(Part::NONE, |[statistics, _]| statistics.part());
        let sum = match &saved {
            _ if self.hands_on => outputs[0],
            Some([_, sum]) => sum.part(),
            None => Part::NONE,
        };
        let (long, grid) = reduce::over_rows(rows, channels);
        let entry = if long { "add_norm_forward_blocks" } else { "add_norm_forward_warps" };
        let operands = [x, f, weight, bias, sum, y, statistics].map(Arg::from);
        let args =
            [&operands[..], &[rows.into(), channels.into(), self.eps.into()], &Factors::args(self.factors)]
                .concat();
        gpu.launch(&SOURCE, entry, grid, &args)?;
        Ok(saved)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<[Buffer; 2]>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let Some([statistics, sum]) = &saved else {
            return pointwise::zero_fresh(gpu, dinputs);
        };
        let (weight, dy) = (inputs[2], doutputs[doutputs.len() - 1]);
        let (channels, rows) = (weight.len(), dy.len() / weight.len());
        // What goes on stands behind the inputs.
        let (sum, of_sum) = if self.hands_on { (inputs[4], doutputs[0]) } else { (sum.part(), Part::NONE) };
        let operands = [sum, weight, Part::NONE, statistics.part(), dy];
        if dinputs[0].is_some() || dinputs[1].is_some() {
            let (long, grid) = reduce::over_rows(rows, channels);
            let entry = if long { "add_norm_backward_blocks" } else { "add_norm_backward_warps" };
            let ([dx, beta_x], [df, beta_f]) = (pointwise::wanted(dinputs[0]), pointwise::wanted(dinputs[1]));
            let gradients = [dx, df, beta_x, beta_f, rows.into(), channels.into()];
            let operands = [sum, weight, statistics.part(), dy, of_sum].map(Arg::from);
            let args = [&operands[..], &gradients, &Factors::args(self.factors)].concat();
            gpu.launch(&SOURCE, entry, grid, &args)?;
        }
        parameter_gradients(gpu, operands, false, [dinputs[2], dinputs[3]])
    }
}
