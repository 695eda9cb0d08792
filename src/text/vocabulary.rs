//! Making a character vocabulary from transcripts.

use std::collections::BTreeSet;

use super::tokenizer::{DELIMITER, PAD, UNKNOWN};

/// The text of a `vocab.json` for `transcripts`: `[PAD]` is 0, then every character in order, `|`, `[UNK]`.
///
/// Spaces are not characters but the delimiter `|`. The model's output layer needs two rows more than the
/// file has tokens, for `<s>` and `</s>`: [`CtcTokenizer::size`](super::CtcTokenizer::size) counts them.
pub fn vocabulary_of<'a>(transcripts: impl IntoIterator<Item = &'a str>) -> String {
    let delimiter = DELIMITER.chars().next();
    let characters: BTreeSet<char> =
        transcripts.into_iter().flat_map(str::chars).filter(|&c| c != ' ' && Some(c) != delimiter).collect();
    let characters = characters.iter().map(char::to_string);
    let tokens =
        std::iter::once(PAD.to_owned()).chain(characters).chain([DELIMITER.to_owned(), UNKNOWN.to_owned()]);
    let lines: Vec<String> = tokens
        .enumerate()
        .map(|(id, token)| format!("  {}: {id}", serde_json::Value::String(token)))
        .collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}
