//! Transcripts and class names into numbers.

use crate::corpora::{Categories, Utterance};
use crate::plan::{DataPlan, Heads};
use crate::text::{CtcTokenizer, TextRules};

use super::{DataError, Labels};

/// Turns an utterance's text and labels into targets.
pub struct Encoder {
    tokenizer: CtcTokenizer,
    rules: TextRules,
    categories: Option<Categories>,
    outputs: usize,
}

impl Encoder {
    /// The encoder of a plan; class names are needed only where there are classifier heads.
    pub fn new(
        data: &DataPlan,
        heads: &Heads,
        tokenizer: CtcTokenizer,
        categories: Option<Categories>,
    ) -> Self {
        let rules = TextRules {
            remove_unk: data.remove_unk,
            replace_apos: data.replace_apos,
            upper_only: data.upper_only,
        };
        Encoder { tokenizer, rules, categories, outputs: heads.vocab_size }
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &CtcTokenizer {
        &self.tokenizer
    }

    /// The name of a class of a classifier head.
    pub fn class_name(&self, head: usize, class: usize) -> Option<&str> {
        self.categories.as_ref()?.name(head, class)
    }

    /// The targets of one utterance; `None` where a label names an unknown class (such utterances are left out).
    ///
    /// # Errors
    /// The transcript spells a symbol beyond the CTC head's outputs.
    pub fn labels(&self, utterance: &Utterance) -> Result<Option<Labels>, DataError> {
        let classes = match &self.categories {
            None => Vec::new(),
            Some(categories) => match categories.classes(&utterance.labels) {
                None => return Ok(None),
                Some(classes) => classes,
            },
        };
        let text = self.rules.apply(&utterance.text);
        let symbols = self.tokenizer.encode(&text);
        if let Some(&id) = symbols.iter().find(|&&id| id as usize >= self.outputs) {
            return Err(DataError::Symbol { name: utterance.name.clone(), id, outputs: self.outputs });
        }
        Ok(Some(Labels { chars: text.chars().count(), text, symbols, classes }))
    }
}
