//! What a run works with: the plan, the opened corpus, and where results go.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use crate::corpora::{Categories, Corpus, CorpusError};
use crate::data::{
    Batch, DataError, Encoder, FeatureCache, Loader, Spelling, Spoken, TextTokens, eval_batches, open_corpus,
    open_train,
};
use crate::plan::{Heads, Labelling, Plan};
use crate::record::scenes::Scene;
use crate::task::{Confusion, Prediction, confusions, front_end};
use crate::text::CtcTokenizer;

use super::TrainError;
use super::evaluate::{Asked, Split};

/// A plan with its corpus opened.
pub struct Job<'a> {
    pub plan: &'a Plan,
    encoder: Encoder,
    /// Class names, where there are classifier heads.
    categories: Option<Categories>,
    /// Features on disk, from the first time on that they are asked for.
    features: OnceLock<Arc<FeatureCache>>,
}

impl<'a> Job<'a> {
    /// Opens vocabulary and categories.
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
        let categories = match &plan.model.labelled()[..] {
            [] => None,
            classes => Some(categories(classes, &dir.join(&data.categories_path))?),
        };
        let spoken = plan.model.tacomamba().map(Spoken::of);
        let tokens = plan.model.codec_lm().map(TextTokens::of);
        let encoder = Encoder::new(data, spelling, categories.clone()).speaking(spoken).telling(tokens);
        Ok(Job { plan, encoder, categories, features: OnceLock::new() })
    }

    /// Content digests of what the run learns from and is judged on, by what it is.
    ///
    /// # Errors
    /// A file is missing or broken.
    pub fn digests(&self) -> Result<BTreeMap<String, String>, TrainError> {
        let data = &self.plan.data;
        let mut digests = BTreeMap::new();
        let lists = open_train(data).map_err(DataError::from)?;
        for (at, (corpus, _)) in (1..).zip(&lists) {
            let part = if lists.len() == 1 { "train".to_owned() } else { format!("train-{at}") };
            digests.insert(part, corpus.digest().to_owned());
        }
        for (split, meta) in [("dev", &data.dev_meta), ("test", &data.test_meta)] {
            digests.insert(split.to_owned(), self.corpus(meta)?.digest().to_owned());
        }
        let dir = Path::new(&data.dir);
        if self.tokenizer().is_some() {
            digests.insert("vocabulary".into(), digest(&dir.join(&data.vocab_path))?);
        }
        if self.categories.is_some() {
            digests.insert("categories".into(), digest(&dir.join(&data.categories_path))?);
        }
        Ok(digests)
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
    /// A meta file is broken, an utterance does not fit the model, or corpora that are mixed have other classes or symbols than the run's own.
    pub fn train_loader(&self) -> Result<Loader, TrainError> {
        self.check_mixed()?;
        let corpora = open_train(&self.plan.data).map_err(DataError::from)?;
        let loader = self.loader(corpora, self.plan.data.partial)?;
        self.check_spelling(&loader)?;
        Ok(loader)
    }

    /// Whether there is a transcript to learn, where the model transcribes.
    fn check_spelling(&self, loader: &Loader) -> Result<(), DataError> {
        if self.plan.train.objective.ctc_weight == 0.0 {
            return Ok(());
        }
        if !loader.has_characters() {
            return Err(DataError::Silent { meta: loader.meta() });
        }
        match self.unspellable(loader) {
            (count, Some((name, needed, frames))) if count == loader.len() => {
                Err(DataError::Unspellable { meta: loader.meta(), count, name, needed, frames })
            }
            _ => Ok(()),
        }
    }

    /// Utterances of `loader` that count nowhere, since CTC cannot spell them: how many, and the first with the frames that it takes and has.
    pub(super) fn unspellable(&self, loader: &Loader) -> (usize, Option<(String, usize, usize)>) {
        match self.plan.train.objective.ctc_weight > 0.0 {
            true => loader.unspellable(|samples| self.plan.model.frames(samples)),
            false => (0, None),
        }
    }

    /// Whether every corpus that is mixed means the same by its labels and letters.
    fn check_mixed(&self) -> Result<(), DataError> {
        let data = &self.plan.data;
        let differ = |what, ours: PathBuf, theirs: PathBuf| Err(DataError::Mixed { what, ours, theirs });
        let own = Path::new(&data.dir);
        for dir in data.mix.iter().map(|list| Path::new(&list.dir)).filter(|dir| *dir != own) {
            let (ours, theirs) = (own.join(&data.categories_path), dir.join(&data.categories_path));
            if let Some(categories) = &self.categories
                && Categories::read(&theirs)? != *categories
            {
                return differ("class names", ours, theirs);
            }
            let (ours, theirs) = (own.join(&data.vocab_path), dir.join(&data.vocab_path));
            if let Some(tokenizer) = self.tokenizer()
                && CtcTokenizer::read(&theirs)? != *tokenizer
            {
                return differ("vocabulary", ours, theirs);
            }
        }
        Ok(())
    }

    /// The test utterances, one by one.
    ///
    /// # Errors
    /// As [`Job::train_loader`].
    pub fn test_loader(&self) -> Result<Loader, TrainError> {
        self.split_loader(Split::Test)
    }

    fn split_loader(&self, split: Split) -> Result<Loader, TrainError> {
        self.loader(vec![(self.corpus(split.meta(&self.plan.data))?, 1.0)], 1.0)
    }

    /// The utterances of every split: those to train on, dev, test.
    ///
    /// # Errors
    /// As [`Job::train_loader`].
    pub fn loaders(&self) -> Result<[Loader; 3], TrainError> {
        Ok([self.train_loader()?, self.split_loader(Split::Dev)?, self.test_loader()?])
    }

    /// The batches of a split that is judged on.
    ///
    /// # Errors
    /// As [`Job::train_loader`], or a sound file is missing or broken; [`TrainError::Asked`] where it was `asked` to end before all were read.
    pub fn eval_batches(&self, split: Split, asked: Asked<'_>) -> Result<Vec<Batch>, TrainError> {
        // The limit is for looks in between; a final number is over everything.
        let max_batches = match split {
            Split::Dev => self.plan.eval.max_batches,
            Split::Test => usize::MAX,
        };
        let mut loader = self.split_loader(split)?;
        let batches = eval_batches(&mut loader, &self.plan.data, max_batches, asked)?;
        if asked() { Err(TrainError::Asked) } else { Ok(batches) }
    }

    pub(super) fn corpus(&self, meta: &str) -> Result<Corpus, TrainError> {
        Ok(open_corpus(&self.plan.data, meta).map_err(DataError::from)?)
    }

    fn loader(&self, corpora: Vec<(Corpus, f64)>, partial: f64) -> Result<Loader, TrainError> {
        let plan = self.plan;
        let min_samples = plan.model.min_samples();
        let loader = Loader::new(corpora, &self.encoder, &plan.data, min_samples, partial)?;
        if loader.is_empty() {
            return Err(match loader.left_out {
                0 => DataError::NothingUsed {
                    meta: loader.meta(),
                    why: "see `sample_partial_data` and `clip_samples` in `[data]`",
                },
                count => DataError::Unlabelled { meta: loader.meta(), count },
            }
            .into());
        }
        Ok(loader.with_features(self.features()?))
    }

    /// Features on disk, where the plan has such.
    ///
    /// # Errors
    /// Their folder cannot be made, or the device failed.
    pub fn features(&self) -> Result<Option<Arc<FeatureCache>>, TrainError> {
        let Some(dir) = &self.plan.data.feature_cache else { return Ok(None) };
        if let Some(opened) = self.features.get() {
            return Ok(Some(Arc::clone(opened)));
        }
        let Some(front_end) = front_end(self.plan)? else { return Ok(None) };
        let opened = FeatureCache::open(Path::new(dir), &self.plan.data, front_end)?;
        Ok(Some(Arc::clone(self.features.get_or_init(|| Arc::new(opened)))))
    }

    /// What is to be said of features on disk since it was asked last.
    pub fn notes(&self) -> Vec<String> {
        self.features.get().map_or_else(Vec::new, |features| features.notes())
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
