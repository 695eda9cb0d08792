//! The device half: one pass each way; backward leaves the frequencies' gradient in chunks of rows.

use super::Snake;
use crate::cuda::{Arg, Buffer, CudaOp, Failure, Gradient, Launch, Part, Source, pointwise, reduce};

static SOURCE: Source = Source { name: "snake", text: include_str!("snake.cu") };

impl CudaOp for Snake {
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
        let [x, alpha] = [inputs[0], inputs[1]];
        let channels = alpha.len();
        let rows = x.len().checked_div(channels).unwrap_or(0);
        let args = [x.into(), alpha.into(), outputs[0].into(), rows.into(), channels.into()];
        gpu.launch(&SOURCE, "snake_forward", pointwise::rows(rows, channels), &args)
    }

    fn backward(
        &self,
        gpu: &dyn Launch,
        (): (),
        inputs: &[Part],
        doutputs: &[Part],
        dinputs: &[Option<Gradient>],
    ) -> Result<(), Failure> {
        let [x, alpha] = [inputs[0], inputs[1]];
        let channels = alpha.len();
        let rows = x.len().checked_div(channels).unwrap_or(0);
        let [count, each] = reduce::chunks(rows);
        let room = dinputs[1].map(|_| gpu.buffer(count * channels)).transpose()?;
        let shares = room.as_ref().map_or(Part::NONE, Buffer::part);
        let [dx, beta] = pointwise::wanted(dinputs[0]);
        let operands = [x, alpha, doutputs[0]].map(Arg::from);
        let rest = [dx, beta, shares.into(), rows.into(), channels.into(), each.into()];
        let args = [&operands[..], &rest].concat();
        gpu.launch(&SOURCE, "snake_backward", reduce::over_columns(channels, count, 1), &args)?;
        let Some(dalpha) = dinputs[1] else { return Ok(()) };
        reduce::sum_parts(gpu, shares, count, dalpha.part, dalpha.beta())
    }
}
