//! From waveforms to patches: Kaldi's filterbank, one length for all clips, normalisation, and in training masks and noise on the
//! spectrogram. Nothing here learns.

use kernels::{Backend, OpError, threads};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::model::Input;
use crate::nn::Filterbank;
use crate::plan::{FeaturesPlan, PatchesPlan};

/// Frames by which a noisy spectrogram may be shifted.
const SHIFTS: std::ops::Range<i64> = -10..10;

/// What makes patches.
#[derive(Debug, Clone)]
pub(in crate::model) struct Front {
    plan: FeaturesPlan,
    shape: [usize; 2],
    stride: [usize; 2],
    grid: [usize; 2],
    filterbank: Filterbank,
}

impl Front {
    /// The front end of these sizes, its windows and bands worked out.
    pub fn new(plan: &PatchesPlan) -> Self {
        let filterbank = Filterbank::new(plan.features.rate_hz, plan.features.bands);
        let (shape, stride, grid) = (plan.shape, plan.stride, plan.grid());
        Front { plan: plan.features.clone(), shape, stride, grid, filterbank }
    }

    /// Normalised log-mel energies [B, frames, bands] of waveforms; with `rng`, masked and noisy where the plan says so.
    ///
    /// # Errors
    /// A waveform is shorter than a frame.
    pub fn features<D: Backend>(
        &self,
        input: &Input<D>,
        rng: Option<&mut Pcg64Mcg>,
    ) -> Result<Vec<f32>, OpError> {
        let FeaturesPlan { bands, frames, .. } = self.plan;
        let waveforms = input.waveforms.download()?;
        let padded = waveforms.len() / input.samples.len().max(1);
        let mut features = vec![self.plan.padding; input.samples.len() * frames * bands];
        let rows = features.chunks_exact_mut(frames * bands).zip(waveforms.chunks_exact(padded.max(1)));
        let mut written: Vec<Result<usize, OpError>> = input.samples.iter().map(|_| Ok(0)).collect();
        let clips: Vec<_> = rows.zip(&input.samples).zip(&mut written).enumerate().collect();
        // Not `input` itself: a device need not be for several threads.
        let known: Vec<_> = (0..input.samples.len()).map(|row| input.known(row)).collect();
        threads::for_each(clips, |(row, (((to, waveform), &samples), done))| {
            *done = match known[row] {
                Some(known) => {
                    let heard = known.len().min(to.len());
                    to[..heard].copy_from_slice(&known[..heard]);
                    Ok(heard / bands)
                }
                None => self.filterbank.run_into(&waveform[..samples], to),
            };
        });
        written.into_iter().collect::<Result<Vec<_>, _>>()?;
        let mut rng = rng;
        for clip in features.chunks_exact_mut(frames * bands) {
            if let Some(rng) = rng.as_deref_mut() {
                self.mask(clip, rng);
            }
            clip.iter_mut().for_each(|energy| *energy = (*energy - self.plan.mean) / self.plan.scale);
            if let Some(rng) = rng.as_deref_mut().filter(|_| self.plan.noise) {
                self.disturb(clip, rng);
            }
        }
        Ok(features)
    }

    /// What was told to it that decides about [`Front::energies`].
    pub fn described(&self) -> String {
        let FeaturesPlan { bands, frames, .. } = self.plan;
        format!(
            "filterbank energies as Kaldi has them: {bands} bands of 25 ms every 10 ms, the first {frames} frames"
        )
    }

    /// Frames of a clip of so many samples, as far as they are heard.
    pub fn frames(&self, samples: usize) -> usize {
        self.filterbank.frames(samples).min(self.plan.frames)
    }

    /// The log energies [frames, bands] of one waveform, before anything else is done with them.
    ///
    /// # Errors
    /// There is no filterbank of these sizes.
    pub fn energies(&self, waveform: &[f32]) -> Result<Vec<f32>, OpError> {
        let mut energies = vec![0.0; self.frames(waveform.len()) * self.plan.bands];
        self.filterbank.run_into(waveform, &mut energies)?;
        Ok(energies)
    }

    /// SpecAugment: one mask over bands, one over frames.
    fn mask(&self, clip: &mut [f32], rng: &mut Pcg64Mcg) {
        let FeaturesPlan { bands, frames, masks: [high, long], padding, .. } = self.plan;
        let mut span = |most: usize, extent: usize| {
            let width = rng.random::<f64>() * most as f64;
            let first = rng.random::<f64>() * (extent as f64 - width);
            first as usize..first as usize + width as usize
        };
        let (masked_bands, masked_frames) = (
            if high > 0 { span(high, bands) } else { 0..0 },
            if long > 0 { span(long, frames) } else { 0..0 },
        );
        clip.chunks_exact_mut(bands).for_each(|frame| frame[masked_bands.clone()].fill(padding));
        clip[masked_frames.start * bands..masked_frames.end * bands].fill(padding);
    }

    /// Noise of a level of its own, and a shift in time, what leaves at one end coming in at the other.
    fn disturb(&self, clip: &mut [f32], rng: &mut Pcg64Mcg) {
        let level = rng.random::<f32>() / 10.0;
        clip.iter_mut().for_each(|energy| *energy += level * rng.random::<f32>());
        let shift = rng.random_range(SHIFTS).rem_euclid(self.plan.frames as i64);
        clip.rotate_right(shift as usize * self.plan.bands);
    }

    /// The patches [B, bands × frames of the grid, elements] of `features` [B, frames, bands]: those of the lowest bands first, elements band by band.
    pub fn patches(&self, features: &[f32]) -> Vec<f32> {
        let FeaturesPlan { bands, frames, .. } = self.plan;
        let ([high, long], [rows, columns]) = (self.shape, self.grid);
        let mut patches = vec![0.0; features.len() / (frames * bands) * rows * columns * high * long];
        let clips = patches.chunks_exact_mut(rows * columns * high * long);
        clips.zip(features.chunks_exact(frames * bands)).for_each(|(to, clip)| {
            for (patch, to) in to.chunks_exact_mut(high * long).enumerate() {
                let [band, frame] = [patch / columns * self.stride[0], patch % columns * self.stride[1]];
                for (element, to) in to.iter_mut().enumerate() {
                    *to = clip[(frame + element % long) * bands + band + element / long];
                }
            }
        });
        patches
    }
}
