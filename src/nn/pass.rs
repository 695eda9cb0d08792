//! One walk through a model: its parameters, the tape, and what training adds to it.

use std::fmt::Display;

use kernels::attention::Queries;
use kernels::{Array, Device, Tape, trace};
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
}

impl<'a, D: Device> Pass<'a, D> {
    /// A pass in train mode, drawing from `rng`.
    pub fn training(params: &'a Params<D>, tape: &'a mut Tape<D>, rng: Pcg64Mcg) -> Self {
        Pass { params, tape, train: Some(rng), queries: Queries::Valid }
    }

    /// A pass at rest: no dropout, no masks.
    pub fn at_rest(params: &'a Params<D>, tape: &'a mut Tape<D>) -> Self {
        Pass { params, tape, train: None, queries: Queries::Valid }
    }

    /// The same pass with attention answering padding, too: for comparing frames behind an utterance's end.
    #[must_use]
    pub fn answering(mut self, queries: Queries) -> Self {
        self.queries = queries;
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
