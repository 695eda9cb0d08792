//! HiPPO-LegS (Gu et al. 2020, arXiv 2008.07669) as oscillations: the state spaces that S4 starts from.
//!
//! A_nk = −√((2n+1)(2k+1)) below the diagonal, −(n+1) on it; B_n = √(2n+1). With P = B/√2, A + P Pᵀ is −½ and a skew-symmetric part, whose
//! eigenvalues ±iω come in pairs. In the eigenvectors' axes A = diag(−½ + iω) − P P*. Their phases are free: here each is turned so that B is real and
//! positive, and P = B/√2 with it. Start at [`Legs::of`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use kernels::s4_step::Complex64;

use super::hermitian::modes;

/// One of each pair of oscillations, the fastest first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Legs {
    /// ω, positive.
    pub frequencies: Vec<f64>,
    /// B in the eigenvectors' axes.
    pub inputs: Vec<f64>,
}

impl Legs {
    /// Those of a state of 2 · `pairs` numbers. Found once for a program: all layers of a model start from the same.
    pub fn of(pairs: usize) -> Arc<Legs> {
        static FOUND: Mutex<BTreeMap<usize, Arc<Legs>>> = Mutex::new(BTreeMap::new());
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(found.entry(pairs).or_insert_with(|| Arc::new(Self::find(pairs))))
    }

    fn find(pairs: usize) -> Legs {
        let size = 2 * pairs;
        let root = |n: usize| (2.0 * n as f64 + 1.0).sqrt();
        // −i times the skew-symmetric part is Hermitian, with eigenvalues ω.
        let entry = |at: usize| {
            let (n, k) = (at / size, at % size);
            let half = 0.5 * root(n) * root(k);
            match n.cmp(&k) {
                std::cmp::Ordering::Less => Complex64::new(0.0, -half),
                std::cmp::Ordering::Equal => Complex64::default(),
                std::cmp::Ordering::Greater => Complex64::new(0.0, half),
            }
        };
        let inputs = (0..size).map(|n| Complex64::from(root(n))).collect();
        let mut modes = modes((0..size * size).map(entry).collect(), inputs);
        modes.sort_by(|a, b| b.eigenvalue.total_cmp(&a.eigenvalue));
        modes.truncate(pairs);
        Legs {
            frequencies: modes.iter().map(|mode| mode.eigenvalue).collect(),
            inputs: modes.iter().map(|mode| mode.along.norm()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NumPy 2.4: `numpy.linalg.eigh` of −i (A + P Pᵀ + ½ I) for N = 64, the fastest, some between and the slowest; |V* B| beside.
    #[test]
    fn golden_of_64_states() {
        let legs = Legs::of(32);
        let want = [
            (0, 1303.273842981196, 40.75184090529888),
            (1, 433.0307565386911, 13.605634677782687),
            (7, 79.33262421811217, 2.8248150318226983),
            (15, 27.830266629847618, 1.4748894657704474),
            (23, 9.012004877389568, 1.0074150836717077),
            (28, 2.625654767152419, 0.7904934013269416),
            (30, 0.905859410024774, 0.6802272626464336),
            (31, 0.2638569311113358, 0.5945119140788996),
        ];
        for (n, frequency, input) in want {
            let close = |got: f64, want: f64| (got / want - 1.0).abs() < 1e-11;
            assert!(close(legs.frequencies[n], frequency), "ω {n}: {}", legs.frequencies[n]);
            assert!(close(legs.inputs[n], input), "B {n}: {}", legs.inputs[n]);
        }
    }

    /// Two states by hand: S = [[0, √3/2], [−√3/2, 0]], so ω = √3/2, and |B| = √((1 + 3)/2).
    #[test]
    fn two_states_by_hand() {
        let legs = Legs::find(1);
        assert!((legs.frequencies[0] - 0.75f64.sqrt()).abs() < 1e-15);
        assert!((legs.inputs[0] - 2f64.sqrt()).abs() < 1e-15);
    }
}
