//! S4's convolution kernel as the reference's CPU code computes it: from half of the sum, the conjugate of each pair left out.
//!
//! r[v]_j = dt Σ_n v_n / (z_j − a_n) over the stored half alone, and from there on as it should be: K_j = (1 + z_j / 2) (r00 − r01 r10 / (1 + r11)),
//! then the inverse real Fourier transform. All of it in f64. With `conjugates` it is the right kernel, to compare with.

use kernels::s4_step::Complex64;
use realfft::RealFftPlanner;

/// A head's state space: dt, and for each stored pair w, P, B and C̃.
pub struct Space {
    pub dt: f64,
    pub w: Vec<Complex64>,
    pub p: Vec<Complex64>,
    pub b: Vec<Complex64>,
    pub c: Vec<Complex64>,
}

/// The four sums of a node.
type Sums = [Complex64; 4];

/// Kernels of one period.
pub struct Kernels {
    period: usize,
    planner: RealFftPlanner<f64>,
}

impl Kernels {
    /// Kernels whose C̃ was made for `period` samples, which is even.
    pub fn new(period: usize) -> Self {
        Kernels { period, planner: RealFftPlanner::new() }
    }

    /// One period of a head's kernel.
    pub fn of(&mut self, space: &Space, conjugates: bool) -> Vec<f64> {
        let nodes = self.period / 2;
        let mut spectrum: Vec<Complex64> =
            (0..nodes).map(|node| self.response(space, node, conjugates)).collect();
        spectrum.push(highest(space, conjugates));
        // A real signal has none at either end; the reference's transform leaves out what it finds there.
        (spectrum[0].im, spectrum[nodes].im) = (0.0, 0.0);
        let back = self.planner.plan_fft_inverse(self.period);
        let mut kernel = back.make_output_vec();
        // The lengths are those that the plan asks for, and nothing else can go wrong.
        if back.process(&mut spectrum, &mut kernel).is_err() {
            return Vec::new();
        }
        kernel.iter_mut().for_each(|k| *k /= self.period as f64);
        kernel
    }

    /// K at a node below the highest.
    fn response(&self, space: &Space, node: usize, conjugates: bool) -> Complex64 {
        let z = Complex64::new(0.0, 2.0 * (std::f64::consts::PI * node as f64 / self.period as f64).tan());
        let mut sums = half(space, z);
        if conjugates {
            // Σ v̄ / (z − ā) is the conjugate of the half sum at z̄.
            let others = half(space, z.conj());
            sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other.conj());
        }
        let [r00, r01, r10, r11] = sums;
        (1.0 + z / 2.0) * (r00 - r01 * r10 / (1.0 + r11))
    }
}

/// The sums over the stored half, of B C̃, B P̄, P C̃ and |P|².
fn half(space: &Space, z: Complex64) -> Sums {
    let mut sums = Sums::default();
    for (((w, p), b), c) in space.w.iter().zip(&space.p).zip(&space.b).zip(&space.c) {
        let term = space.dt / (z - space.dt * w);
        let weights = [b * c, b * p.conj(), p * c, p.norm_sqr().into()];
        sums.iter_mut().zip(weights).for_each(|(sum, v)| *sum += v * term);
    }
    sums
}

/// K where z is infinite: (1 + z / 2) r00 has a limit, and the rest none of its own.
fn highest(space: &Space, conjugates: bool) -> Complex64 {
    let sum: f64 = space.b.iter().zip(&space.c).map(|(b, c)| (b * c).re).sum();
    (space.dt * sum * if conjugates { 1.0 } else { 0.5 }).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four pairs, one period of 16, with known kernel in double precision.
    fn small() -> Space {
        let complex = |re: f64, im: f64| Complex64::new(re, im);
        let of = |value: &dyn Fn(f64) -> Complex64| (0..4).map(|n| value(f64::from(n))).collect();
        Space {
            dt: 0.1,
            w: of(&|n| complex(-0.5, 1.7 * (n + 1.0))),
            p: of(&|n| complex(0.3 + 0.1 * n, 0.2 - 0.05 * n)),
            b: of(&|n| complex(1.0 / (n + 1.0), 0.1 * n)),
            c: of(&|n| complex(0.5 - 0.2 * n, 0.3 + 0.1 * n)),
        }
    }

    #[test]
    fn with_conjugates_it_is_the_kernel() {
        let kernel = Kernels::new(16).of(&small(), true);
        let want = [0.037_659_803_370, 0.005_563_725_212, -0.000_548_884_772, 0.006_784_302_916];
        assert!(kernel.iter().zip(want).all(|(k, want)| (k - want).abs() < 1e-11), "{kernel:?}");
    }

    /// The half system's response, by its definition: at each frequency the transfer function of the complex states alone.
    #[test]
    fn without_them_it_is_the_half_systems_response() {
        let space = small();
        let kernels = Kernels::new(16);
        for node in 0..8 {
            let z = Complex64::new(0.0, 2.0 * (std::f64::consts::PI * f64::from(node) / 16.0).tan());
            // (z − dt (diag(w) − P P*)) x = dt B, solved by elimination.
            let size = space.w.len();
            let mut rows: Vec<Vec<Complex64>> = (0..size)
                .map(|i| {
                    let across = (0..size).map(|j| {
                        let own = if i == j { z - space.dt * space.w[i] } else { Complex64::default() };
                        own + space.dt * space.p[i] * space.p[j].conj()
                    });
                    across.chain([space.dt * space.b[i]]).collect()
                })
                .collect();
            for i in 0..size {
                let pivot = rows[i].clone();
                for (j, row) in rows.iter_mut().enumerate() {
                    let share = if i == j { 1.0 - 1.0 / pivot[i] } else { row[i] / pivot[i] };
                    row.iter_mut().zip(&pivot).for_each(|(to, from)| *to -= share * from);
                }
            }
            let want: Complex64 = space.c.iter().zip(&rows).map(|(c, row)| c * row[size]).sum();
            let got = kernels.response(&space, node as usize, false);
            assert!((got - (1.0 + z / 2.0) * want).norm() < 1e-12, "{node}: {got}, want {want}");
        }
    }
}
