//! Kaldi's filterbank of a batch of clips: what models of log-mel patches hear.

use std::sync::Arc;

use kernels::{Array, Backend, OpError, threads};

use crate::audio::features::{KaldiFbank, KaldiSizes};

const OP: &str = "fbank";

/// Kaldi's filterbank with its usual 25 ms every 10 ms, ready to run.
#[derive(Debug, Clone)]
pub struct Filterbank {
    /// Or why there is none of these sizes.
    planned: Result<Arc<KaldiFbank>, String>,
}

impl Filterbank {
    /// With `bands` bands, for sound of `rate_hz`.
    pub fn new(rate_hz: u32, bands: usize) -> Self {
        let planned = KaldiFbank::new(&KaldiSizes { rate_hz, n_mels: bands, ..KaldiSizes::default() });
        Filterbank { planned: planned.map(Arc::new).map_err(|error| error.to_string()) }
    }

    /// Writes the log energies of `waveform` to `out` [frames, bands], as many frames as fit; how many they are.
    ///
    /// # Errors
    /// There is no filterbank of these sizes.
    pub fn run_into(&self, waveform: &[f32], out: &mut [f32]) -> Result<usize, OpError> {
        let planned = self.planned.as_ref().map_err(|reason| OpError::device(OP, reason))?;
        Ok(planned.run_into(waveform, out))
    }
}

/// The features of each clip, clips side by side on the threads there are. No parameters, and no gradient.
///
/// `samples` says how many of each waveform are the clip's; what lies behind them is not heard. Clips have frames as the longest has, those
/// behind their own end 0.
///
/// # Shapes
/// waveforms [B, L, 1] → [B, frames of the longest, n_mels], and how many frames each clip has
///
/// # Errors
/// There are not B numbers of samples, one is more than L, no clip is as long as a window, or the device failed.
pub fn fbank<D: Backend>(
    front: &KaldiFbank,
    waveforms: &Array<D>,
    samples: &[usize],
) -> Result<(Array<D>, Vec<usize>), OpError> {
    let [batch, padded, channels] = waveforms.dims(OP, "the waveforms")?;
    let refused =
        |want: String| OpError::Shape { op: OP, operand: "the waveforms", got: waveforms.shape(), want };
    if channels != 1 {
        return Err(refused("must have one channel".to_owned()));
    }
    if samples.len() != batch {
        return Err(refused(format!("there are {} numbers of samples", samples.len())));
    }
    if let Some(longest) = samples.iter().find(|samples| **samples > padded) {
        return Err(refused(format!("a clip is said to have {longest} samples")));
    }
    let frames: Vec<usize> = samples.iter().map(|samples| front.frames(*samples)).collect();
    let most = frames.iter().copied().max().unwrap_or_default();
    if most == 0 {
        return Err(refused(format!("a window takes {} samples of a clip", front.window_samples())));
    }
    let values = waveforms.to_vec();
    let mut features = vec![0.0; batch * most * front.n_mels()];
    let clips = values.chunks_exact(padded).zip(samples).map(|(row, samples)| &row[..*samples]);
    let work: Vec<_> = clips.zip(features.chunks_exact_mut(most * front.n_mels())).collect();
    threads::for_each(work, |(clip, features)| {
        front.run_into(clip, features);
    });
    let features = Array::from_vec(waveforms.device(), features, [batch, most, front.n_mels()])?;
    Ok((features, frames))
}

#[cfg(test)]
mod tests {
    use kernels::Cpu;

    use super::*;
    use crate::audio::features::KaldiSizes;

    fn front() -> KaldiFbank {
        KaldiFbank::new(&KaldiSizes { n_mels: 40, ..KaldiSizes::default() }).expect("sizes")
    }

    fn batch() -> Array<Cpu> {
        let values = (0..2 * 1_000).map(|at| (at * 7_919 % 2_003) as f32 / 2_003.0 - 0.5).collect();
        Array::from_vec(&Cpu::default(), values, [2, 1_000, 1]).expect("fits")
    }

    #[test]
    fn a_clip_has_the_features_that_it_has_alone_and_nothing_behind_them() {
        let (features, frames) = fbank(&front(), &batch(), &[1_000, 600]).expect("runs");
        assert_eq!((features.shape().dims(), &frames[..]), (&[2, 4, 40][..], &[4, 2][..]));
        let (values, waveforms) = (features.to_vec(), batch().to_vec());
        assert_eq!(values[..160], front().run(&waveforms[..1_000]));
        assert_eq!(values[160..240], front().run(&waveforms[1_000..1_600]));
        assert_eq!(values[240..], [0.0; 80]);
    }

    #[test]
    fn what_does_not_fit_is_refused_in_words() {
        let said = |samples: &[usize]| fbank(&front(), &batch(), samples).unwrap_err().to_string();
        let shape = "fbank: the waveforms has shape [2, 1000, 1], but ";
        assert_eq!(said(&[1_000]), format!("{shape}there are 1 numbers of samples"));
        assert_eq!(said(&[9, 1_001]), format!("{shape}a clip is said to have 1001 samples"));
        assert_eq!(said(&[9, 399]), format!("{shape}a window takes 400 samples of a clip"));
    }
}
