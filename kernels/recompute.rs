//! Less memory for more time: a block of ops keeps its input only, and runs again when backward reaches it (Chen et al. 2016, arXiv
//! 1604.06174).
//!
//! The second run reads the very arrays that the first one read and adds to the same gradients in the same order, so every gradient has the
//! bytes it has without. Not for: which blocks (layers say that), random numbers (whoever draws some inside a block draws the same ones twice).
//! Start at [`recompute`].

use std::collections::HashSet;
use std::rc::Rc;

use dfdx::prelude::Gradients;

use crate::{Array, Device, Grads, OpError, Tape, trace};

/// Does `block` on `x` so that nothing of it is kept but `x`; where a gradient is wanted, backward does it once more.
///
/// `block` returns its output with whatever else it has to say; what it says the second time is dropped. It has to do the same both times, and
/// what it owns, such as parameters, lives until backward is through with it. On a tape that does not record it is simply done.
///
/// # Errors
/// Those of `block`. Where it fails the second time, [`Tape::backward`] says so.
pub fn recompute<D: Device, T>(
    tape: &mut Tape<D>,
    x: &Array<D>,
    block: impl Fn(&mut Tape<D>, &Array<D>) -> Result<(Array<D>, T), OpError> + 'static,
) -> Result<(Array<D>, T), OpError> {
    if !tape.is_recording() {
        return block(tape, x);
    }
    let mut first = Tape::noting();
    let (y, said) = block(&mut first, x)?;
    if !y.is_tracked() {
        return Ok((y, said));
    }
    trace::keep(std::iter::once(x));
    let (x, made, layer, failure) = (x.clone(), y.flat.ghost(), trace::here(), Rc::clone(tape.failure()));
    tape.record(first.into_touched().into_iter(), move |grads: &mut Gradients<f32, D>| {
        let device = x.device().clone();
        let so_far = Grads::new(std::mem::replace(grads, Gradients::leaky()), HashSet::new());
        let done = Tape::recording_onto(&device, so_far).and_then(|mut again| {
            let (y, _) = trace::again(layer, || block(&mut again, &x))?;
            let (remade, on) = (y.flat.ghost(), device.clone());
            drop(y);
            // What the first output was owed goes to the second.
            again.record(std::iter::empty(), move |grads| {
                let empty = on.try_alloc_len(0)?;
                let owed = std::mem::replace(grads.get_or_alloc_mut(&made)?, empty);
                *grads.get_or_alloc_mut(&remade)? = owed;
                Ok(())
            });
            again.backward(&device, Vec::new())
        });
        match done {
            Ok(done) => *grads = done.into_inner(),
            // The tape goes on over zeros; its backward looks here at the end.
            Err(error) => _ = failure.set(error),
        }
        Ok(())
    });
    Ok((y, said))
}
