//! When does the learning rate fall? PyTorch's `ReduceLROnPlateau`, judged by the loss on the dev set.

use serde::{Deserialize, Serialize};

/// A loss is a new lowest only if it is lower by this share: PyTorch's default.
const THRESHOLD: f64 = 1e-4;

/// What has been seen of the dev loss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    lowest: Option<f64>,
    /// Judgements since.
    since: u64,
    /// How often the rate has fallen.
    pub falls: u32,
}

impl Plateau {
    /// Takes note of a judgement; after more than `patience` in a row without a new lowest, the rate falls.
    pub fn judged(&mut self, loss: f64, patience: u64) {
        if self.lowest.is_none_or(|lowest| loss < lowest * (1.0 - THRESHOLD)) {
            (self.lowest, self.since) = (Some(loss), 0);
            return;
        }
        self.since += 1;
        if self.since > patience {
            (self.falls, self.since) = (self.falls + 1, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// torch.optim.lr_scheduler.ReduceLROnPlateau(mode="min", patience=2), stepped with these losses: the falls after each.
    #[test]
    fn falls_are_pytorchs() {
        let losses = [1.0, 0.9, 0.95, 0.91, 0.90, 0.899_95, 0.5, 0.6, 0.7, f64::NAN, 0.4, 0.4, 0.4, 0.4];
        let falls = [0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3];
        let mut plateau = Plateau::default();
        for (loss, want) in losses.into_iter().zip(falls) {
            plateau.judged(loss, 2);
            assert_eq!(plateau.falls, want, "after {loss}");
        }
    }
}
