//! Utterances with their sound, kept in memory while there is room.

use std::path::Path;
use std::sync::Arc;

use super::{DataError, Encoder, Labels};
use crate::corpora::{Corpus, CorpusError, MetaFormat, Utterance};
use crate::plan::{Clips, DataFormat, DataPlan};

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

/// What is learned from at once: an utterance, or a piece of one.
#[derive(Debug, Clone, Copy)]
struct Clip {
    utterance: usize,
    start: usize,
    samples: usize,
}

/// One split of a corpus: utterances with targets, sound on demand. Where the plan cuts recordings, each piece counts as an utterance.
pub struct Loader {
    corpus: Corpus,
    utterances: Vec<(Utterance, Labels)>,
    clips: Vec<Clip>,
    sample_rate_hz: u32,
    normalise: bool,
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
        plan: &DataPlan,
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
        let lengths = utterances.iter().map(|(utterance, _)| utterance.samples);
        Ok(Loader {
            clips: cut(lengths, plan.clips),
            kept: vec![None; utterances.len()],
            corpus,
            utterances,
            sample_rate_hz: plan.sample_rate_hz,
            normalise: plan.normalise,
            kept_samples: 0,
            left_out,
        })
    }

    /// Number of utterances.
    pub fn len(&self) -> usize {
        self.clips.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.clips.is_empty()
    }

    /// Length of an utterance, in samples.
    pub fn samples(&self, index: usize) -> usize {
        self.clips[index].samples
    }

    /// Characters of an utterance's transcript before any rule is applied.
    pub fn raw_chars(&self, index: usize) -> usize {
        self.utterances[self.clips[index].utterance].0.text.chars().count()
    }

    /// Where the list came from.
    pub fn meta(&self) -> String {
        self.corpus.meta_path().display().to_string()
    }

    /// Name, waveform and targets. A piece is called by its recording and the sample it begins at.
    ///
    /// # Errors
    /// The sound is missing, broken or of another length than listed.
    pub fn load(&mut self, index: usize) -> Result<(String, Arc<[f32]>, Labels), DataError> {
        let Clip { utterance, start, samples } = self.clips[index];
        let whole = self.recording(utterance)?;
        let (Utterance { name, .. }, labels) = &self.utterances[utterance];
        if samples == whole.len() {
            return Ok((name.clone(), whole, labels.clone()));
        }
        Ok((format!("{name}@{start}"), whole[start..start + samples].into(), labels.clone()))
    }

    /// The sound of a whole utterance.
    fn recording(&mut self, index: usize) -> Result<Arc<[f32]>, DataError> {
        if let Some(waveform) = &self.kept[index] {
            return Ok(Arc::clone(waveform));
        }
        let mut waveform = self.corpus.load(&self.utterances[index].0, self.sample_rate_hz)?;
        if self.normalise {
            crate::audio::normalise(&mut waveform);
        }
        let waveform: Arc<[f32]> = waveform.into();
        if self.kept_samples + waveform.len() <= KEPT_SAMPLES {
            self.kept_samples += waveform.len();
            self.kept[index] = Some(Arc::clone(&waveform));
        }
        Ok(waveform)
    }
}

/// The lengths of what is learned from at once, where recordings have these `lengths`.
pub fn pieces(lengths: impl Iterator<Item = usize>, plan: &DataPlan) -> Vec<usize> {
    cut(lengths, plan.clips).into_iter().map(|clip| clip.samples).collect()
}

/// The pieces of recordings of these lengths: each whole, or cut as the plan says.
fn cut(lengths: impl Iterator<Item = usize>, clips: Option<Clips>) -> Vec<Clip> {
    let mut pieces = Vec::new();
    for (utterance, length) in lengths.enumerate() {
        let Some(Clips { samples: most, rest }) = clips else {
            pieces.push(Clip { utterance, start: 0, samples: length });
            continue;
        };
        let starts = (0..length).step_by(most).map(|start| (start, most.min(length - start)));
        let kept = starts.filter(|&(_, samples)| rest || samples == most);
        pieces.extend(kept.map(|(start, samples)| Clip { utterance, start, samples }));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recordings_are_cut_into_pieces_and_the_rest_is_kept_or_not() {
        let pieces = |clips: Option<Clips>| -> Vec<(usize, usize, usize)> {
            let pieces = cut([25, 10, 4].into_iter(), clips).into_iter();
            pieces.map(|piece| (piece.utterance, piece.start, piece.samples)).collect()
        };
        assert_eq!(pieces(None), [(0, 0, 25), (1, 0, 10), (2, 0, 4)]);
        let all = [(0, 0, 10), (0, 10, 10), (0, 20, 5), (1, 0, 10), (2, 0, 4)];
        assert_eq!(pieces(Some(Clips { samples: 10, rest: true })), all);
        assert_eq!(pieces(Some(Clips { samples: 10, rest: false })), [all[0], all[1], all[3]]);
    }
}
