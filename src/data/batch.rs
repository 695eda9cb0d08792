//! A batch: padded waveforms and what belongs to them.

use std::sync::Arc;

use super::Target;

/// Targets of one utterance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labels {
    /// The transcript as it is judged.
    pub text: String,
    /// The transcript as symbols of the vocabulary.
    pub symbols: Vec<u32>,
    /// Characters of the transcript: what losses are normalised by.
    pub chars: usize,
    /// What is right for each classifier head, or for each second of the clip.
    pub classes: Vec<Target>,
}

impl Labels {
    /// The frames that CTC takes to spell the transcript: one for each symbol, and one more between two that are the same.
    pub fn least_frames(&self) -> usize {
        let twins = self.symbols.windows(2).filter(|pair| pair[0] == pair[1]).count();
        self.symbols.len() + twins
    }
}

/// What there is of a clip's sound.
#[derive(Debug, Clone)]
pub enum Heard {
    /// All of it.
    Waveform(Arc<[f32]>),
    /// What the model's front end made of its samples.
    Features { samples: usize, features: Arc<[f32]> },
}

/// Some utterances, padded to one length.
#[derive(Debug, Clone)]
pub struct Batch {
    pub names: Vec<String>,
    /// Waveforms [B, L], zero beyond each one's length; L is a multiple of 8.
    pub waveforms: Vec<f32>,
    /// What the model's front end made of each, where that was kept: then its waveform is silence.
    pub features: Vec<Option<Arc<[f32]>>>,
    /// Valid samples of each waveform.
    pub samples: Vec<usize>,
    /// L.
    pub padded_samples: usize,
    pub labels: Vec<Labels>,
}

impl Heard {
    /// Length of the clip.
    pub fn samples(&self) -> usize {
        match self {
            Heard::Waveform(waveform) => waveform.len(),
            Heard::Features { samples, .. } => *samples,
        }
    }
}

impl Batch {
    /// Utterances in the batch.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// True when there is no utterance.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Seconds of speech, padding not counted.
    pub fn audio_secs(&self, sample_rate_hz: u32) -> f64 {
        self.samples.iter().sum::<usize>() as f64 / f64::from(sample_rate_hz)
    }

    /// Utterance `row` by itself, padded as it is here.
    pub fn only(&self, row: usize) -> Self {
        let span = row * self.padded_samples..(row + 1) * self.padded_samples;
        Batch {
            names: vec![self.names[row].clone()],
            waveforms: self.waveforms[span].to_vec(),
            features: vec![self.features[row].clone()],
            samples: vec![self.samples[row]],
            padded_samples: self.padded_samples,
            labels: vec![self.labels[row].clone()],
        }
    }

    /// Whether all that is known of its sound is finite.
    pub fn is_finite(&self) -> bool {
        let features = self.features.iter().flatten().flat_map(|features| features.iter());
        self.waveforms.iter().chain(features).all(|value| value.is_finite())
    }

    /// Pads `utterances` (name, waveform, labels) into a batch.
    pub fn collate(utterances: Vec<(String, Arc<[f32]>, Labels)>) -> Self {
        let heard = |(name, waveform, labels)| (name, Heard::Waveform(waveform), labels);
        Batch::of(utterances.into_iter().map(heard).collect())
    }

    /// Pads `utterances` (name, sound, labels) into a batch.
    pub fn of(utterances: Vec<(String, Heard, Labels)>) -> Self {
        let longest = utterances.iter().map(|(_, heard, _)| heard.samples()).max().unwrap_or(0);
        let padded_samples = longest.next_multiple_of(8);
        let mut batch = Batch {
            names: Vec::with_capacity(utterances.len()),
            waveforms: vec![0.0; utterances.len() * padded_samples],
            features: Vec::with_capacity(utterances.len()),
            samples: Vec::with_capacity(utterances.len()),
            padded_samples,
            labels: Vec::with_capacity(utterances.len()),
        };
        for (row, (name, heard, labels)) in utterances.into_iter().enumerate() {
            let start = row * padded_samples;
            batch.samples.push(heard.samples());
            batch.features.push(match heard {
                Heard::Waveform(waveform) => {
                    batch.waveforms[start..start + waveform.len()].copy_from_slice(&waveform);
                    None
                }
                Heard::Features { features, .. } => Some(features),
            });
            batch.names.push(name);
            batch.labels.push(labels);
        }
        batch
    }
}
