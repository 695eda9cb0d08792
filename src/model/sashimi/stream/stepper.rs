//! Some lanes of a model, stepped.

use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use kernels::stream::{Lost, SHARDS, Second, Sums, pair};
use kernels::threads;

use super::member::Member;
use super::pace::Pace;
use super::{StepWeights, StreamError};

/// The states of some lanes, which take a code each at every step.
pub struct Stepper {
    lanes: usize,
    levels: usize,
    /// Every share of the layers, or the first one.
    member: Member,
    helper: Option<Helper>,
    /// All lanes are to rest before the next code.
    reset: bool,
}

/// The second thread, and which of both does what.
struct Helper {
    second: Second,
    pace: Pace,
    /// Whether it has a share at present.
    divided: bool,
    give: Sender<Member>,
    take: Receiver<Member>,
    /// The ways of summing that are not in use.
    spare: Vec<Sums>,
}

/// What the second thread is told, before the codes.
#[derive(Clone, Copy)]
enum Order {
    Step,
    ResetAndStep,
    /// Send your share back.
    Give,
    /// Receive your share.
    Take,
}

impl Stepper {
    /// `lanes` recordings at rest, on this thread and, with `threads` of two or more, one more of their own where that is faster.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn new(weights: &Arc<StepWeights>, lanes: usize, threads: usize) -> Result<Self, StreamError> {
        let room = lanes * weights.widest();
        let mut member = Member::new(Arc::clone(weights), lanes, Sums::alone(room));
        let helper = if threads < SHARDS || lanes == 0 {
            None
        } else {
            let mut helper = Helper::start(lanes, pair(room))?;
            helper.divide(&mut member)?;
            Some(helper)
        };
        Ok(Stepper { lanes, levels: weights.levels(), member, helper, reset: false })
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
        let reset = mem::take(&mut self.reset);
        if let Some(helper) = &mut self.helper {
            helper.settle(&mut self.member)?;
            if helper.divided {
                helper.order(if reset { Order::ResetAndStep } else { Order::Step }, codes);
            }
        }
        if reset {
            self.member.reset();
        }
        self.member.step(codes.iter().copied())?;
        Ok(self.member.logits())
    }
}

impl Helper {
    fn start(lanes: usize, ends: [Sums; SHARDS]) -> Result<Self, StreamError> {
        let ((give, given), (back, take)) = (channel::<Member>(), channel());
        let mut share: Option<Member> = None;
        let work = move |order: &[u32]| {
            let (kind, codes) = (order[0], &order[1..]);
            if kind == Order::Take as u32 {
                share = given.recv().ok();
                return share.is_some();
            }
            let Some(member) = &mut share else { return false };
            if kind == Order::Give as u32 {
                return share.take().is_some_and(|share| back.send(share).is_ok());
            }
            if kind == Order::ResetAndStep as u32 {
                member.reset();
            }
            member.step(codes.iter().copied()).is_ok()
        };
        let second = Second::start(1 + lanes, work)?;
        let pace = Pace::new(Instant::now());
        Ok(Helper { second, pace, divided: false, give, take, spare: ends.into() })
    }

    fn order(&self, order: Order, codes: &[u32]) {
        self.second.order(std::iter::once(order as u32).chain(codes.iter().copied()));
    }

    /// Divides the work, or does not, as the pace says.
    fn settle(&mut self, member: &mut Member) -> Result<(), StreamError> {
        match (self.pace.step(Instant::now), self.divided) {
            (true, false) => self.divide(member),
            (false, true) => self.join(member),
            _ => Ok(()),
        }
    }

    fn divide(&mut self, member: &mut Member) -> Result<(), StreamError> {
        let mut ends = self.spare.drain(..);
        let (Some(own), Some(other)) = (ends.next(), ends.next()) else { return Ok(()) };
        drop(ends);
        let (share, alone) = member.divide(own, other);
        self.spare.push(alone);
        self.give.send(share).map_err(|_| Lost)?;
        self.order(Order::Take, &[]);
        self.divided = true;
        Ok(())
    }

    fn join(&mut self, member: &mut Member) -> Result<(), StreamError> {
        self.order(Order::Give, &[]);
        let share = self.take.recv().map_err(|_| Lost)?;
        if let Some(alone) = self.spare.pop() {
            self.spare.extend(member.join(share, alone));
        }
        self.divided = false;
        Ok(())
    }
}
