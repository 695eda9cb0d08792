//! One recording after the other into files of codes, as one worker does it.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use kernels::threads::{Pool, for_each};

use super::Coding;
use crate::audio::{self, counted};
use crate::cli::failure::{self, Failure, make_folder};
use crate::codec::artifact::Metadata;
use crate::codec::process::{Cutter, Piece, Recording, window};
use crate::codec::{Codec, recording};
use crate::record::folder::write_whole;
use crate::text::g2p::{Backend, G2p, Kept, Text};

/// Pieces that are cut before they are coded, for each thread: so many are in memory at a time.
const AHEAD: usize = 2;

/// A worker: a codec, a reader of texts, and threads of its own.
pub(super) struct Coder<'a> {
    codec: &'a (dyn Codec + Sync),
    g2p: G2p,
    pool: Pool,
    threads: usize,
    coding: &'a Coding,
}

/// What came of a recording.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Files made.
    pub made: usize,
    /// Seconds of sound in them.
    pub secs: f64,
    /// Utterances longer than is asked for.
    pub long: usize,
    /// What could not be used, in sentences.
    pub bad: Vec<String>,
    /// What would go wrong with every recording.
    pub failure: Option<Failure>,
}

/// Why an utterance did not become a file.
enum Lost {
    /// It is longer than is asked for.
    Long,
    /// It cannot be used.
    Bad(String),
    /// Nothing can be written.
    Failed(Failure),
}

/// What is said in an utterance, as its file tells it: phonemes, or why there are none.
type Said = Option<Result<String, String>>;

impl<'a> Coder<'a> {
    /// A worker on `threads` threads, which stay where the one that calls this does.
    pub fn new(
        codec: &'a (dyn Codec + Sync),
        backend: Backend,
        threads: usize,
        coding: &'a Coding,
    ) -> Result<Self, Failure> {
        let pool = Pool::new(threads).map_err(|error| Failure::new(failure::FAILED, error.to_string()))?;
        Ok(Coder { codec, g2p: G2p::new(backend, Kept::default()), pool, threads, coding })
    }

    /// Codes a recording.
    pub fn code(&mut self, recording: &Recording) -> Outcome {
        let mut outcome = Outcome::default();
        let said = match self.said(&recording.pieces) {
            Ok(said) => said,
            Err(failure) => return Outcome { failure: Some(failure), ..outcome },
        };
        let folder = recording.pieces.first().and_then(|piece| piece.to.parent());
        if let Some(Err(failure)) = folder.map(make_folder) {
            return Outcome { failure: Some(failure), ..outcome };
        }
        let pieces: Vec<(&Piece, Said)> = recording.pieces.iter().zip(said).collect();
        let coded = match &pieces[..] {
            [(Piece { span: None, .. }, _)] => self.whole(&recording.from, &pieces, &mut outcome),
            _ => self.cut(&recording.from, &pieces, &mut outcome),
        };
        if let Err(error) = coded {
            outcome.bad.push(error.to_string());
        }
        outcome
    }

    /// Phonemes of all texts.
    fn said(&mut self, pieces: &[Piece]) -> Result<Vec<Said>, Failure> {
        let texts: Vec<Text<'_>> = pieces
            .iter()
            .filter_map(|piece| Some(Text { text: piece.text.as_deref()?, language: piece.language }))
            .collect();
        let mut said = self.g2p.read(&texts)?.into_iter();
        let next = |piece: &Piece| {
            piece.text.as_ref()?;
            said.next().map(|said| said.map(|said| said.phonemes).map_err(|why| why.to_string()))
        };
        Ok(pieces.iter().map(next).collect())
    }

    /// A recording that is one utterance.
    fn whole(
        &self,
        from: &Path,
        pieces: &[(&Piece, Said)],
        outcome: &mut Outcome,
    ) -> Result<(), audio::AudioError> {
        let facts = audio::facts(from)?;
        if self.is_long(facts.samples, facts.rate_hz) {
            outcome.long += 1;
            return Ok(());
        }
        let (rate_hz, samples) = audio::read_as_recorded(from)?;
        self.make(from, rate_hz, pieces, vec![(0, samples)], outcome);
        Ok(())
    }

    /// A recording that is cut. It is decoded twice: first to see that it is whole, so that nothing comes of a damaged one.
    fn cut(
        &self,
        from: &Path,
        pieces: &[(&Piece, Said)],
        outcome: &mut Outcome,
    ) -> Result<(), audio::AudioError> {
        let (rate_hz, length) = counted(from)?;
        let mut windows = Vec::new();
        for (number, (piece, _)) in pieces.iter().enumerate() {
            let (start, end) = piece.span.unwrap_or((0.0, None));
            match window(start, end, rate_hz, length) {
                Some(window) if self.is_long(window.end - window.start, rate_hz) => outcome.long += 1,
                Some(window) => windows.push((number, window)),
                None => {
                    let end = end.map_or("its end".to_owned(), |end| format!("{end} s"));
                    let (to, from) = (piece.to.display(), from.display());
                    outcome
                        .bad
                        .push(format!("cannot make `{to}`: `{from}` has nothing from {start} s to {end}"));
                }
            }
        }
        let mut cutter = Cutter::open(from, &windows)?;
        while outcome.failure.is_none() && !self.coding.stop.requested() {
            let cut = cutter.next_pieces(AHEAD * self.threads)?;
            if cut.is_empty() {
                break;
            }
            self.make(from, rate_hz, pieces, cut, outcome);
        }
        Ok(())
    }

    /// Makes the files of pieces that are there, on all threads of the worker.
    fn make(
        &self,
        from: &Path,
        rate_hz: u32,
        pieces: &[(&Piece, Said)],
        cut: Vec<(usize, Vec<f32>)>,
        outcome: &mut Outcome,
    ) {
        let ended = Mutex::new(Vec::with_capacity(cut.len()));
        let work = |(number, samples): (usize, Vec<f32>)| {
            let (piece, said) = &pieces[number];
            let made = self.file(from, rate_hz, piece, said, &samples);
            ended.lock().unwrap_or_else(PoisonError::into_inner).push((number, made));
        };
        self.pool.install(|| for_each(cut, work));
        let mut ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        ended.sort_by_key(|(number, _)| *number);
        for (_, made) in ended {
            match made {
                Ok(secs) => (outcome.made, outcome.secs) = (outcome.made + 1, outcome.secs + secs),
                Err(Lost::Long) => outcome.long += 1,
                Err(Lost::Bad(why)) => outcome.bad.push(why),
                Err(Lost::Failed(failure)) => outcome.failure = Some(failure),
            }
        }
    }

    /// One file of codes, and the seconds that it lasts.
    fn file(
        &self,
        from: &Path,
        rate_hz: u32,
        piece: &Piece,
        said: &Said,
        samples: &[f32],
    ) -> Result<f64, Lost> {
        let bad = |why: &dyn std::fmt::Display| {
            Lost::Bad(format!("cannot make `{}` of `{}`: {why}", piece.to.display(), from.display()))
        };
        // A header may not have known how long it is.
        if self.is_long(samples.len() as u64, rate_hz) {
            return Err(Lost::Long);
        }
        let phonemes = said.clone().transpose().map_err(|why| bad(&why))?;
        let mut artifact = recording::encode(self.codec, rate_hz, samples).map_err(|error| bad(&error))?;
        let language = piece.language.map_or("auto", |language| language.tag());
        artifact.metadata = Metadata {
            language: piece.text.is_some().then(|| language.to_owned()),
            text: piece.text.clone(),
            phonemes,
            ..artifact.metadata
        };
        let bytes = artifact.bytes_for(&piece.to).map_err(|error| bad(&error))?;
        write_whole(&piece.to, &bytes).map_err(|error| Lost::Failed(error.into()))?;
        Ok(samples.len() as f64 / f64::from(rate_hz))
    }

    fn is_long(&self, samples: u64, rate_hz: u32) -> bool {
        samples as f64 > self.coding.max_secs * f64::from(rate_hz)
    }
}
