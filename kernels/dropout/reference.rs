//! The specification: f64, one element at a time, in 64-bit arithmetic cut to 32 bits.

/// out from x.
pub(super) fn forward(p: f32, seed: u64, inputs: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let scale = 1.0 / (1.0 - f64::from(p));
    let masked = |(i, x): (usize, &f64)| if keeps(p, seed, i as u64) { x * scale } else { 0.0 };
    vec![inputs[0].iter().enumerate().map(masked).collect()]
}

/// Whether element `index` is kept.
pub(super) fn keeps(p: f32, seed: u64, index: u64) -> bool {
    const LOW: u64 = 0xFFFF_FFFF;
    let mix32 = |mut h: u64| {
        h = ((h ^ (h >> 16)) * 0x85EB_CA6B) & LOW;
        h = ((h ^ (h >> 13)) * 0xC2B2_AE35) & LOW;
        h ^ (h >> 16)
    };
    let mix64 = |seed: u64| {
        let mut h = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        h = (h ^ (h >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        h = (h ^ (h >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        h ^ (h >> 31)
    };
    let key = mix64(mix64(seed) ^ (index >> 32));
    let hash = mix32(mix32(((index & LOW) + (key & LOW)) & LOW) ^ (key >> 32));
    hash >= (f64::from(p) * 4_294_967_296.0) as u64
}

/// out from x [B, T, C], whole channels dropped.
pub(super) fn forward_channels(
    p: f32,
    seed: u64,
    [time, channels]: [usize; 2],
    inputs: &[Vec<f64>],
) -> Vec<Vec<f64>> {
    let scale = 1.0 / (1.0 - f64::from(p));
    let masked = |(i, x): (usize, &f64)| {
        let channel = i / (time * channels) * channels + i % channels;
        if keeps(p, seed, channel as u64) { x * scale } else { 0.0 }
    };
    vec![inputs[0].iter().enumerate().map(masked).collect()]
}
