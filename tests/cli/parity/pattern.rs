//! Weights and inputs that are drawn instead of stored: tests/parity/reference.py draws the same, bit for bit.

use kernels::{Array, Cpu, Shape};
use runner::nn::Params;

/// Numbers in [-0.5, 0.5) that depend on the name and the index alone.
fn uniform(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let start = name
        .bytes()
        .fold(2_166_136_261_u32, |state, byte| (state ^ u32::from(byte)).wrapping_mul(16_777_619));
    (0..count as u64).map(move |index| {
        let mut x = (u64::from(start) + index * 2_654_435_761) as u32;
        for (shift, factor) in [(16, 0x7FEB_352D), (15, 0x846C_A68B)] {
            x = (x ^ x >> shift).wrapping_mul(factor);
        }
        x ^= x >> 16;
        f64::from(x >> 8) / 16_777_216.0 - 0.5
    })
}

/// First values of a parameter, by what its name says it is.
pub fn pattern(name: &str, dims: &[usize]) -> Vec<f32> {
    let (module, leaf) = name.rsplit_once('.').unwrap_or(("", name));
    let fan_in: usize = dims.iter().skip(1).product();
    let value: &dyn Fn(f64) -> f64 = match leaf {
        "A_log" => &|u| 1.25 + 2.0 * u,
        "dt_bias" => &|u| -3.0 + 2.0 * u,
        "bias" if module.ends_with("dt_proj") => &|u| -3.0 + 2.0 * u,
        "D" | "original0" | "s" => &|u| 1.0 + u,
        "log_dt" => &|u| -3.0 + 2.0 * u,
        "log_w_real" => &|u| -0.7 + 0.4 * u,
        "w_imag" => &|u| 4.0 + 8.0 * u,
        "C" => &|u| 2.0 * u,
        "weight" if module.ends_with("norm") => &|u| 1.0 + 0.5 * u,
        "bias" => &|u| 0.5 * u,
        _ if dims.len() < 2 => &|u| 2.0 * u,
        _ => &|u| u * (3.5 / (fan_in as f64).sqrt()),
    };
    uniform(name, dims.iter().product()).map(|u| value(u) as f32).collect()
}

/// Noise in [-1, 1).
pub fn noise(name: &str, shape: impl Into<Shape>) -> Array<Cpu> {
    let shape = shape.into();
    let values = uniform(name, shape.len()).map(|u| (2.0 * u) as f32).collect();
    Array::from_vec(&Cpu::default(), values, shape).expect("room")
}

/// Sets every parameter to its pattern.
pub fn fill(params: &mut Params<Cpu>) {
    for param in params.iter_mut() {
        let values = pattern(param.name(), param.array().shape().dims());
        param.array_mut().copy_from(&values).expect("as many values");
    }
}
