//! What a run works with: the plan, the opened corpus, and where results go.

use crate::corpora::{Categories, Corpus, MetaFormat};
use crate::data::{Batch, DataError, Encoder, Loader, eval_batches};
use crate::plan::{DataFormat, Plan};
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
        let dir = std::path::Path::new(&data.dir);
        let tokenizer = CtcTokenizer::read(&dir.join(&data.vocab_path)).map_err(DataError::from)?;
        let categories = match plan.model.heads.classes.is_empty() {
            true => None,
            false => Some(Categories::read(&dir.join(&data.categories_path)).map_err(DataError::from)?),
        };
        let encoder = Encoder::new(data, &plan.model.heads, tokenizer, categories);
        let mut job = Job { plan, encoder, digests: Default::default() };
        for (split, meta) in [("train", &data.train_meta), ("dev", &data.dev_meta), ("test", &data.test_meta)]
        {
            job.digests.insert(split.to_owned(), job.corpus(meta)?.digest().to_owned());
        }
        Ok(job)
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &CtcTokenizer {
        self.encoder.tokenizer()
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
        let meta = match split {
            Split::Dev => &self.plan.data.dev_meta,
            Split::Test => &self.plan.data.test_meta,
        };
        let mut loader = self.loader(meta, 1.0)?;
        Ok(eval_batches(&mut loader, &self.plan.data, self.plan.eval.max_batches)?)
    }

    fn corpus(&self, meta: &str) -> Result<Corpus, TrainError> {
        let data = &self.plan.data;
        Ok(Corpus::open(std::path::Path::new(&data.dir), meta, meta_format(data.format))
            .map_err(DataError::from)?)
    }

    fn loader(&self, meta: &str, partial: f64) -> Result<Loader, TrainError> {
        let plan = self.plan;
        let min_samples = plan.model.min_samples();
        let corpus = self.corpus(meta)?;
        Ok(Loader::new(corpus, &self.encoder, plan.data.sample_rate_hz, min_samples, partial)?)
    }
}

fn meta_format(format: DataFormat) -> MetaFormat {
    match format {
        DataFormat::Nlt => MetaFormat::Nlt,
        DataFormat::NltLa => MetaFormat::NltLa,
    }
}
