//! Some lanes of a model, stepped.

use std::sync::Arc;

use kernels::stream::{SHARDS, Second, Sums, pair};
use kernels::threads;

use super::member::Member;
use super::{StepWeights, StreamError};

/// The states of some lanes, which take a code each at every step.
pub struct Stepper {
    lanes: usize,
    levels: usize,
    member: Member,
    /// Does half of every step.
    second: Option<Second>,
    /// The second thread has yet to forget what it knows.
    reset: bool,
}

impl Stepper {
    /// `lanes` recordings at rest, on this thread and, with `threads` of two or more, one more of their own.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn new(weights: &Arc<StepWeights>, lanes: usize, threads: usize) -> Result<Self, StreamError> {
        let (room, levels) = (lanes * weights.widest(), weights.levels());
        if threads < SHARDS || lanes == 0 {
            let member = Member::new(Arc::clone(weights), lanes, Sums::alone(room));
            return Ok(Stepper { lanes, levels, member, second: None, reset: false });
        }
        let [member, mut other] = pair(room).map(|sums| Member::new(Arc::clone(weights), lanes, sums));
        let second = Second::start(1 + lanes, move |order| {
            if order[0] != 0 {
                other.reset();
            }
            other.step(order[1..].iter().copied()).is_ok()
        })?;
        Ok(Stepper { lanes, levels, member, second: Some(second), reset: false })
    }

    /// How many lanes there are.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// How many codes there are.
    pub fn levels(&self) -> usize {
        self.levels
    }

    /// All lanes back to rest: as if no code had been taken.
    pub fn reset(&mut self) {
        self.member.reset();
        self.reset = true;
    }

    /// Takes the next code of each lane; the logits [lanes, levels] of the one after it.
    ///
    /// # Errors
    /// There are not as many codes as lanes, or one has no level; no state has moved then. Or the second thread has ended.
    pub fn step(&mut self, codes: &[u32]) -> Result<&[f32], StreamError> {
        if codes.len() != self.lanes {
            return Err(StreamError::Lanes { got: codes.len(), want: self.lanes });
        }
        if let Some(&code) = codes.iter().find(|code| **code as usize >= self.levels) {
            return Err(StreamError::Code { code, levels: self.levels });
        }
        // As the second thread does: a state that decays through silence would otherwise slow down.
        threads::flush_denormals();
        if let Some(second) = &self.second {
            second.order(std::iter::once(u32::from(self.reset)).chain(codes.iter().copied()));
            self.reset = false;
        }
        self.member.step(codes.iter().copied())?;
        Ok(self.member.logits())
    }
}
