//! The official lists of clips that are held out of training.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{GET, PrepareError, is_word};
use crate::corpora::prepare::Bad;

/// The lists and the part that each holds out.
const LISTS: [(&str, usize); 2] = [("validation_list.txt", 1), ("testing_list.txt", 2)];

/// A line of one of the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// The part that it belongs to.
    pub part: usize,
    /// The list.
    pub list: &'static str,
    /// The line in it, from 1.
    pub line: u64,
}

/// Clips that are held out, by their path `WORD/CLIP.wav`.
pub(super) type HeldOut = BTreeMap<String, Held>;

impl Held {
    /// The clip is not there.
    pub fn absent(self, path: &str) -> Bad {
        self.unusable(format!("there is no `{path}`"))
    }

    fn unusable(self, why: String) -> Bad {
        Bad::line(self.list, self.line, why)
    }
}

/// Both lists, of the words that are wanted, and their lines that cannot be used.
///
/// # Errors
/// One of them is not there.
pub(super) fn read(source: &Path, wants: impl Fn(&str) -> bool) -> Result<(HeldOut, Vec<Bad>), PrepareError> {
    let (mut held, mut bad) = (HeldOut::new(), Vec::new());
    for (list, part) in LISTS {
        let bytes = fs::read(source.join(list)).map_err(|_| missing(source, format!("no `{list}` in it")))?;
        for (line, bytes) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
            let entry = Held { part, list, line };
            match parse(bytes) {
                Ok(None) => {}
                Ok(Some((word, _))) if !wants(word) => {}
                Ok(Some((_, path))) => match held.get(path) {
                    // Twice in one list is once.
                    Some(first) if first.list == list => {}
                    Some(Held { list, line: first, .. }) => {
                        bad.push(entry.unusable(format!("`{path}` stands in `{list}:{first}`, too")));
                    }
                    None => _ = held.insert(path.to_owned(), entry),
                },
                Err(why) => bad.push(entry.unusable(why)),
            }
        }
    }
    Ok((held, bad))
}

/// Word and path of a line; `None` for a blank one.
fn parse(line: &[u8]) -> Result<Option<(&str, &str)>, String> {
    let path = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?.trim();
    match path.split_once('/') {
        _ if path.is_empty() => Ok(None),
        Some((word, clip)) if is_word(word) && clip.ends_with(".wav") && !clip.contains('/') => {
            Ok(Some((word, path)))
        }
        _ => Err(format!("`{path}` is not WORD/CLIP.wav")),
    }
}

/// The corpus is not there.
pub(super) fn missing(source: &Path, detail: String) -> PrepareError {
    PrepareError::SourceMissing { corpus: "Speech Commands", source_dir: source.to_owned(), detail, get: GET }
}
