//! How the tape runs an op's device half on dfdx's GPU.

use dfdx::prelude::Cuda;

use super::{CudaOp, Driver, Failure, Gradient, Part};
use crate::device::cuda::{array_part, buffer_part};
use crate::op::{Pullback, Run};
use crate::{Array, OpError};

impl<O: CudaOp> Run<O> for Cuda {
    type Saved = O::Saved;

    fn keeps_input(op: &O, index: usize) -> bool {
        op.keeps_input(index)
    }

    fn keeps_output(op: &O, index: usize) -> bool {
        op.keeps_output(index)
    }

    fn overwrites(op: &O) -> bool {
        op.overwrites()
    }

    fn sets_gradient(op: &O, index: usize) -> bool {
        op.sets_gradient(index)
    }

    fn forward(
        op: &O,
        inputs: &[&Array<Cuda>],
        outputs: &mut [Array<Cuda>],
        save: bool,
    ) -> Result<O::Saved, OpError> {
        let run = || -> Result<O::Saved, Failure> {
            let inputs = inputs.iter().map(|input| array_part(input)).collect::<Result<Vec<_>, _>>()?;
            let outputs = outputs.iter().map(array_part).collect::<Result<Vec<_>, _>>()?;
            op.forward(Driver::current()?, &inputs, &outputs, save)
        };
        run().map_err(|failure| failure.of(O::NAME))
    }

    fn backward(op: &O, saved: O::Saved, pullback: Pullback<'_, Cuda>) -> Result<(), OpError> {
        let Pullback { inputs, outputs, doutputs, dinputs, fresh } = pullback;
        let run = || -> Result<(), Failure> {
            let kept = inputs.iter().map(|kept| kept.as_ref().map_or(Ok(Part::NONE), array_part));
            let kept = kept.chain(outputs.iter().map(array_part)).collect::<Result<Vec<_>, _>>()?;
            let doutputs: Vec<Part> = doutputs.iter().map(buffer_part).collect();
            let wanted = dinputs.iter().zip(fresh);
            let wanted =
                wanted.map(|(buffer, &fresh)| Some(Gradient { part: buffer_part(buffer.as_ref()?), fresh }));
            let wanted: Vec<Option<Gradient>> = wanted.collect();
            op.backward(Driver::current()?, saved, &kept, &doutputs, &wanted)
        };
        run().map_err(|failure| failure.of(O::NAME))
    }
}
