//! What a run works with: the plan, the opened corpus, and where results go.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::corpora::{Categories, Corpus, CorpusError};
use crate::data::{Batch, DataError, Encoder, Loader, eval_batches, open_corpus};
use crate::plan::Plan;
use crate::task::{Confusion, Prediction, confusions};
use crate::text::CtcTokenizer;

use super::TrainError;
use super::evaluate::Split;

/// A plan with its corpus opened.
pub struct Job<'a> {
    pub plan: &'a Plan,
    encoder: Encoder,
    /// Content digests of the meta files, by split.
    pub digests: std::collections::BTreeMap<String, String>,
}

impl<'a> Job<'a> {
    /// Opens vocabulary, categories and meta files.
    ///
    /// # Errors
    /// A file is missing or broken.
    pub fn open(plan: &'a Plan) -> Result<Self, TrainError> {
        let data = &plan.data;
        let dir = Path::new(&data.dir);
        if !dir.is_dir() {
            return Err(DataError::from(CorpusError::Missing { dir: dir.to_owned() }).into());
        }
        let tokenizer = CtcTokenizer::read(&dir.join(&data.vocab_path)).map_err(DataError::from)?;
        let categories = match plan.model.heads.classes.is_empty() {
            true => None,
            false => Some(Categories::read(&dir.join(&data.categories_path)).map_err(DataError::from)?),
        };
        fits(plan, &tokenizer, categories.as_ref())?;
        let encoder = Encoder::new(data, &plan.model.heads, tokenizer, categories);
        let mut job = Job { plan, encoder, digests: Default::default() };
        for (split, meta) in [("train", &data.train_meta), ("dev", &data.dev_meta), ("test", &data.test_meta)]
        {
            job.digests.insert(split.to_owned(), job.corpus(meta)?.digest().to_owned());
        }
        let vocabulary = dir.join(&data.vocab_path);
        job.digests.insert("vocabulary".into(), digest(&vocabulary)?);
        if !plan.model.heads.classes.is_empty() {
            job.digests.insert("categories".into(), digest(&dir.join(&data.categories_path))?);
        }
        Ok(job)
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &CtcTokenizer {
        self.encoder.tokenizer()
    }

    /// What the classifiers took for what, by the names of the classes.
    pub(super) fn confusions(&self, predictions: &[Prediction]) -> Vec<Confusion> {
        confusions(predictions, |head, class| self.encoder.class_name(head, class))
    }

    /// The training utterances.
    ///
    /// # Errors
    /// The meta file is broken, or an utterance does not fit the model.
    pub fn train_loader(&self) -> Result<Loader, TrainError> {
        self.loader(&self.plan.data.train_meta, self.plan.data.partial)
    }

    /// The batches of a split that is judged on.
    ///
    /// # Errors
    /// As [`Job::train_loader`], or a sound file is missing or broken.
    pub fn eval_batches(&self, split: Split) -> Result<Vec<Batch>, TrainError> {
        // The limit is for looks in between; a final number is over everything.
        let (meta, max_batches) = match split {
            Split::Dev => (&self.plan.data.dev_meta, self.plan.eval.max_batches),
            Split::Test => (&self.plan.data.test_meta, usize::MAX),
        };
        let mut loader = self.loader(meta, 1.0)?;
        Ok(eval_batches(&mut loader, &self.plan.data, max_batches)?)
    }

    pub(super) fn corpus(&self, meta: &str) -> Result<Corpus, TrainError> {
        Ok(open_corpus(&self.plan.data, meta).map_err(DataError::from)?)
    }

    fn loader(&self, meta: &str, partial: f64) -> Result<Loader, TrainError> {
        let plan = self.plan;
        let min_samples = plan.model.min_samples();
        let corpus = self.corpus(meta)?;
        Ok(Loader::new(corpus, &self.encoder, plan.data.sample_rate_hz, min_samples, partial)?)
    }
}

/// Vocabulary and class names must be the model's.
fn fits(plan: &Plan, tokenizer: &CtcTokenizer, categories: Option<&Categories>) -> Result<(), DataError> {
    let heads = &plan.model.heads;
    if tokenizer.pad_id() as usize != heads.blank {
        return Err(DataError::Blank { vocabulary: tokenizer.pad_id(), model: heads.blank });
    }
    if tokenizer.size() > heads.vocab_size {
        return Err(DataError::Vocabulary { symbols: tokenizer.size(), outputs: heads.vocab_size });
    }
    match categories {
        Some(categories) if categories.sizes() != heads.classes => {
            Err(DataError::Classes { corpus: categories.sizes(), model: heads.classes.clone() })
        }
        _ => Ok(()),
    }
}

/// The SHA-256 of a small file, in hexadecimal.
fn digest(path: &Path) -> Result<String, TrainError> {
    let bytes = std::fs::read(path)
        .map_err(|error| TrainError::State { path: path.to_owned(), reason: error.to_string() })?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}
