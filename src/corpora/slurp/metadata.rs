//! SLURP's metadata: one JSON object a line, with the recordings of a sentence.

use serde::Deserialize;

/// A sentence as SLURP describes it; other fields are not needed.
#[derive(Debug, Deserialize)]
pub(super) struct Sentence {
    pub sentence: String,
    pub scenario: String,
    pub action: String,
    pub recordings: Vec<Recording>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Recording {
    /// A file's name, without folders.
    pub file: String,
}

/// Reads the lines: with its number from 1 each sentence, or why it cannot be used.
pub(super) fn parse(bytes: &[u8]) -> impl Iterator<Item = (u64, Result<Sentence, String>)> {
    (1..)
        .zip(bytes.split(|&byte| byte == b'\n'))
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(number, line)| (number, sentence(line)))
}

fn sentence(line: &[u8]) -> Result<Sentence, String> {
    let sentence: Sentence =
        serde_json::from_slice(line).map_err(|error| format!("it is no sentence of SLURP: {error}"))?;
    for (what, label) in [("scenario", &sentence.scenario), ("action", &sentence.action)] {
        if label.is_empty() || label.contains(['|', ',', '\n', '\t']) {
            return Err(format!("`{label}` is no {what} that a list can hold"));
        }
    }
    match sentence.recordings.iter().find(|recording| !is_file_name(&recording.file)) {
        Some(recording) => Err(format!("`{}` is no file name", recording.file)),
        None => Ok(sentence),
    }
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('/') && name != "." && name != ".."
}
