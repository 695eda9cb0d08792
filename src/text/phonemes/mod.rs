//! Phonemes as tokens: 256 ids for IPA as espeak-ng writes it, with the commonest sequences merged, as audio language models of the VALL-E
//! family read it.
//!
//! The vocabulary is that of published checkpoints, so its choices are kept: many symbols share an id ([`table`]), and merges work on ids, so
//! that what shares an id merges alike. Not for: making phonemes of text (`g2p`), which is another vocabulary's matter (`CtcTokenizer`).
//! Start at [`PhonemeTokenizer`].

mod table;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use table::{BEGIN, END, FIRST_MERGE, FIRST_SYMBOL, MERGED_SYMBOL, MERGES, SPECIAL, SYMBOLS, UNKNOWN};

/// Ids that there are.
pub const PHONEME_IDS: usize = FIRST_MERGE as usize + MERGES.len();

/// The vocabulary, and the merges by the two ids that they join.
#[derive(Debug, Clone)]
pub struct PhonemeTokenizer {
    symbols: HashMap<char, u8>,
    /// The id that two ids become; lower ones are joined first.
    merges: HashMap<(u8, u8), u8>,
    /// How each id is written.
    spelling: Vec<String>,
}

impl Default for PhonemeTokenizer {
    fn default() -> Self {
        Self::new()
    }
}

impl PhonemeTokenizer {
    /// The published vocabulary.
    ///
    /// # Panics
    /// Never: the table names nothing that it has not said before, which a test holds it to.
    pub fn new() -> Self {
        let mut spelling: Vec<String> = SPECIAL.map(str::to_owned).to_vec();
        let mut symbols = HashMap::new();
        for (id, alike) in (FIRST_SYMBOL..).zip(SYMBOLS) {
            symbols.extend(alike.chars().map(|symbol| (symbol, id)));
            spelling.extend(alike.chars().next().map(String::from));
        }
        let mut named: HashMap<String, u8> =
            symbols.iter().map(|(symbol, id)| (symbol.to_string(), *id)).collect();
        let mut merges = HashMap::new();
        for (id, (left, right)) in (FIRST_MERGE..=u8::MAX).zip(MERGES) {
            merges.insert((named[left], named[right]), id);
            let name = format!("{left}{right}");
            spelling.push(name.clone());
            named.insert(name, id);
        }
        symbols.insert(MERGED_SYMBOL.0, named[MERGED_SYMBOL.1]);
        PhonemeTokenizer { symbols, merges, spelling }
    }

    /// The ids of `phonemes` between the marks of begin and end. Symbols that the vocabulary lacks become the unknown id, each its own.
    ///
    /// The four special names (`<mask>` and the like) are recognised where they stand in the text.
    pub fn encode(&self, phonemes: &str) -> Vec<u8> {
        let mut ids = vec![BEGIN];
        for part in parts(phonemes) {
            match part {
                Part::Text(text) => self.merged(text, &mut ids),
                Part::Special(id) => ids.push(id),
            }
        }
        ids.push(END);
        ids
    }

    /// The phonemes of `ids`, each id in its first spelling; begin and end are left out.
    pub fn decode(&self, ids: &[u8]) -> String {
        let said = ids.iter().filter(|id| !matches!(**id, BEGIN | END));
        said.map(|&id| self.spelling[usize::from(id)].as_str()).collect()
    }

    /// How one id is written.
    pub fn spelling(&self, id: u8) -> &str {
        &self.spelling[usize::from(id)]
    }

    /// The symbols of `phonemes` that the vocabulary lacks, in order, each once.
    pub fn unknown(&self, phonemes: &str) -> Vec<char> {
        let mut found = Vec::new();
        let texts = parts(phonemes).into_iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Special(_) => None,
        });
        for symbol in texts.flat_map(str::chars).filter(|symbol| !self.symbols.contains_key(symbol)) {
            if !found.contains(&symbol) {
                found.push(symbol);
            }
        }
        found
    }

    /// Joins neighbours in `text` as long as any two have an id in common, the lowest first and of equal ones the leftmost. A heap of
    /// candidates over a linked list: long texts cost no more than their length times its logarithm.
    fn merged(&self, text: &str, ids: &mut Vec<u8>) {
        let mut chain =
            Chain::new(text.chars().map(|symbol| self.symbols.get(&symbol).copied().unwrap_or(UNKNOWN)));
        let joined = |chain: &Chain, at: usize| self.merges.get(&chain.pair(at)?).copied();
        let mut candidates: BinaryHeap<Reverse<(u8, usize)>> =
            (0..chain.ids.len()).filter_map(|at| Some(Reverse((joined(&chain, at)?, at)))).collect();
        while let Some(Reverse((id, at))) = candidates.pop() {
            // What stood there when it was noted may have been joined with something else since.
            if joined(&chain, at) != Some(id) {
                continue;
            }
            chain.join(at, id);
            for at in [chain.before[at], at].into_iter().filter(|at| *at != NONE) {
                candidates.extend(joined(&chain, at).map(|id| Reverse((id, at))));
            }
        }
        ids.extend(chain.left());
    }
}

/// No neighbour.
const NONE: usize = usize::MAX;

/// Ids that are joined in place: who is joined to its left neighbour is taken out of the chain.
struct Chain {
    ids: Vec<u8>,
    before: Vec<usize>,
    after: Vec<usize>,
    gone: Vec<bool>,
}

impl Chain {
    fn new(ids: impl Iterator<Item = u8>) -> Self {
        let ids: Vec<u8> = ids.collect();
        let count = ids.len();
        let before = (0..count).map(|at| at.checked_sub(1).unwrap_or(NONE)).collect();
        let after = (0..count).map(|at| if at + 1 < count { at + 1 } else { NONE }).collect();
        Chain { ids, before, after, gone: vec![false; count] }
    }

    /// The id at `at` and the one behind it.
    fn pair(&self, at: usize) -> Option<(u8, u8)> {
        let after = self.after[at];
        (!self.gone[at] && after != NONE).then(|| (self.ids[at], self.ids[after]))
    }

    /// Makes `id` of `at` and its right neighbour, which there is.
    fn join(&mut self, at: usize, id: u8) {
        let taken = self.after[at];
        self.gone[taken] = true;
        self.ids[at] = id;
        self.after[at] = self.after[taken];
        if let Some(before) = self.before.get_mut(self.after[at]) {
            *before = at;
        }
    }

    fn left(&self) -> impl Iterator<Item = u8> + '_ {
        self.ids.iter().zip(&self.gone).filter(|(_, gone)| !**gone).map(|(id, _)| *id)
    }
}

/// A stretch of text between special names, or one of them.
enum Part<'a> {
    Text(&'a str),
    Special(u8),
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((at, id)) = next_special(rest) {
        parts.extend([Part::Text(&rest[..at]), Part::Special(id)]);
        rest = &rest[at + SPECIAL[usize::from(id)].len()..];
    }
    parts.push(Part::Text(rest));
    parts
}

/// Where the first special name stands, and its id.
fn next_special(text: &str) -> Option<(usize, u8)> {
    let found = (0..).zip(SPECIAL).filter_map(|(id, name)| Some((text.find(name)?, id)));
    found.min()
}
