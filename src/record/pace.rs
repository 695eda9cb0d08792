//! How fast a run goes, and how long it has to go.

use super::event::StepDone;

/// Share of the newest update in the running means; an update from 20 ago still counts with a third of its weight.
const NEWEST: f64 = 0.05;

/// Running means over the updates of this process.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    max_steps: u64,
    steps: u64,
    step_secs: f64,
    audio_secs: f64,
}

impl Pace {
    pub(super) fn new(max_steps: u64) -> Self {
        Pace { max_steps, ..Pace::default() }
    }

    pub(super) fn max_steps(&self) -> u64 {
        self.max_steps
    }

    /// Takes note of an update.
    pub(super) fn step(&mut self, done: &StepDone) {
        self.steps += 1;
        // A plain mean at first, so that the first update does not linger.
        let share = NEWEST.max(1.0 / self.steps as f64);
        self.step_secs += share * (done.step_secs - self.step_secs);
        self.audio_secs += share * (done.audio_secs - self.audio_secs);
    }

    /// Sound worked through per second of updates.
    pub(super) fn audio_secs_per_sec(&self) -> f64 {
        if self.step_secs > 0.0 { self.audio_secs / self.step_secs } else { 0.0 }
    }

    /// Time that the updates after `step` will take; judgements come on top.
    pub(super) fn secs_left(&self, step: u64) -> f64 {
        self.max_steps.saturating_sub(step) as f64 * self.step_secs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_follow_the_newest_updates() {
        let mut pace = Pace::new(100);
        let done = |step_secs| StepDone {
            step: 0,
            lr: 0.0,
            losses: Default::default(),
            grad_norm: 0.0,
            taken: true,
            utterances: 1,
            infinite: 0,
            audio_secs: 10.0,
            step_secs,
        };
        for secs in [4.0, 2.0, 3.0] {
            pace.step(&done(secs));
        }
        assert!((pace.secs_left(90) - 30.0).abs() < 1e-9);
        assert!((pace.audio_secs_per_sec() - 10.0 / 3.0).abs() < 1e-9);
        for _ in 0..200 {
            pace.step(&done(1.0));
        }
        assert!((pace.secs_left(90) - 10.0).abs() < 0.01);
        assert_eq!(pace.secs_left(200), 0.0);
    }
}
