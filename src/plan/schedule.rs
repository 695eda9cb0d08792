//! The learning rate as a function of the update.

use serde::Serialize;

/// How the rate falls after the plateau.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Decay {
    Exp,
    Linear,
}

/// Warm-up, plateau, decay, floor; optionally started over.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Schedule {
    pub max_lr: f64,
    pub min_lr: f64,
    pub final_lr: f64,
    pub warmup_steps: u64,
    pub plateau_steps: u64,
    pub decay_steps: u64,
    pub decay: Decay,
    pub reset_period: u64,
    pub reset_times: u64,
}

impl Schedule {
    /// The rate of the update after `steps` finished ones: the very first has `min_lr`.
    pub fn lr(&self, steps: u64) -> f64 {
        self.max_lr * self.factor(self.since_reset(steps))
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
            ((self.max_lr - self.min_lr) * s as f64 / warm as f64 + self.min_lr) / self.max_lr
        } else if s <= flat {
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAPER: Schedule = Schedule {
        max_lr: 3e-4,
        min_lr: 0.0,
        final_lr: 1.5e-6,
        warmup_steps: 5000,
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
            let got = PAPER.lr(steps);
            assert!((got - want).abs() <= 1e-6 * want, "lr({steps}) = {got}, want {want}");
        }
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
        assert_eq!(schedule.lr(20), 3e-4);
        assert!((schedule.lr(59) - (3e-4 - 0.39 * (3e-4 - 1.5e-6))).abs() < 1e-12);
        assert_eq!(schedule.lr(60), 0.0);
        assert!((schedule.lr(130) - (3e-4 - 0.5 * (3e-4 - 1.5e-6))).abs() < 1e-12);
    }

    /// tests/parity/make_losses.py: around every corner of warm-up, plateau, decay and restarts.
    #[test]
    fn the_equations_rates() {
        let golden = crate::checkout().join("tests/parity/losses/rates.tsv");
        let text = std::fs::read_to_string(golden).unwrap();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            let [warmup, plateau, decay, max, min, last, shape, period, times, steps, rate] = fields[..]
            else {
                panic!("{line}");
            };
            let number = |field: &str| field.parse::<f64>().unwrap();
            let schedule = Schedule {
                max_lr: number(max),
                min_lr: number(min),
                final_lr: number(last),
                warmup_steps: number(warmup) as u64,
                plateau_steps: number(plateau) as u64,
                decay_steps: number(decay) as u64,
                decay: if shape == "exp" { Decay::Exp } else { Decay::Linear },
                reset_period: number(period) as u64,
                reset_times: number(times) as u64,
            };
            let (got, want) = (schedule.lr(number(steps) as u64), number(rate));
            assert!((got - want).abs() <= 1e-6 * want, "{line}: {got}");
        }
        assert!(text.lines().count() > 60);
    }
}
