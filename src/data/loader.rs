//! Utterances with their sound, kept in memory while there is room.

use std::path::Path;
use std::sync::Arc;

use super::{DataError, Encoder, Labels};
use crate::corpora::{Corpus, CorpusError, MetaFormat, Utterance};
use crate::plan::{DataFormat, DataPlan};

/// Decoded sound is kept up to this many samples (1 GiB): small corpora are decoded once.
const KEPT_SAMPLES: usize = 1 << 28;

/// The utterances that the meta file `meta` of the plan's corpus lists.
///
/// # Errors
/// The corpus or the file is missing, or broken.
pub fn open_corpus(plan: &DataPlan, meta: &str) -> Result<Corpus, CorpusError> {
    let format = match plan.format {
        DataFormat::Nlt => MetaFormat::Nlt,
        DataFormat::NltLa => MetaFormat::NltLa,
    };
    Corpus::open(Path::new(&plan.dir), meta, format)
}

/// One split of a corpus: utterances with targets, sound on demand.
pub struct Loader {
    corpus: Corpus,
    utterances: Vec<(Utterance, Labels)>,
    sample_rate_hz: u32,
    kept: Vec<Option<Arc<[f32]>>>,
    kept_samples: usize,
    /// Utterances left out because a label names an unknown class.
    pub left_out: usize,
}

impl Loader {
    /// The utterances of `corpus` that `encoder` can give targets for, in name order.
    ///
    /// # Errors
    /// A transcript does not fit the model, or an utterance is shorter than `min_samples`, which give one frame.
    pub fn new(
        corpus: Corpus,
        encoder: &Encoder,
        sample_rate_hz: u32,
        min_samples: usize,
        partial: f64,
    ) -> Result<Self, DataError> {
        let listed = corpus.utterances();
        let wanted = if partial > 1.0 { partial as usize } else { (listed.len() as f64 * partial) as usize };
        let mut utterances = Vec::with_capacity(listed.len());
        let mut left_out = 0;
        for utterance in listed.iter().take(wanted) {
            if utterance.samples < min_samples {
                let (name, samples) = (utterance.name.clone(), utterance.samples);
                return Err(DataError::TooShort { name, samples, needed: min_samples });
            }
            match encoder.labels(utterance)? {
                Some(labels) => utterances.push((utterance.clone(), labels)),
                None => left_out += 1,
            }
        }
        utterances.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        let kept = vec![None; utterances.len()];
        Ok(Loader { corpus, utterances, sample_rate_hz, kept, kept_samples: 0, left_out })
    }

    /// Number of utterances.
    pub fn len(&self) -> usize {
        self.utterances.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.utterances.is_empty()
    }

    /// Length of an utterance, in samples.
    pub fn samples(&self, index: usize) -> usize {
        self.utterances[index].0.samples
    }

    /// Characters of an utterance's transcript before any rule is applied.
    pub fn raw_chars(&self, index: usize) -> usize {
        self.utterances[index].0.text.chars().count()
    }

    /// Where the list came from.
    pub fn meta(&self) -> String {
        self.corpus.meta_path().display().to_string()
    }

    /// Name, normalised waveform and targets.
    ///
    /// # Errors
    /// The sound is missing, broken or of another length than listed.
    pub fn load(&mut self, index: usize) -> Result<(String, Arc<[f32]>, Labels), DataError> {
        let (utterance, labels) = &self.utterances[index];
        let waveform = match &self.kept[index] {
            Some(waveform) => waveform.clone(),
            None => {
                let mut waveform = self.corpus.load(utterance, self.sample_rate_hz)?;
                crate::audio::normalise(&mut waveform);
                let waveform: Arc<[f32]> = waveform.into();
                if self.kept_samples + waveform.len() <= KEPT_SAMPLES {
                    self.kept_samples += waveform.len();
                    self.kept[index] = Some(waveform.clone());
                }
                waveform
            }
        };
        Ok((utterance.name.clone(), waveform, labels.clone()))
    }
}
