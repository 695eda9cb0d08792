//! What a run works with: the plan, the opened corpus, and where results go.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::corpora::{Categories, Corpus, CorpusError};
use crate::data::{Batch, DataError, Encoder, Loader, Spelling, eval_batches, open_corpus};
use crate::plan::{Heads, Labelling, Plan};
use crate::record::scenes::Scene;
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
        let spelling = match plan.model.ctc() {
            Some(heads) => Some(spelling(heads, &dir.join(&data.vocab_path))?),
            None => None,
        };
        let categories = match plan.model.classes() {
            [] => None,
            classes => Some(categories(classes, &dir.join(&data.categories_path))?),
        };
        let encoder = Encoder::new(data, spelling, categories);
        let mut job = Job { plan, encoder, digests: Default::default() };
        for (split, meta) in [("train", &data.train_meta), ("dev", &data.dev_meta), ("test", &data.test_meta)]
        {
            job.digests.insert(split.to_owned(), job.corpus(meta)?.digest().to_owned());
        }
        if plan.model.ctc().is_some() {
            job.digests.insert("vocabulary".into(), digest(&dir.join(&data.vocab_path))?);
        }
        if !plan.model.classes().is_empty() {
            job.digests.insert("categories".into(), digest(&dir.join(&data.categories_path))?);
        }
        Ok(job)
    }

    /// The tokenizer, where there is a CTC head.
    pub fn tokenizer(&self) -> Option<&CtcTokenizer> {
        self.encoder.tokenizer()
    }

    /// What the classifiers took for what, by the names of the classes.
    pub(super) fn confusions(&self, predictions: &[Prediction]) -> Vec<Confusion> {
        let heads = self.plan.model.classes().len();
        confusions(predictions, heads, |head, class| self.encoder.class_name(head, class))
    }

    /// Each clip's seconds by the names of their classes; none where seconds have none of their own.
    pub(super) fn scenes(&self, predictions: &[Prediction]) -> Vec<Scene> {
        let called =
            |class: usize| self.encoder.class_name(0, class).map_or_else(|| class.to_string(), str::to_owned);
        let second = |(truth, heard): (&i64, &usize)| {
            (usize::try_from(*truth).map_or_else(|_| String::new(), called), called(*heard))
        };
        let scene = |prediction: &Prediction| Scene {
            name: prediction.name.clone(),
            seconds: prediction.clf_label.iter().zip(&prediction.clf_pred).map(second).collect(),
        };
        match self.plan.data.labelling {
            Labelling::OnePerSecond(_) => predictions.iter().map(scene).collect(),
            Labelling::OnePerHead | Labelling::AnyNumber => Vec::new(),
        }
    }

    /// The training utterances.
    ///
    /// # Errors
    /// The meta file is broken, or an utterance does not fit the model.
    pub fn train_loader(&self) -> Result<Loader, TrainError> {
        self.loader(&self.plan.data.train_meta, self.plan.data.partial)
    }

    /// The test utterances, one by one.
    ///
    /// # Errors
    /// As [`Job::train_loader`].
    pub fn test_loader(&self) -> Result<Loader, TrainError> {
        self.loader(&self.plan.data.test_meta, 1.0)
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
        Ok(Loader::new(corpus, &self.encoder, &plan.data, min_samples, partial)?)
    }
}

/// The vocabulary, which must be the CTC head's.
fn spelling(heads: &Heads, path: &Path) -> Result<Spelling, DataError> {
    let tokenizer = CtcTokenizer::read(path)?;
    if tokenizer.pad_id() as usize != heads.blank {
        return Err(DataError::Blank { vocabulary: tokenizer.pad_id(), model: heads.blank });
    }
    if tokenizer.size() > heads.vocab_size {
        return Err(DataError::Vocabulary { symbols: tokenizer.size(), outputs: heads.vocab_size });
    }
    Ok(Spelling { tokenizer, outputs: heads.vocab_size })
}

/// Class names, which must be as many as the classifier heads have.
fn categories(classes: &[usize], path: &Path) -> Result<Categories, DataError> {
    let categories = Categories::read(path)?;
    match categories.sizes() == classes {
        true => Ok(categories),
        false => Err(DataError::Classes { corpus: categories.sizes(), model: classes.to_vec() }),
    }
}

/// The SHA-256 of a small file, in hexadecimal.
fn digest(path: &Path) -> Result<String, TrainError> {
    let bytes = std::fs::read(path)
        .map_err(|error| TrainError::State { path: path.to_owned(), reason: error.to_string() })?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}
