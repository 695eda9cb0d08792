//! A batch: padded waveforms and what belongs to them.

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

/// Some utterances, padded to one length.
#[derive(Debug, Clone)]
pub struct Batch {
    pub names: Vec<String>,
    /// Waveforms [B, L], zero beyond each one's length; L is a multiple of 8.
    pub waveforms: Vec<f32>,
    /// Valid samples of each waveform.
    pub samples: Vec<usize>,
    /// L.
    pub padded_samples: usize,
    pub labels: Vec<Labels>,
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
            samples: vec![self.samples[row]],
            padded_samples: self.padded_samples,
            labels: vec![self.labels[row].clone()],
        }
    }

    /// Pads `utterances` (name, waveform, labels) into a batch.
    pub fn collate(utterances: Vec<(String, std::sync::Arc<[f32]>, Labels)>) -> Self {
        let longest = utterances.iter().map(|(_, waveform, _)| waveform.len()).max().unwrap_or(0);
        let padded_samples = longest.next_multiple_of(8);
        let mut batch = Batch {
            names: Vec::with_capacity(utterances.len()),
            waveforms: vec![0.0; utterances.len() * padded_samples],
            samples: Vec::with_capacity(utterances.len()),
            padded_samples,
            labels: Vec::with_capacity(utterances.len()),
        };
        for (row, (name, waveform, labels)) in utterances.into_iter().enumerate() {
            let start = row * padded_samples;
            batch.waveforms[start..start + waveform.len()].copy_from_slice(&waveform);
            batch.samples.push(waveform.len());
            batch.names.push(name);
            batch.labels.push(labels);
        }
        batch
    }
}
