//! Windows over a frame.

use std::f64::consts::TAU;

/// The shapes that Kaldi names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// ½ − ½ cos: 0 at both ends.
    Hanning,
    /// 0.54 − 0.46 cos
    Hamming,
    /// Hanning to the power of 0.85.
    Povey,
    /// All ones.
    Rectangular,
    /// 0.42 − ½ cos + 0.08 cos of twice the angle.
    Blackman,
}

impl Window {
    /// `len` values, the last as the first.
    pub(super) fn symmetric(self, len: usize) -> Vec<f32> {
        self.over(len, len.saturating_sub(1).max(1))
    }

    /// `len` values of which the one after the last would be as the first.
    pub(in crate::audio) fn periodic(self, len: usize) -> Vec<f32> {
        self.over(len, len.max(1))
    }

    fn over(self, len: usize, period: usize) -> Vec<f32> {
        let value = |at: usize| {
            let angle = TAU * at as f64 / period as f64;
            match self {
                Window::Hanning => 0.5 - 0.5 * angle.cos(),
                Window::Hamming => 0.54 - 0.46 * angle.cos(),
                Window::Povey => (0.5 - 0.5 * angle.cos()).powf(0.85),
                Window::Rectangular => 1.0,
                Window::Blackman => 0.42 - 0.5 * angle.cos() + 0.08 * (2.0 * angle).cos(),
            }
        };
        (0..len).map(|at| value(at) as f32).collect()
    }
}
