//! S4 one sample at a time: the recurrence that the convolution kernel stands for, with O(M) arithmetic a step.
//!
//! x_k = Ā x_{k−1} + B̄ u_k and y_k = 2 Re Σ C x_k over the stored half of the state, so the first output is that of the first input.
//! [`System`] discretises (bilinear, in f64) and turns the C̃ of a convolution kernel into the recurrence's C and back; [`Heads`] are those of a
//! whole layer.
//!
//! Not for: training, which needs all samples at once (`s4_kernel`, `fft_conv`).

mod heads;
mod real;
mod system;
#[cfg(test)]
mod tests;

pub use heads::Heads;
pub use realfft::num_complex::Complex64;
pub use system::{Step, System};
