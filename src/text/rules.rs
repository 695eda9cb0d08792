//! What happens to a transcript before it becomes labels.

use super::space::collapse_spaces;

/// The clean-up of one transcript; which steps are taken is part of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextRules {
    /// Delete the literal `[UNK]`, turn hyphens into spaces, collapse white space.
    pub remove_unk: bool,
    /// Pull a detached apostrophe back to its word: `it 's` becomes `it's`. (It comes after `remove_unk`.)
    pub replace_apos: bool,
    /// Upper-case the result, for vocabularies that know capitals only.
    pub upper_only: bool,
}

impl Default for TextRules {
    fn default() -> Self {
        Self { remove_unk: true, replace_apos: true, upper_only: false }
    }
}

impl TextRules {
    /// The transcript as the model shall learn it.
    pub fn apply(&self, text: &str) -> String {
        let mut out = text.to_owned();
        if self.remove_unk {
            out = collapse_spaces(&out.replace("[UNK]", "").replace('-', " "));
        }
        if self.replace_apos {
            out = out.replace(" '", "'");
        }
        if self.upper_only {
            out = out.to_uppercase();
        }
        out
    }
}
