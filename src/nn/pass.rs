//! One walk through a model: its parameters, the tape, and what training adds to it.

use std::fmt::Display;
use std::rc::Rc;

use kernels::attention::Queries;
use kernels::recompute::recompute;
use kernels::{Array, Device, OpError, Tape, trace};
use rand::Rng;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::{ParamId, Params};

/// What a layer needs besides its input.
pub struct Pass<'a, D: Device> {
    params: &'a Params<D>,
    /// Where ops record themselves.
    pub tape: &'a mut Tape<D>,
    /// In train mode, the stream that dropout, layerdrop and masks draw from; at rest, nothing.
    train: Option<Pcg64Mcg>,
    queries: Queries,
    /// Whether blocks keep their input only.
    recomputes: bool,
    /// The parameters for blocks that outlive the pass, once there is one.
    shared: Option<Rc<Params<D>>>,
}

impl<'a, D: Device> Pass<'a, D> {
    /// A pass in train mode, drawing from `rng`.
    pub fn training(params: &'a Params<D>, tape: &'a mut Tape<D>, rng: Pcg64Mcg) -> Self {
        Self::new(params, tape, Some(rng))
    }

    /// A pass at rest: no dropout, no masks.
    pub fn at_rest(params: &'a Params<D>, tape: &'a mut Tape<D>) -> Self {
        Self::new(params, tape, None)
    }

    fn new(params: &'a Params<D>, tape: &'a mut Tape<D>, train: Option<Pcg64Mcg>) -> Self {
        Pass { params, tape, train, queries: Queries::Valid, recomputes: false, shared: None }
    }

    /// The same pass with attention answering padding, too: for comparing frames behind an utterance's end.
    #[must_use]
    pub fn answering(mut self, queries: Queries) -> Self {
        self.queries = queries;
        self
    }

    /// The same pass with [`Pass::block`] keeping no more than a block's input until backward.
    #[must_use]
    pub fn recomputing(mut self, recomputes: bool) -> Self {
        self.recomputes = recomputes;
        self
    }

    /// Whether attention answers padding.
    pub fn queries(&self) -> Queries {
        self.queries
    }

    /// Does `body` as part of the module `name`, so that a profile can say in which layer time goes. The names on the way, joined by
    /// dots, are those that the module's parameters begin with.
    pub fn within<T>(&mut self, name: impl Display, body: impl FnOnce(&mut Self) -> T) -> T {
        trace::within(name, || body(self))
    }

    /// Does `block` on `x`. Where the pass recomputes, nothing of it is kept but `x`, and backward does it again with the same draws: values and
    /// gradients are the same to the last bit either way.
    ///
    /// # Errors
    /// Those of `block`.
    pub fn block<F>(&mut self, x: &Array<D>, block: F) -> Result<Array<D>, OpError>
    where
        F: Fn(&mut Pass<'_, D>, &Array<D>) -> Result<Array<D>, OpError> + 'static,
    {
        if !self.recomputes {
            return block(self, x);
        }
        let params = Rc::clone(self.shared.get_or_insert_with(|| Rc::new(self.params.clone())));
        let (before, queries) = (self.train.clone(), self.queries);
        let run = move |tape: &mut Tape<D>, x: &Array<D>| {
            let mut pass = Pass::new(&params, tape, before.clone()).answering(queries);
            let y = block(&mut pass, x)?;
            Ok((y, pass.train))
        };
        let (y, after) = recompute(self.tape, x, run)?;
        self.train = after;
        Ok(y)
    }

    /// A parameter's values. The result does not borrow the pass, so that it can be handed to an op with the tape.
    pub fn param(&self, id: ParamId) -> &'a Array<D> {
        self.params.array(id)
    }

    /// The random stream, in train mode only.
    pub fn rng(&mut self) -> Option<&mut Pcg64Mcg> {
        self.train.as_mut()
    }

    /// The rate to drop with and a seed for it: 0 at rest.
    pub fn dropout(&mut self, rate: f32) -> (f32, u64) {
        match &mut self.train {
            Some(rng) if rate > 0.0 => (rate, rng.next_u64()),
            _ => (0.0, 0),
        }
    }

    /// True with probability `chance` in train mode, never at rest.
    pub fn skips(&mut self, chance: f32) -> bool {
        match &mut self.train {
            Some(rng) if chance > 0.0 => rng.random::<f32>() < chance,
            _ => false,
        }
    }
}
