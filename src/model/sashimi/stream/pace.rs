//! Is a step faster on two threads or on one? Measured, and measured again now and then: on a machine with other work a second thread
//! that has to be waited for costs more than it brings.

use std::time::Instant;

/// Steps that are timed together: a multiple of what the tiers come round in.
const STRETCH: u32 = 64;
/// Stretches after which the other way is tried again: soon at first, as one slow stretch may have been chance, then ever more rarely.
const SOON: u32 = 2;
const RARELY: u32 = 256;
/// How much cheaper the other way has to be.
const MARGIN: f64 = 1.05;

/// The cost of stepping, by the number of threads.
#[derive(Debug)]
pub(super) struct Pace {
    divided: bool,
    /// Seconds for a stretch on one thread and on two, as last seen.
    costs: [Option<f64>; 2],
    since: Instant,
    steps: u32,
    /// The stretch at hand is a try of the way that is not the usual one.
    tried: bool,
    /// Stretches since the last try, and how many there are to be before the next.
    calm: u32,
    patience: u32,
}

impl Pace {
    /// Starts on two threads.
    pub fn new(now: Instant) -> Self {
        Pace { divided: true, costs: [None; 2], since: now, steps: 0, tried: false, calm: 0, patience: SOON }
    }

    /// Counts a step; whether the next one is to be divided between two threads.
    pub fn step(&mut self, now: impl FnOnce() -> Instant) -> bool {
        self.steps += 1;
        if self.steps == STRETCH {
            let now = now();
            self.stretch(now.duration_since(self.since).as_secs_f64());
            (self.since, self.steps) = (now, 0);
        }
        self.divided
    }

    fn stretch(&mut self, secs: f64) {
        self.costs[usize::from(self.divided)] = Some(secs);
        let worse = self.costs[usize::from(!self.divided)].is_none_or(|other| other * MARGIN < secs);
        self.calm += 1;
        let change = match self.tried {
            true => worse,
            false => worse || self.calm >= self.patience,
        };
        // A try that fails makes the next one rarer; whatever else is found out is to be looked at again soon.
        match (self.tried, worse) {
            (true, true) => self.patience = (2 * self.patience).min(RARELY),
            (true, false) | (false, true) => self.patience = SOON,
            (false, false) => {}
        }
        if self.tried || change {
            self.calm = 0;
        }
        self.tried = change && !self.tried;
        self.divided ^= change;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Of some stretches, which were divided, when one takes so long on one thread and on two.
    fn divided(pace: &mut Pace, now: &mut Instant, stretches: u32, millis: [u64; 2]) -> Vec<bool> {
        let mut seen = Vec::new();
        for _ in 0..stretches {
            let took = Duration::from_millis(millis[usize::from(pace.divided)]);
            seen.push(pace.divided);
            for step in 1..=STRETCH {
                *now += took / STRETCH;
                assert_eq!(pace.step(|| *now), pace.divided);
                assert!(step == STRETCH || pace.divided == seen[seen.len() - 1]);
            }
        }
        seen
    }

    #[test]
    fn the_faster_way_is_taken_and_the_other_tried_again() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        assert_eq!(divided(&mut pace, &mut now, 4, [20, 11]), [true, false, true, true]);
        // Somebody else comes: the second thread keeps the first waiting.
        let later = divided(&mut pace, &mut now, 1000, [20, 90]);
        assert!(later.iter().filter(|divided| **divided).count() < 16 && !pace.divided);
        // And goes: found out at the next try, after which one thread is tried ever more rarely.
        let later = divided(&mut pace, &mut now, 1000, [20, 11]);
        assert!(later.iter().filter(|divided| !**divided).count() < 272);
    }

    #[test]
    fn one_slow_stretch_is_soon_forgotten() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        divided(&mut pace, &mut now, 600, [20, 11]);
        while !pace.divided || pace.tried {
            divided(&mut pace, &mut now, 1, [20, 11]);
        }
        assert_eq!(divided(&mut pace, &mut now, 1, [20, 60]), [true]);
        let later = divided(&mut pace, &mut now, 10, [20, 11]);
        assert_eq!(later.iter().filter(|divided| !**divided).count(), 4, "{later:?}");
    }
}
