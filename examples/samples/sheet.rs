//! A sheet of spectrograms: a row for each source, a column for each clip.

use std::error::Error;

use kernels::{Array, Cpu};
use runner::nn::{LogMel, LogMelSizes};
use runner::record::picture;

use super::letters;
use super::rows::Row;

const COLUMNS: usize = 8;
const BANDS: usize = 80;
/// Pixels of a band, and of a frame.
const SCALE: usize = 2;
const GAP: usize = 6;
/// Above each row, for its name.
const TITLE: usize = 24;
/// What is further below a clip's loudest energy is dark, in nats of power: 70 dB.
const RANGE: f32 = 16.1;
/// From the softest to the loudest.
const COLOURS: [[f32; 3]; 5] =
    [[0.0, 0.0, 4.0], [81.0, 18.0, 124.0], [183.0, 55.0, 121.0], [252.0, 137.0, 97.0], [252.0, 253.0, 191.0]];
/// Loudnesses that are told apart: a file with fewer packs better.
const STEPS: f32 = 40.0;
const PAPER: [u8; 3] = [255; 3];

/// The sheet as PNG; each clip's first `seconds`.
pub fn sheet(rows: &[Row], rate_hz: u32, seconds: f64) -> Result<Vec<u8>, Box<dyn Error>> {
    let samples = (seconds * f64::from(rate_hz)) as usize;
    let sizes = LogMelSizes {
        rate_hz,
        window_samples: rate_hz as usize / 32,
        hop_samples: rate_hz as usize / 100,
        bands: BANDS,
    };
    let samples = samples.max(sizes.window_samples);
    let frames = (samples - sizes.window_samples) / sizes.hop_samples + 1;
    let (wide, high) = (frames * SCALE, BANDS * SCALE);
    let width = GAP + COLUMNS * (wide + GAP);
    let mut pixels = vec![PAPER; width * rows.len() * (TITLE + high + GAP)];
    let log_mel = LogMel::new(sizes);
    for (at, row) in rows.iter().enumerate() {
        let top = at * (TITLE + high + GAP);
        letters::write(&mut pixels, width, [GAP, top + GAP], &row.name);
        let columns = COLUMNS.min(row.clips.len());
        for column in 0..columns {
            let clip = &row.clips[column * row.clips.len() / columns];
            let energies = energies(&log_mel, clip, samples)?;
            let left = GAP + column * (wide + GAP);
            paint(&mut pixels, width, [left, top + TITLE], &energies, frames);
        }
    }
    Ok(picture::rgb(&pixels, width)?)
}

/// [frames, bands], in nats.
fn energies(log_mel: &LogMel, clip: &[f32], samples: usize) -> Result<Vec<f32>, Box<dyn Error>> {
    let mut waveform = clip.to_vec();
    waveform.resize(samples, 0.0);
    let waveform = Array::from_vec(&Cpu::default(), waveform, [1, samples, 1])?;
    Ok(log_mel.forward(&waveform, |_| None)?.to_vec())
}

fn paint(pixels: &mut [[u8; 3]], width: usize, [left, top]: [usize; 2], energies: &[f32], frames: usize) {
    let loudest = energies.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for y in 0..BANDS * SCALE {
        // The lowest band is the lowest line.
        let band = BANDS - 1 - y / SCALE;
        let line = &mut pixels[(top + y) * width + left..][..frames * SCALE];
        for (x, pixel) in line.iter_mut().enumerate() {
            *pixel = colour(1.0 + (energies[x / SCALE * BANDS + band] - loudest) / RANGE);
        }
    }
}

/// Of a loudness from 0 to 1.
fn colour(loudness: f32) -> [u8; 3] {
    let place = (loudness.clamp(0.0, 1.0) * STEPS).round() / STEPS * (COLOURS.len() - 1) as f32;
    let below = (place as usize).min(COLOURS.len() - 2);
    let share = place - below as f32;
    std::array::from_fn(|part| {
        let [a, b] = [COLOURS[below][part], COLOURS[below + 1][part]];
        (a + share * (b - a)).round() as u8
    })
}
