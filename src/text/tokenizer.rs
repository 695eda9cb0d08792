//! Text to CTC labels and back, by characters, as transformers' `Wav2Vec2CTCTokenizer` (4.44) does it.

use std::collections::HashMap;
use std::path::Path;

use super::TextError;
use super::space::is_space;

pub(super) const PAD: &str = "[PAD]";
pub(super) const UNKNOWN: &str = "[UNK]";
pub(super) const DELIMITER: &str = "|";

const PAD_NAMES: [&str; 2] = [PAD, "<pad>"];
const UNKNOWN_NAMES: [&str; 2] = [UNKNOWN, "<unk>"];

/// Begin and end of sequence: never produced from text without them, but the output layer has rows for them.
const SEQUENCE_NAMES: [&str; 2] = ["<s>", "</s>"];

/// A character vocabulary with the tokenizer's rules.
///
/// `[PAD]` (or `<pad>`) is the CTC blank and the padding, `|` stands for a space, `[UNK]` (or `<unk>`) for
/// every character that is not in the vocabulary. `<s>` and `</s>` follow the file's tokens where the file
/// lacks them.
#[derive(Debug, Clone, PartialEq)]
pub struct CtcTokenizer {
    /// Token of each id.
    tokens: Vec<String>,
    ids: HashMap<String, u32>,
    pad: u32,
    unknown: u32,
    literals: Vec<Literal>,
}

/// A token of several characters, which text may contain literally.
#[derive(Debug, Clone, PartialEq)]
struct Literal {
    text: String,
    id: u32,
    /// Swallows the white space around it: true for the tokens of the file.
    strips: bool,
}

/// A stretch of text between literals, or a literal.
enum Piece<'a> {
    Text(&'a str),
    Literal(&'a Literal),
}

impl CtcTokenizer {
    /// Reads a `vocab.json`.
    pub fn read(path: &Path) -> Result<Self, TextError> {
        let json = std::fs::read_to_string(path)
            .map_err(|source| TextError::Io { path: path.to_owned(), source })?;
        Self::from_json(path, &json)
    }

    /// Takes the text of a `vocab.json`; `path` appears in errors only.
    pub fn from_json(path: &Path, json: &str) -> Result<Self, TextError> {
        let mut tokens = tokens_by_id(path, json)?;
        let in_file = tokens.len();
        for name in SEQUENCE_NAMES {
            if !tokens.iter().any(|token| token == name) {
                tokens.push(name.to_owned());
            }
        }
        let ids: HashMap<String, u32> = (0..).zip(&tokens).map(|(id, t)| (t.clone(), id)).collect();
        let find = |role, names: [&'static str; 2]| {
            names.iter().find_map(|&name| ids.get(name).copied()).ok_or_else(|| TextError::MissingToken {
                path: path.to_owned(),
                role,
                names,
            })
        };
        Ok(Self {
            pad: find("padding", PAD_NAMES)?,
            unknown: find("unknown", UNKNOWN_NAMES)?,
            literals: literals(&tokens, in_file),
            tokens,
            ids,
        })
    }

    /// Rows that the model's output layer needs.
    pub fn size(&self) -> usize {
        self.tokens.len()
    }

    /// Id of the padding, which is also the CTC blank.
    pub fn pad_id(&self) -> u32 {
        self.pad
    }

    /// Id of every character that the vocabulary lacks.
    pub fn unknown_id(&self) -> u32 {
        self.unknown
    }

    /// The token that stands for padding and the blank, as the vocabulary spells it.
    pub fn pad_token(&self) -> &str {
        &self.tokens[self.pad as usize]
    }

    /// The token that stands for what the vocabulary lacks, as the vocabulary spells it.
    pub fn unknown_token(&self) -> &str {
        &self.tokens[self.unknown as usize]
    }

    /// The label ids of `text`: one per character, spaces as `|`, nothing added at either end.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let pieces = self.split(text);
        let strips = |at: Option<usize>| match at.and_then(|at| pieces.get(at)) {
            Some(Piece::Literal(literal)) => literal.strips,
            _ => false,
        };
        let mut out = Vec::with_capacity(text.len());
        for (at, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Literal(literal) => out.push(literal.id),
                Piece::Text(text) => {
                    let mut text = *text;
                    if strips(at.checked_sub(1)) {
                        text = text.trim_start_matches(is_space);
                    }
                    if strips(Some(at + 1)) {
                        text = text.trim_end_matches(is_space);
                    }
                    self.encode_chars(text, &mut out);
                }
            }
        }
        out
    }

    /// The text of one id per frame: equal neighbours are merged, blanks dropped.
    pub fn decode_frames(&self, ids: &[u32]) -> String {
        let mut merged: Vec<u32> = ids.iter().map(|&id| self.known(id)).collect();
        merged.dedup();
        self.decode_labels(&merged)
    }

    /// The text of label ids, without merging.
    ///
    /// Special tokens appear as they are (`[UNK]`, `<s>`); an id that no token has reads as the unknown
    /// token.
    pub fn decode_labels(&self, ids: &[u32]) -> String {
        let mut out = String::with_capacity(ids.len());
        for id in ids.iter().map(|&id| self.known(id)) {
            match self.tokens[id as usize].as_str() {
                _ if id == self.pad => {}
                DELIMITER => out.push(' '),
                token => out.push_str(token),
            }
        }
        clean_up(out.trim_matches(is_space))
    }

    fn known(&self, id: u32) -> u32 {
        if (id as usize) < self.tokens.len() { id } else { self.unknown }
    }

    fn encode_chars(&self, text: &str, out: &mut Vec<u32>) {
        let mut buffer = [0; 4];
        out.extend(text.chars().map(|c| {
            let token = if c == ' ' { DELIMITER } else { c.encode_utf8(&mut buffer) };
            self.ids.get(token).copied().unwrap_or(self.unknown)
        }));
    }

    /// Cuts `text` at every literal, leftmost first, the longest where several begin at one place.
    fn split<'a>(&'a self, text: &'a str) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        let (mut start, mut at) = (0, 0);
        while let Some(c) = text[at..].chars().next() {
            let Some(literal) = self.literal_at(&text[at..]) else {
                at += c.len_utf8();
                continue;
            };
            if start < at {
                pieces.push(Piece::Text(&text[start..at]));
            }
            pieces.push(Piece::Literal(literal));
            at += literal.text.len();
            start = at;
        }
        if start < text.len() {
            pieces.push(Piece::Text(&text[start..]));
        }
        pieces
    }

    fn literal_at(&self, text: &str) -> Option<&Literal> {
        self.literals
            .iter()
            .filter(|literal| text.starts_with(&literal.text))
            .max_by_key(|literal| literal.text.len())
    }
}

fn tokens_by_id(path: &Path, json: &str) -> Result<Vec<String>, TextError> {
    let not_a_vocabulary = |detail: String| TextError::NotAVocabulary { path: path.to_owned(), detail };
    let map: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(json).map_err(|error| not_a_vocabulary(error.to_string()))?;
    if map.is_empty() {
        return Err(not_a_vocabulary("it is empty".to_owned()));
    }
    let count = map.len();
    let bad_ids = |detail: String| TextError::Ids { path: path.to_owned(), tokens: count, detail };
    let mut tokens: Vec<Option<String>> = vec![None; count];
    for (token, id) in map {
        let place = id
            .as_u64()
            .and_then(|id| tokens.get_mut(usize::try_from(id).ok()?))
            .ok_or_else(|| bad_ids(format!("`{token}` has {id}")))?;
        if let Some(other) = place.replace(token.clone()) {
            return Err(bad_ids(format!("`{other}` and `{token}` both have {id}")));
        }
    }
    // As many ids as tokens, all in range and all different: none is missing.
    Ok(tokens.into_iter().flatten().collect())
}

fn literals(tokens: &[String], in_file: usize) -> Vec<Literal> {
    (0..)
        .zip(tokens)
        .filter(|(_, token)| token.chars().count() > 1)
        .map(|(id, token)| Literal { text: token.clone(), id, strips: (id as usize) < in_file })
        .collect()
}

/// The tokenizer's default "clean up": spaces before punctuation and English contractions go.
fn clean_up(text: &str) -> String {
    const RULES: [(&str, &str); 10] = [
        (" .", "."),
        (" ?", "?"),
        (" !", "!"),
        (" ,", ","),
        (" ' ", "'"),
        (" n't", "n't"),
        (" 'm", "'m"),
        (" 's", "'s"),
        (" 've", "'ve"),
        (" 're", "'re"),
    ];
    RULES.iter().fold(
        text.to_owned(),
        |text, (from, to)| {
            if text.contains(from) { text.replace(from, to) } else { text }
        },
    )
}
