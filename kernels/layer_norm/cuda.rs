//! The device half: a warp or a block for each row, and chunks of rows for the parameters' gradients.

use super::LayerNorm;
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source = Source { name: "layer_norm", text: include_str!("layer_norm.cu") };

impl CudaOp for LayerNorm {
    /// μ and r of each row.
    type Saved = Option<Buffer>;

    fn keeps_input(&self, index: usize) -> bool {
        index != 2 || self.gelu
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
        let [x, weight, bias] = [inputs[0], inputs[1], inputs[2]];
        if x.is_empty() {
            return Ok(None);
        }
        let (channels, rows) = (weight.len(), x.len() / weight.len());
        let saved = save.then(|| gpu.buffer(2 * rows)).transpose()?;
        let (long, grid) = reduce::over_rows(rows, channels);
        let entry = if long { "layer_norm_forward_blocks" } else { "layer_norm_forward_warps" };
        let statistics = saved.as_ref().map_or(Part::NONE, Buffer::part);
        let mut args: Vec<Arg> = [x, weight, bias, outputs[0], statistics].map(Arg::from).to_vec();
        args.extend([Arg::from(rows), channels.into(), self.eps.into(), self.gelu.into()]);
        gpu.launch(&SOURCE, entry, grid, &args)?;
        Ok(saved)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<Buffer>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let [x, weight, bias] = [inputs[0], inputs[1], inputs[2]];
        let Some(saved) = saved else {
            return pointwise::zero_fresh(gpu, dinputs);
        };
        let (channels, rows) = (weight.len(), x.len() / weight.len());
        let operands = [x, weight, bias, saved.part(), doutputs[0]].map(Arg::from);
        let extents = [Arg::from(rows), channels.into()];
        let gelu = Arg::from(self.gelu);
        if let Some(dx) = dinputs[0] {
            let (long, grid) = reduce::over_rows(rows, channels);
            let entry = if long { "layer_norm_backward_blocks" } else { "layer_norm_backward_warps" };
            let args = [&operands[..], &[dx.part.into(), dx.beta().into()], &extents, &[gelu]].concat();
            gpu.launch(&SOURCE, entry, grid, &args)?;
        }
        let operands = [x, weight, bias, saved.part(), doutputs[0]];
        parameter_gradients(gpu, operands, self.gelu, [dinputs[1], dinputs[2]])
    }
}

/// The gradients of weight and bias out of x, weight, bias, what forward saved, and dout. The bias is read under a GELU alone.
pub(crate) fn parameter_gradients(
    gpu: &dyn Launch,
    operands: [Part; 5],
    gelu: bool,
    gradients: [Option<Gradient>; 2],
) -> Result<(), Failure> {
    if gradients.iter().all(Option::is_none) {
        return Ok(());
    }
    let [x, weight, ..] = operands;
    let (channels, rows) = (weight.len(), x.len() / weight.len());
    let [count, each] = reduce::chunks(rows);
    let parts = gpu.buffer(2 * count * channels)?;
    let extents = [rows, channels, each].map(Arg::from);
    let args = [&operands.map(Arg::from)[..], &[(&parts).into()], &extents, &[gelu.into()]].concat();
    gpu.launch(&SOURCE, "layer_norm_parameters", reduce::over_columns(channels, count, 1), &args)?;
    for (gradient, half) in gradients.into_iter().zip([0, 1]) {
        let Some(gradient) = gradient else { continue };
        let parts = parts.part().slice(half * count * channels, count * channels);
        reduce::sum_parts(gpu, parts, count, gradient.part, gradient.beta())?;
    }
    Ok(())
}
