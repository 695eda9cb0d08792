//! Utterances with their sound, kept in memory while there is room.

use std::path::Path;
use std::sync::Arc;

use super::{DataError, Encoder, FeatureCache, Heard, Labels, Shares};
use crate::corpora::{Corpus, CorpusError, MetaFormat, Utterance};
use crate::plan::{Clips, DataFormat, DataPlan, TrainList};

/// Decoded sound, and features, are kept up to this many values (1 GiB): small corpora are decoded once.
const KEPT_VALUES: usize = 1 << 28;

/// The utterances that the meta file `meta` of the plan's corpus lists.
///
/// # Errors
/// The corpus or the file is missing, or broken.
pub fn open_corpus(plan: &DataPlan, meta: &str) -> Result<Corpus, CorpusError> {
    open(&plan.dir, meta, plan.format)
}

/// The utterances to train on, with the weight that each list has.
///
/// # Errors
/// As [`open_corpus`].
pub fn open_train(plan: &DataPlan) -> Result<Vec<(Corpus, f64)>, CorpusError> {
    let opened = |list: TrainList| Ok((open(&list.dir, &list.meta, list.format)?, list.weight));
    plan.train_lists().into_iter().map(opened).collect()
}

fn open(dir: &str, meta: &str, format: DataFormat) -> Result<Corpus, CorpusError> {
    let format = match format {
        DataFormat::Nlt => MetaFormat::Nlt,
        DataFormat::NltLa => MetaFormat::NltLa,
    };
    Corpus::open(Path::new(dir), meta, format)
}

/// What is learned from at once: an utterance, or a piece of one.
#[derive(Debug, Clone, Copy)]
struct Clip {
    utterance: usize,
    start: usize,
    samples: usize,
}

/// An utterance with its targets.
struct Listed {
    /// Which of the loader's corpora has it.
    corpus: usize,
    utterance: Utterance,
    labels: Labels,
}

/// Utterances with targets, sound on demand: a split of a corpus, or several corpora that are drawn from together. Where the plan cuts recordings,
/// each piece counts as an utterance.
pub struct Loader {
    corpora: Vec<Corpus>,
    utterances: Vec<Listed>,
    clips: Vec<Clip>,
    shares: Shares,
    sample_rate_hz: u32,
    normalise: bool,
    kept: Vec<Option<Arc<[f32]>>>,
    kept_features: Vec<Option<Arc<[f32]>>>,
    /// Of both together.
    kept_values: usize,
    features: Option<Arc<FeatureCache>>,
    /// Utterances left out because a label names an unknown class.
    pub left_out: usize,
}

impl Loader {
    /// The utterances of `corpora`, each with its weight, that `encoder` can give targets for: corpus by corpus, each in name order. `partial` is the
    /// part of each list that is used.
    ///
    /// # Errors
    /// A transcript does not fit the model, an utterance is shorter than `min_samples`, which give one frame, or a weight is so small that an epoch
    /// draws nothing of its corpus.
    pub fn new(
        corpora: Vec<(Corpus, f64)>,
        encoder: &Encoder,
        plan: &DataPlan,
        min_samples: usize,
        partial: f64,
    ) -> Result<Self, DataError> {
        let mut utterances = Vec::new();
        let mut left_out = 0;
        for (at, (corpus, _)) in corpora.iter().enumerate() {
            let first = utterances.len();
            encoder.read_ahead(used(corpus, partial))?;
            for utterance in used(corpus, partial) {
                if utterance.samples < min_samples {
                    let (name, samples) = (utterance.name.clone(), utterance.samples);
                    return Err(DataError::TooShort { name, samples, needed: min_samples });
                }
                match encoder.labels(utterance)? {
                    Some(labels) => {
                        utterances.push(Listed { corpus: at, utterance: utterance.clone(), labels })
                    }
                    None => left_out += 1,
                }
            }
            utterances[first..].sort_by(|a, b| a.utterance.name.cmp(&b.utterance.name));
        }
        let clips = cut(utterances.iter().map(|listed| listed.utterance.samples), plan.clips);
        let shares = shares(&clips, &utterances, &corpora)?;
        Ok(Loader {
            shares,
            clips,
            kept: vec![None; utterances.len()],
            kept_features: vec![None; utterances.len()],
            features: None,
            corpora: corpora.into_iter().map(|(corpus, _)| corpus).collect(),
            utterances,
            sample_rate_hz: plan.sample_rate_hz,
            normalise: plan.normalise,
            kept_values: 0,
            left_out,
        })
    }

    /// With features of clips out of `cache`, where there is one. Whole utterances have features, pieces of them have none.
    pub fn with_features(self, cache: Option<Arc<FeatureCache>>) -> Self {
        Loader { features: cache, ..self }
    }

    /// What an epoch draws of each corpus.
    pub fn shares(&self) -> &Shares {
        &self.shares
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
        self.utterances[self.clips[index].utterance].utterance.text.chars().count()
    }

    /// Utterances whose transcripts CTC cannot spell in the `frames` that the model makes of so many samples. The first of them, with the frames
    /// that it takes and has.
    pub fn unspellable(&self, frames: impl Fn(usize) -> usize) -> (usize, Option<(String, usize, usize)>) {
        let cramped = |clip: &Clip| {
            let Listed { utterance, labels, .. } = &self.utterances[clip.utterance];
            let (needed, there) = (labels.least_frames(), frames(clip.samples));
            (needed > there).then(|| (utterance.name.clone(), needed, there))
        };
        let mut found = self.clips.iter().filter_map(cramped);
        let first = found.next();
        (usize::from(first.is_some()) + found.count(), first)
    }

    /// Whether any transcript has a character.
    pub fn has_characters(&self) -> bool {
        self.utterances.iter().any(|listed| listed.labels.chars > 0)
    }

    /// Where the lists came from.
    pub fn meta(&self) -> String {
        let paths = self.corpora.iter().map(|corpus| corpus.meta_path().display().to_string());
        paths.collect::<Vec<_>>().join("`, `")
    }

    /// Name, waveform and targets. A piece is called by its recording and the sample it begins at.
    ///
    /// # Errors
    /// The sound is missing, broken or of another length than listed.
    pub fn load(&mut self, index: usize) -> Result<(String, Arc<[f32]>, Labels), DataError> {
        let Clip { utterance, start, samples } = self.clips[index];
        let whole = self.recording(utterance)?;
        let Listed { utterance: Utterance { name, .. }, labels, .. } = &self.utterances[utterance];
        if samples == whole.len() {
            return Ok((name.clone(), whole, labels.clone()));
        }
        Ok((format!("{name}@{start}"), whole[start..start + samples].into(), labels.clone()))
    }

    /// Name, sound as the model hears it, and targets: features where they are kept on disk, else the waveform.
    ///
    /// # Errors
    /// As [`Loader::load`].
    pub fn hear(&mut self, index: usize) -> Result<(String, Heard, Labels), DataError> {
        let Clip { utterance, samples, .. } = self.clips[index];
        let Listed { utterance: Utterance { samples: whole, .. }, .. } = &self.utterances[utterance];
        match self.features.clone().filter(|_| samples == *whole) {
            None => {
                self.load(index).map(|(name, waveform, labels)| (name, Heard::Waveform(waveform), labels))
            }
            Some(cache) => {
                let features = self.features_of(utterance, &cache)?;
                let Listed { utterance: Utterance { name, .. }, labels, .. } = &self.utterances[utterance];
                Ok((name.clone(), Heard::Features { samples, features }, labels.clone()))
            }
        }
    }

    /// The features of a whole utterance; of an unknown one or one that has changed they are made, and kept.
    fn features_of(&mut self, index: usize, cache: &FeatureCache) -> Result<Arc<[f32]>, DataError> {
        if let Some(features) = &self.kept_features[index] {
            return Ok(Arc::clone(features));
        }
        let features: Arc<[f32]> = self.found_or_made(index, cache)?.0.into();
        if self.has_room(features.len()) {
            self.kept_features[index] = Some(Arc::clone(&features));
        }
        Ok(features)
    }

    /// The features of a whole utterance, and whether they had to be made.
    fn found_or_made(&self, index: usize, cache: &FeatureCache) -> Result<(Vec<f32>, bool), DataError> {
        let Listed { corpus, utterance, .. } = &self.utterances[index];
        let (corpus, samples) = (&self.corpora[*corpus], utterance.samples);
        let source = corpus.source(utterance)?;
        if let Some(features) = source.as_ref().and_then(|source| cache.find(source, samples)) {
            return Ok((features, false));
        }
        let features = cache.make(&self.decoded(index)?)?;
        // A file that was written while it was read has features of neither state.
        if let Some(source) = source
            && corpus.source(utterance)?.as_ref() == Some(&source)
        {
            cache.keep(&source, samples, &features);
        }
        Ok((features, true))
    }

    /// Lengths of whole utterances in samples, in the order that [`Loader::keep_features`] counts them.
    pub fn lengths(&self) -> impl Iterator<Item = usize> {
        self.utterances.iter().map(|listed| listed.utterance.samples)
    }

    /// Sees to it that features of a whole utterance are on disk, where that is asked for; true: they had to be made.
    ///
    /// # Errors
    /// As [`Loader::load`].
    pub fn keep_features(&self, index: usize) -> Result<bool, DataError> {
        match &self.features {
            Some(cache) => Ok(self.found_or_made(index, cache)?.1),
            None => Ok(false),
        }
    }

    /// The sound of a whole utterance.
    fn recording(&mut self, index: usize) -> Result<Arc<[f32]>, DataError> {
        if let Some(waveform) = &self.kept[index] {
            return Ok(Arc::clone(waveform));
        }
        let waveform: Arc<[f32]> = self.decoded(index)?.into();
        if self.has_room(waveform.len()) {
            self.kept[index] = Some(Arc::clone(&waveform));
        }
        Ok(waveform)
    }

    /// The sound of a whole utterance, out of its file.
    fn decoded(&self, index: usize) -> Result<Vec<f32>, DataError> {
        let Listed { corpus, utterance, .. } = &self.utterances[index];
        let mut waveform = self.corpora[*corpus].load(utterance, self.sample_rate_hz)?;
        if self.normalise {
            crate::audio::normalise(&mut waveform);
        }
        Ok(waveform)
    }

    /// Whether so many values more may stay in memory; if so, they count.
    fn has_room(&mut self, values: usize) -> bool {
        let fits = self.kept_values + values <= KEPT_VALUES;
        self.kept_values += if fits { values } else { 0 };
        fits
    }
}

/// Samples of the corpora to train on that stay in memory once they were decoded: as many as may, where the corpora are not there. Only lists are
/// read.
pub fn kept_samples(plan: &DataPlan) -> usize {
    let Ok(corpora) = open_train(plan) else { return KEPT_VALUES };
    let utterances = corpora.iter().flat_map(|(corpus, _)| corpus.utterances());
    utterances.map(|utterance| utterance.samples).sum::<usize>().min(KEPT_VALUES)
}

/// The lengths in samples of what an epoch over `corpora` may draw, and what it draws.
pub(super) fn lengths(corpora: &[(Corpus, f64)], plan: &DataPlan) -> (Vec<usize>, Shares) {
    let pieces = |(corpus, _): &(Corpus, f64)| {
        cut(corpus.utterances().iter().map(|utterance| utterance.samples), plan.clips)
    };
    let pieces: Vec<Vec<Clip>> = corpora.iter().map(pieces).collect();
    let shares = Shares::new(pieces.iter().map(Vec::len).zip(corpora.iter().map(|(_, weight)| *weight)));
    (pieces.concat().into_iter().map(|clip| clip.samples).collect(), shares)
}

/// The first utterances of a list: `partial` is a share of them up to 1, a number above.
fn used(corpus: &Corpus, partial: f64) -> &[Utterance] {
    let listed = corpus.utterances();
    let wanted = if partial > 1.0 { partial as usize } else { (listed.len() as f64 * partial) as usize };
    &listed[..wanted.min(listed.len())]
}

fn shares(clips: &[Clip], utterances: &[Listed], corpora: &[(Corpus, f64)]) -> Result<Shares, DataError> {
    let count = |at| clips.iter().filter(|clip| utterances[clip.utterance].corpus == at).count();
    let counted: Vec<(usize, f64)> =
        corpora.iter().enumerate().map(|(at, (_, weight))| (count(at), *weight)).collect();
    let shares = Shares::new(counted.iter().copied());
    // A list alone that has nothing to give is told of where nothing is left.
    match shares.undrawn().filter(|&at| corpora.len() > 1 || counted[at].1 != 1.0) {
        None => Ok(shares),
        Some(at) => {
            let (count, weight) = counted[at];
            Err(DataError::NothingDrawn { meta: corpora[at].0.meta_path().to_owned(), count, weight })
        }
    }
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
