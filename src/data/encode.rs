//! Transcripts and class names into numbers.

use crate::corpora::{Categories, Utterance};
use crate::plan::{DataPlan, Labelling, TacomambaPlan, TextCleaners};
use crate::text::spoken::{Cleaners, sentence};
use crate::text::{CtcTokenizer, TextRules};

use super::{DataError, Labels, Target, TextTokens};

/// Turns an utterance's text and labels into targets.
pub struct Encoder {
    spelling: Option<Spelling>,
    spoken: Option<Spoken>,
    tokens: Option<TextTokens>,
    rules: TextRules,
    categories: Option<Categories>,
    labelling: Labelling,
}

/// What happens to transcripts before they are spelt.
pub fn text_rules(data: &DataPlan) -> TextRules {
    TextRules { remove_unk: data.remove_unk, replace_apos: data.replace_apos, upper_only: data.upper_only }
}

/// How transcripts are spelt.
pub struct Spelling {
    pub tokenizer: CtcTokenizer,
    /// Outputs of the CTC head.
    pub outputs: usize,
}

/// How texts are told to a model that speaks them.
#[derive(Debug, Clone)]
pub struct Spoken {
    cleaners: Cleaners,
    blanks: bool,
    hop_samples: usize,
}

impl Spoken {
    /// As the plan of a model of speech has it.
    pub fn of(plan: &TacomambaPlan) -> Self {
        let cleaners = match plan.cleaners {
            TextCleaners::English => Cleaners::English,
            TextCleaners::Transliteration => Cleaners::Transliteration,
            TextCleaners::Basic => Cleaners::Basic,
        };
        Spoken { cleaners, blanks: plan.blanks, hop_samples: plan.mel.hop_samples }
    }

    /// The symbols of a text.
    pub fn symbols(&self, text: &str) -> Vec<u32> {
        sentence(text, self.cleaners, self.blanks)
    }

    /// The targets of one utterance; `None` where it has more symbols than frames, so that not every symbol can have one.
    fn labels(&self, utterance: &Utterance, classes: Vec<Target>) -> Option<Labels> {
        let symbols = self.symbols(&utterance.text);
        let text = utterance.text.clone();
        let fits = symbols.len() <= 1 + utterance.samples / self.hop_samples;
        fits.then(|| Labels { chars: text.chars().count(), text, symbols, classes })
    }
}

impl Encoder {
    /// The encoder of a plan; a spelling is needed only where there is a CTC head, class names only where there are classifier heads.
    pub fn new(data: &DataPlan, spelling: Option<Spelling>, categories: Option<Categories>) -> Self {
        let rules = text_rules(data);
        Encoder { spelling, spoken: None, tokens: None, rules, categories, labelling: data.labelling }
    }

    /// The same for a model that speaks.
    #[must_use]
    pub fn speaking(mut self, spoken: Option<Spoken>) -> Self {
        self.spoken = spoken;
        self
    }

    /// The same for a model of codes.
    #[must_use]
    pub fn telling(mut self, tokens: Option<TextTokens>) -> Self {
        self.tokens = tokens;
        self
    }

    /// Sees to it that [`Encoder::labels`] of these utterances need not ask anybody one by one.
    ///
    /// # Errors
    /// Whoever is asked does not answer.
    pub fn read_ahead(&self, utterances: &[Utterance]) -> Result<(), DataError> {
        match &self.tokens {
            Some(tokens) => tokens.read_ahead(utterances.iter().map(|utterance| &utterance.text[..])),
            None => Ok(()),
        }
    }

    /// The tokenizer, where there is a CTC head.
    pub fn tokenizer(&self) -> Option<&CtcTokenizer> {
        self.spelling.as_ref().map(|spelling| &spelling.tokenizer)
    }

    /// The name of a class of a classifier head.
    pub fn class_name(&self, head: usize, class: usize) -> Option<&str> {
        self.categories.as_ref()?.name(head, class)
    }

    /// The targets of one utterance; `None` where a label names an unknown class, or a text is longer than its sound or cannot be read (such
    /// utterances are left out).
    ///
    /// # Errors
    /// The transcript spells a symbol beyond the CTC head's outputs, or nobody reads it.
    pub fn labels(&self, utterance: &Utterance) -> Result<Option<Labels>, DataError> {
        let classes = match &self.categories {
            None => Vec::new(),
            Some(categories) => match self.targets(categories, &utterance.labels) {
                None => return Ok(None),
                Some(targets) => targets,
            },
        };
        if let Some(spoken) = &self.spoken {
            return Ok(spoken.labels(utterance, classes));
        }
        if let Some(tokens) = &self.tokens {
            let text = utterance.text.clone();
            let symbols = tokens.symbols(&text)?;
            return Ok(symbols.map(|symbols| Labels { chars: text.chars().count(), text, symbols, classes }));
        }
        let Some(Spelling { tokenizer, outputs }) = &self.spelling else {
            return Ok(Some(Labels { classes, ..Labels::default() }));
        };
        let text = self.rules.apply(&utterance.text);
        let symbols = tokenizer.encode(&text);
        if let Some(&id) = symbols.iter().find(|&&id| id as usize >= *outputs) {
            return Err(DataError::Symbol { name: utterance.name.clone(), id, outputs: *outputs });
        }
        Ok(Some(Labels { chars: text.chars().count(), text, symbols, classes }))
    }

    /// What `labels` say of the classifiers' answers; `None` where one is unknown, or their number is wrong.
    fn targets(&self, categories: &Categories, labels: &[String]) -> Option<Vec<Target>> {
        Some(match self.labelling {
            Labelling::OnePerHead => categories.classes(labels)?.into_iter().map(Target::of).collect(),
            Labelling::AnyNumber => vec![Target::of(categories.all(labels)?)],
            Labelling::OnePerSecond(seconds) if labels.len() == seconds => {
                categories.all(labels)?.into_iter().map(|class| Target::of([class])).collect()
            }
            Labelling::OnePerSecond(_) => return None,
        })
    }
}
