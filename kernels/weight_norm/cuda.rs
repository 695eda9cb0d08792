//! The device half of both: sums over taps by chunks of rows, or over each row by a warp or a block; then one pass.

use super::{RowWeightNorm, WeightNorm};
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Grid, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source = Source { name: "weight_norm", text: include_str!("weight_norm.cu") };

impl CudaOp for WeightNorm {
    /// ‖v[·, ·, k]‖² for every tap.
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
        let [g, v, w] = [inputs[0], inputs[1], outputs[0]];
        let squares = self.sums_of_taps(gpu, v, v)?;
        let args = [g.into(), v.into(), (&squares).into(), w.into(), w.len().into(), self.taps.into()];
        gpu.launch(&SOURCE, "weight_norm_forward", Grid::over(w.len(), 256), &args)?;
        Ok(save.then_some(squares))
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<Buffer>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let Some(squares) = saved else {
            return pointwise::zero_fresh(gpu, dinputs);
        };
        let [g, v, dw] = [inputs[0], inputs[1], doutputs[0]];
        let products = self.sums_of_taps(gpu, v, dw)?;
        if let Some(dg) = dinputs[0] {
            let operands = [Arg::from(&squares), (&products).into(), dg.part.into(), dg.beta().into()];
            let args = [&operands[..], &[self.taps.into()]].concat();
            gpu.launch(&SOURCE, "weight_norm_gain", Grid::over(self.taps, 256), &args)?;
        }
        let Some(dv) = dinputs[1] else { return Ok(()) };
        let operands = [g, v, dw, squares.part(), products.part(), dv.part].map(Arg::from);
        let args = [&operands[..], &[dv.beta().into(), v.len().into(), self.taps.into()]].concat();
        gpu.launch(&SOURCE, "weight_norm_backward", Grid::over(v.len(), 256), &args)
    }
}

impl WeightNorm {
    /// Σ a b over the first two axes, for every tap.
    fn sums_of_taps(&self, gpu: &dyn Launch, a: Part, b: Part) -> Result<Buffer, Failure> {
        let rows = a.len() / self.taps;
        let [count, each] = reduce::chunks(rows);
        let (parts, sums) = (gpu.buffer(count * self.taps)?, gpu.buffer(self.taps)?);
        let args = [a.into(), b.into(), (&parts).into(), rows.into(), self.taps.into(), each.into()];
        gpu.launch(&SOURCE, "weight_norm_parts", reduce::over_columns(self.taps, count, 1), &args)?;
        reduce::sum_parts(gpu, parts.part(), count, sums.part(), 0.0)?;
        Ok(sums)
    }
}

impl CudaOp for RowWeightNorm {
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
        let (rows, inner) = (inputs[0].len(), self.inputs);
        let (long, grid) = reduce::over_rows(rows, inner);
        let entry = if long { "weight_norm_rows_blocks" } else { "weight_norm_rows_warps" };
        let args = [inputs[0].into(), inputs[1].into(), outputs[0].into(), rows.into(), inner.into()];
        gpu.launch(&SOURCE, entry, grid, &args)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let (rows, inner) = (inputs[0].len(), self.inputs);
        let (long, grid) = reduce::over_rows(rows, inner);
        let entry = if long { "weight_norm_rows_backward_blocks" } else { "weight_norm_rows_backward_warps" };
        let ([dg, beta_g], [dv, beta_v]) = (pointwise::wanted(dinputs[0]), pointwise::wanted(dinputs[1]));
        let operands = [Arg::from(inputs[0]), inputs[1].into(), doutputs[0].into(), dg, dv, beta_g, beta_v];
        gpu.launch(&SOURCE, entry, grid, &[&operands[..], &[rows.into(), inner.into()]].concat())
    }
}
