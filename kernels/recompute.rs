//! Less memory for more time: a block of ops keeps its input only, and runs again when backward reaches it (Chen et al. 2016, arXiv
//! 1604.06174).
//!
//! The second run reads the very arrays that the first one read and adds to the same gradients in the same order, so every gradient has the
//! bytes it has without. Not for: which blocks (layers say that), random numbers (whoever draws some inside a block draws the same ones twice).
//! Start at [`recompute`].

use std::rc::Rc;

use crate::tape::Buffers;
use crate::{Array, Device, OpError, Tape, trace};

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
    let (x, made, layer, failure) = (x.clone(), y.id, trace::here(), Rc::clone(tape.failure()));
    tape.record(first.into_touched().into_iter(), move |buffers: &Buffers<D>| {
        let device = x.device().clone();
        let mut again = Tape::recording_into(buffers);
        let done = trace::again(layer, || block(&mut again, &x)).and_then(|(y, _)| {
            // What the first output was owed goes to the second.
            let owed = buffers.borrow_mut().remove(&made);
            buffers.borrow_mut().extend(owed.map(|owed| (y.id, owed)));
            drop(y);
            again.run(&device)
        });
        if let Err(error) = done {
            // The tape goes on over zeros; its backward looks here at the end.
            _ = failure.set(error);
        }
        Ok(())
    });
    Ok((y, said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::add::add;
    use crate::gelu::gelu;
    use crate::linear::linear;
    use crate::trace::{Kind, Recording, within};
    use crate::{Cpu, Grads};

    const WIDTH: usize = 5;

    fn array(seed: usize, shape: [usize; 2]) -> Array<Cpu> {
        let values = (0..shape[0] * shape[1]).map(|i| ((i * 7 + seed) % 13) as f32 / 13.0 - 0.4).collect();
        Array::from_vec(&Cpu::default(), values, shape).unwrap()
    }

    /// x + gelu(x wᵀ)
    fn block(tape: &mut Tape<Cpu>, x: &Array<Cpu>, w: &Array<Cpu>) -> Result<Array<Cpu>, OpError> {
        let h = linear(tape, x, w, None)?;
        let h = gelu(tape, &h)?;
        add(tape, x, &h)
    }

    fn in_a_block(
        tape: &mut Tape<Cpu>,
        x: &Array<Cpu>,
        w: &Array<Cpu>,
        recomputed: bool,
    ) -> Result<Array<Cpu>, OpError> {
        if !recomputed {
            return block(tape, x, w);
        }
        let w = w.clone();
        Ok(recompute(tape, x, move |tape, x| Ok((block(tape, x, &w)?, ())))?.0)
    }

    /// Three blocks, the first two with the same weights; every hidden state is seeded. Returns the gradients of x and of both weights after two
    /// micro-batches.
    fn gradients(recomputed: bool) -> Vec<Vec<f32>> {
        let device = Cpu::default();
        let x = array(1, [3, WIDTH]).tracked();
        let [w, v] = [2, 3].map(|seed| array(seed, [WIDTH, WIDTH]).tracked());
        let mut grads: Option<Grads<Cpu>> = None;
        for _ in 0..2 {
            let mut tape = Tape::recording();
            let mut states = vec![x.clone()];
            for weight in [&w, &w, &v] {
                let state = in_a_block(&mut tape, &states[states.len() - 1], weight, recomputed).unwrap();
                assert!(state.is_tracked());
                states.push(state);
            }
            let seed = |state: &Array<Cpu>| (0..state.len()).map(|i| (i as f32).sin()).collect();
            let seeds = states.drain(1..).map(|state| (state.clone(), seed(&state))).collect();
            let made = tape.backward(&device, seeds).unwrap();
            match &mut grads {
                None => grads = Some(made),
                Some(grads) => grads.add(&device, made).unwrap(),
            }
        }
        let mut grads = grads.unwrap();
        let unread = array(4, [WIDTH, WIDTH]).tracked();
        assert!(!grads.reached(&unread));
        [&x, &w, &v]
            .map(|array| {
                assert!(grads.reached(array));
                grads.to_vec(array).unwrap()
            })
            .to_vec()
    }

    #[test]
    fn gradients_have_the_bytes_they_have_without() {
        let bits = |recomputed| -> Vec<u32> {
            gradients(recomputed).into_iter().flatten().map(f32::to_bits).collect()
        };
        assert_eq!(bits(true), bits(false));
        assert!(gradients(true).iter().flatten().any(|&value| value != 0.0));
    }

    #[test]
    fn nothing_is_recorded_where_no_gradient_is_wanted() {
        let (x, w) = (array(1, [3, WIDTH]), array(2, [WIDTH, WIDTH]));
        let mut tape = Tape::recording();
        let y = in_a_block(&mut tape, &x, &w, true).unwrap();
        assert!(!y.is_tracked() && !tape.has_recorded());
        for mut tape in [Tape::silent(), Tape::noting()] {
            let tracked = tape.tracks();
            assert_eq!(in_a_block(&mut tape, &x.tracked(), &w, true).unwrap().is_tracked(), tracked);
            assert!(!tape.has_recorded());
        }
    }

    /// What is read in backward alone is let go before anyone writes: an optimiser does not copy.
    #[test]
    fn weights_are_nobody_elses_after_backward() {
        let device = Cpu::default();
        let (x, mut w) = (array(1, [3, WIDTH]), array(2, [WIDTH, WIDTH]).tracked());
        let place = w.as_slice().as_ptr();
        let mut tape = Tape::recording();
        let y = in_a_block(&mut tape, &x, &w, true).unwrap();
        let seed = vec![1.0; y.len()];
        let grads = tape.backward(&device, vec![(y, seed)]).unwrap();
        assert_eq!(w.as_mut_slice().as_ptr(), place);
        drop(grads);

        // The other way round: a tape that is still there shares them.
        let mut tape = Tape::recording();
        let _y = in_a_block(&mut tape, &x, &w, true).unwrap();
        assert_ne!(w.as_mut_slice().as_ptr(), place);
    }

    #[test]
    fn a_second_run_that_fails_is_reported() {
        let device = Cpu::default();
        let (x, w) = (array(1, [3, WIDTH]).tracked(), array(2, [WIDTH, WIDTH]).tracked());
        let runs = std::cell::Cell::new(0);
        let mut tape = Tape::recording();
        let below = block(&mut tape, &x, &w).unwrap();
        let (y, ()) = recompute(&mut tape, &below, move |tape, x| {
            runs.set(runs.get() + 1);
            match runs.get() {
                1 => Ok((block(tape, x, &w)?, ())),
                _ => Err(OpError::device("block", "out of memory")),
            }
        })
        .unwrap();
        let seed = vec![1.0; y.len()];
        let error = tape.backward(&device, vec![(y, seed)]).err().expect("the second run failed");
        assert_eq!(error.to_string(), "block: the device failed: out of memory");
    }

    #[test]
    fn only_the_input_is_held_and_what_ran_again_is_told_apart() {
        const ROWS: usize = 3;
        let spans = |recomputed: bool| {
            let device = Cpu::default();
            let (x, w) = (array(1, [ROWS, WIDTH]), array(2, [WIDTH, WIDTH]).tracked());
            let recording = Recording::start();
            let mut tape = Tape::recording();
            let x = gelu(&mut tape, &x).unwrap();
            let y = within("encoder", || in_a_block(&mut tape, &x, &w, recomputed)).unwrap();
            let seed = vec![1.0; y.len()];
            tape.backward(&device, vec![(y, seed)]).unwrap();
            let trace = recording.finish();
            let told =
                |span: &crate::trace::Span| (span.kind, span.name, trace.path(span.layer), span.saved_bytes);
            trace.spans.iter().map(told).collect::<Vec<_>>()
        };
        let state = (ROWS * WIDTH * size_of::<f32>()) as u64;
        let op = |kind, name, saved| (kind, name, "encoder".to_owned(), saved);
        let backward = ["add", "gelu", "linear"].map(|name| op(Kind::Backward, name, 0));
        let below = (Kind::Forward, "gelu", String::new(), state);
        let forward =
            |kind, saved| [op(kind, "linear", saved), op(kind, "gelu", 0), op(kind, "add", 0)].to_vec();
        let without = [vec![below.clone()], forward(Kind::Forward, state), backward.to_vec()].concat();
        assert_eq!(spans(false), without);
        let with =
            [vec![below], forward(Kind::Forward, 0), forward(Kind::Again, state), backward.to_vec()].concat();
        assert_eq!(spans(true), with);
    }
}
