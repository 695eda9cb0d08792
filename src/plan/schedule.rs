//! The learning rate as a function of the update.

use serde::Serialize;

/// How the rate falls after the plateau.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Decay {
    Exp,
    Linear,
    /// By `factor` after `patience` judgements in a row that were no better.
    OnPlateau {
        factor: f64,
        patience: u64,
    },
}

/// A fall by less than this is none: PyTorch's `eps` of `ReduceLROnPlateau`.
const LEAST_FALL: f64 = 1e-8;

/// Warm-up, plateau, decay, floor; optionally started over.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Schedule {
    pub max_lr: f64,
    pub min_lr: f64,
    pub final_lr: f64,
    pub warmup_steps: u64,
    /// Updates with one rate during the warm-up. Not written where each has its own: runs from before there was a choice stay the same runs.
    #[serde(skip_serializing_if = "is_ramp")]
    pub warmup_stairs: u64,
    pub plateau_steps: u64,
    pub decay_steps: u64,
    pub decay: Decay,
    pub reset_period: u64,
    pub reset_times: u64,
}

impl Schedule {
    /// The rate of the update after `steps` finished ones, after `falls` falls on a plateau: the very first has `min_lr`.
    pub fn lr(&self, steps: u64, falls: u32) -> f64 {
        self.lr_of(self.max_lr, steps, falls)
    }

    /// The same for parameters whose rate rises to `peak` instead of `max_lr`.
    pub fn lr_of(&self, peak: f64, steps: u64, falls: u32) -> f64 {
        let lr = peak * self.factor(self.since_reset(steps));
        match self.decay {
            Decay::OnPlateau { factor, .. } => (0..falls).fold(lr, |lr, _| {
                let lower = (lr * factor).max(self.final_lr);
                if lr - lower > LEAST_FALL { lower } else { lr }
            }),
            Decay::Exp | Decay::Linear => lr,
        }
    }

    fn since_reset(&self, steps: u64) -> u64 {
        match self.reset_period {
            0 => steps,
            period => steps - (steps / period).min(self.reset_times) * period,
        }
    }

    fn factor(&self, s: u64) -> f64 {
        let (warm, flat) = (self.warmup_steps, self.warmup_steps + self.plateau_steps);
        if s < warm {
            let s = s - s % self.warmup_stairs;
            ((self.max_lr - self.min_lr) * s as f64 / warm as f64 + self.min_lr) / self.max_lr
        } else if s <= flat || matches!(self.decay, Decay::OnPlateau { .. }) {
            1.0
        } else if s < flat + self.decay_steps {
            self.fallen((s - flat) as f64 / self.decay_steps as f64)
        } else {
            self.final_lr / self.max_lr
        }
    }

    fn fallen(&self, share: f64) -> f64 {
        match self.decay {
            // The reference takes this exponential in single precision.
            Decay::Exp => f64::from((((self.final_lr / self.max_lr).ln() * share) as f32).exp()),
            Decay::Linear => 1.0 - share * (self.max_lr - self.final_lr) / self.max_lr,
            Decay::OnPlateau { .. } => 1.0,
        }
    }
}

fn is_ramp(stairs: &u64) -> bool {
    *stairs == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAPER: Schedule = Schedule {
        max_lr: 3e-4,
        min_lr: 0.0,
        final_lr: 1.5e-6,
        warmup_steps: 5000,
        warmup_stairs: 1,
        plateau_steps: 0,
        decay_steps: 75_000,
        decay: Decay::Exp,
        reset_period: 0,
        reset_times: 1,
    };

    #[test]
    fn the_papers_rates() {
        let cases = [
            (0, 0.0),
            (1, 6e-8),
            (2500, 1.5e-4),
            (5000, 3e-4),
            (5001, 2.999_788_1e-4),
            (42_500, 2.121_320_2e-5),
            (79_999, 1.500_106_4e-6),
            (80_000, 1.5e-6),
            (90_000, 1.5e-6),
        ];
        for (steps, want) in cases {
            let got = PAPER.lr(steps, 0);
            assert!((got - want).abs() <= 1e-6 * want, "lr({steps}) = {got}, want {want}");
        }
    }

    /// SSAMBA's and SSAST's loops set the rate before updates 0, 50, …, 1000.
    #[test]
    fn a_warm_up_in_stairs() {
        let schedule = Schedule { max_lr: 1e-4, warmup_steps: 1000, warmup_stairs: 50, ..PAPER };
        let rates = [0, 49, 50, 99, 999, 1000].map(|steps| schedule.lr(steps, 0));
        assert_eq!(rates, [0.0, 0.0, 0.05, 0.05, 0.95, 1.0].map(|share| 1e-4 * share));
        // A last stair that does not fit is shorter.
        let schedule = Schedule { warmup_stairs: 300, ..schedule };
        assert_eq!(
            [899, 900, 999, 1000].map(|steps| schedule.lr(steps, 0)),
            [0.6, 0.9, 0.9, 1.0].map(|share| 1e-4 * share)
        );
    }

    /// torch.optim.lr_scheduler.ReduceLROnPlateau(factor=0.2, min_lr=0): 4e-3 and 1e-3 after each fall.
    #[test]
    fn falls_on_a_plateau_end_where_they_are_too_small() {
        let schedule = Schedule {
            max_lr: 4e-3,
            final_lr: 0.0,
            warmup_steps: 0,
            decay: Decay::OnPlateau { factor: 0.2, patience: 20 },
            ..PAPER
        };
        for (falls, base, states) in
            [(0, 4e-3, 1e-3), (1, 8e-4, 2e-4), (3, 3.2e-5, 8e-6), (9, 1.024e-8, 2.56e-9)]
        {
            let close = |got: f64, want: f64| (got - want).abs() < 1e-6 * want;
            let got = [schedule.lr(1_000_000, falls), schedule.lr_of(1e-3, 5, falls)];
            assert!(close(got[0], base) && close(got[1], states), "{falls} falls: {got:?}");
        }
        assert_eq!(Schedule { final_lr: 1e-3, ..schedule }.lr(7, 2), 1e-3);
    }

    #[test]
    fn plateau_linear_decay_and_restart() {
        let schedule = Schedule {
            plateau_steps: 10,
            warmup_steps: 10,
            decay_steps: 100,
            decay: Decay::Linear,
            reset_period: 60,
            reset_times: 1,
            ..PAPER
        };
        assert_eq!(schedule.lr(20, 0), 3e-4);
        assert!((schedule.lr(59, 0) - (3e-4 - 0.39 * (3e-4 - 1.5e-6))).abs() < 1e-12);
        assert_eq!(schedule.lr(60, 0), 0.0);
        assert!((schedule.lr(130, 0) - (3e-4 - 0.5 * (3e-4 - 1.5e-6))).abs() < 1e-12);
    }
}
