//! A loss over frames that are weighted: a warp or a block for each frame, whose shares are added up in order.

use super::{Arg, Buffer, Failure, Gradient, Grid, Launch, Part, Source, pointwise, reduce};

/// The kernels of such a loss, each for a warp and for a block a frame.
pub(crate) struct Frames<'a> {
    pub source: &'static Source,
    /// `(student, teacher, weights, shares, frames, width, constant)`
    pub forward: [&'static str; 2],
    /// `(student, teacher, weights, dout, dstudent, beta, frames, width, constant)`
    pub backward: [&'static str; 2],
    /// The weight of each frame.
    pub weights: &'a [f32],
    pub constant: f32,
}

impl Frames<'_> {
    /// Sets the loss, and keeps the weights for backward.
    pub fn forward(
        &self,
        gpu: &dyn Launch,
        inputs: &[Part],
        outputs: &[Part],
        save: bool,
    ) -> Result<Option<Buffer>, Failure> {
        if inputs[0].is_empty() {
            gpu.zero(outputs[0])?;
            return Ok(None);
        }
        let frames = self.weights.len();
        let weights =
            gpu.upload(&self.weights.iter().map(|weight| weight.to_bits()).collect::<Vec<u32>>())?;
        let shares = gpu.buffer(frames)?;
        let (width, entry, grid) = self.start(self.forward, inputs[0]);
        let operands = [inputs[0], inputs[1], weights.part(), shares.part()].map(Arg::from);
        let args = [&operands[..], &[frames.into(), width.into(), self.constant.into()]].concat();
        gpu.launch(self.source, entry, grid, &args)?;
        reduce::column_sums(gpu, shares.part(), [frames, 1], outputs[0], 0.0)?;
        Ok(save.then_some(weights))
    }

    /// Adds to the student's gradient, or sets it; the teacher gets none.
    pub fn backward(
        &self,
        gpu: &dyn Launch,
        weights: Option<Buffer>,
        inputs: &[Part],
        dout: Part,
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let (Some(dstudent), Some(weights)) = (dinputs[0], weights) else {
            return pointwise::zero_fresh(gpu, dinputs);
        };
        let (width, entry, grid) = self.start(self.backward, inputs[0]);
        let operands = [inputs[0], inputs[1], weights.part(), dout, dstudent.part].map(Arg::from);
        let extents = [Arg::from(self.weights.len()), width.into(), self.constant.into()];
        gpu.launch(self.source, entry, grid, &[&operands[..], &[dstudent.beta().into()], &extents].concat())
    }

    /// Values of a frame, and which kernel is started over how many threads.
    fn start(&self, [warps, blocks]: [&'static str; 2], student: Part) -> (usize, &'static str, Grid) {
        let width = student.len() / self.weights.len();
        let (long, grid) = reduce::over_rows(self.weights.len(), width);
        (width, if long { blocks } else { warps }, grid)
    }
}
