//! The device half of both norms: a warp or a block for each group of channels of a row, chunks of rows for the weight's gradient.

use super::{GatedRmsNorm, RmsNorm};
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source = Source { name: "rms_norm", text: include_str!("rms_norm.cu") };

/// What one call works on; z is none without a gate.
#[derive(Clone, Copy)]
struct Norm {
    x: Part,
    z: Part,
    weight: Part,
    groups: usize,
    /// 0 without a gate, 1 where it comes first, 2 where it comes last.
    gate: i32,
}

impl CudaOp for RmsNorm {
    /// r of each row.
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
        Norm { x: inputs[0], z: Part::NONE, weight: inputs[1], groups: 1, gate: 0 }
            .forward(gpu, self.eps, outputs[0], save)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<Buffer>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let norm = Norm { x: inputs[0], z: Part::NONE, weight: inputs[1], groups: 1, gate: 0 };
        match saved {
            None => pointwise::zero_fresh(gpu, dinputs),
            Some(saved) => norm.backward(gpu, saved.part(), doutputs[0], [dinputs[0], None, dinputs[1]]),
        }
    }
}

impl CudaOp for GatedRmsNorm {
    /// r of each group of each row.
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
        self.norm(inputs).forward(gpu, self.eps, outputs[0], save)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Option<Buffer>,
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        match saved {
            None => pointwise::zero_fresh(gpu, dinputs),
            Some(saved) => self.norm(inputs).backward(
                gpu,
                saved.part(),
                doutputs[0],
                [dinputs[0], dinputs[1], dinputs[2]],
            ),
        }
    }
}

impl GatedRmsNorm {
    fn norm(&self, inputs: &[Part]) -> Norm {
        let gate = if self.norm_before_gate { 2 } else { 1 };
        Norm { x: inputs[0], z: inputs[1], weight: inputs[2], groups: self.groups, gate }
    }
}

impl Norm {
    /// Rows, channels of a group, and groups of a row.
    fn extents(&self) -> [usize; 3] {
        let channels = self.weight.len();
        [self.x.len() / channels, channels / self.groups, self.groups]
    }

    fn forward(&self, gpu: &dyn Launch, eps: f32, out: Part, save: bool) -> Result<Option<Buffer>, Failure> {
        if out.is_empty() {
            return Ok(None);
        }
        let extents @ [rows, size, groups] = self.extents();
        let saved = save.then(|| gpu.buffer(rows * groups)).transpose()?;
        let (long, grid) = reduce::over_rows(rows * groups, size);
        let entry = if long { "rms_norm_forward_blocks" } else { "rms_norm_forward_warps" };
        let operands = [self.x, self.z, self.weight, out, saved.as_ref().map_or(Part::NONE, Buffer::part)];
        let args =
            [&operands.map(Arg::from)[..], &extents.map(Arg::from), &[eps.into(), self.gate.into()]].concat();
        gpu.launch(&SOURCE, entry, grid, &args)?;
        Ok(saved)
    }

    /// Gradients of x, z and weight.
    fn backward(
        &self,
        gpu: &dyn Launch,
        saved: Part,
        dout: Part,
        [dx, dz, dweight]: [Option<Gradient>; 3],
    ) -> Result<(), Failure> {
        let extents @ [rows, size, groups] = self.extents();
        let operands = [self.x, self.z, self.weight, saved, dout].map(Arg::from);
        let extents = extents.map(Arg::from);
        if dx.is_some() || dz.is_some() {
            let (long, grid) = reduce::over_rows(rows * groups, size);
            let entry = if long { "rms_norm_backward_blocks" } else { "rms_norm_backward_warps" };
            let ([dx, beta_x], [dz, beta_z]) = (pointwise::wanted(dx), pointwise::wanted(dz));
            let args = [&operands[..], &[dx, dz, beta_x, beta_z], &extents, &[self.gate.into()]].concat();
            gpu.launch(&SOURCE, entry, grid, &args)?;
        }
        let Some(dweight) = dweight else { return Ok(()) };
        let [count, each] = reduce::chunks(rows);
        let parts = gpu.buffer(count * size * groups)?;
        let args = [&operands[..], &[(&parts).into()], &extents, &[each.into(), self.gate.into()]].concat();
        gpu.launch(&SOURCE, "rms_norm_weight", reduce::over_columns(size * groups, count, 1), &args)?;
        reduce::sum_parts(gpu, parts.part(), count, dweight.part, dweight.beta())
    }
}
