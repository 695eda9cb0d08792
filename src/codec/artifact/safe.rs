//! Our own container: a safetensors file with the codes as `codes` [levels, frames], and the rest as JSON under `utterance` in its metadata.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::{Artifact, Codes, Dac, Fault, Kind, Metadata};

const CODES: &str = "codes";
/// One entry, because those of a map are written in any order.
const UTTERANCE: &str = "utterance";

/// What a file says of itself.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Utterance {
    codec: String,
    original_length: u64,
    sample_rate: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phonemes: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dac: Option<Dac>,
}

/// The file's bytes.
pub(super) fn bytes(artifact: &Artifact) -> Vec<u8> {
    let Artifact { kind, codes, metadata } = artifact;
    let values: Vec<u8> = codes.values().iter().flat_map(|code| code.to_le_bytes()).collect();
    let utterance = Utterance {
        codec: kind.name().to_owned(),
        original_length: metadata.original_length,
        sample_rate: metadata.sample_rate,
        text: metadata.text.clone(),
        phonemes: metadata.phonemes.clone(),
        language: metadata.language.clone(),
        dac: metadata.dac.clone(),
    };
    let said = serde_json::to_string(&utterance).unwrap_or_default();
    let notes = HashMap::from([(UTTERANCE.to_owned(), said)]);
    let shape = vec![codes.levels(), codes.frames()];
    let view = TensorView::new(Dtype::U16, shape, &values);
    // Extents and bytes fit each other: nothing can be refused.
    view.and_then(|view| safetensors::serialize([(CODES, view)], Some(notes))).unwrap_or_default()
}

/// Reads a file's bytes.
///
/// # Errors
/// It is another file, or damaged.
pub(super) fn parse(bytes: &[u8]) -> Result<Artifact, Fault> {
    let other = |error: safetensors::SafeTensorError| Fault::Safe(error.to_string());
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(other)?;
    let file = SafeTensors::deserialize(bytes).map_err(other)?;
    let notes = header.metadata().as_ref().and_then(|notes| notes.get(UTTERANCE));
    let wrong = |what: String| Fault::Value { key: UTTERANCE, what };
    let said = notes.ok_or_else(|| wrong("is missing".into()))?;
    let said: Utterance =
        serde_json::from_str(said).map_err(|error| wrong(format!("is damaged: {error}")))?;
    let kind = Kind::ALL
        .into_iter()
        .find(|kind| kind.name() == said.codec)
        .ok_or_else(|| Fault::Value { key: "codec", what: format!("is `{}`, which is none", said.codec) })?;
    let metadata = Metadata {
        original_length: said.original_length,
        sample_rate: said.sample_rate,
        text: said.text,
        phonemes: said.phonemes,
        language: said.language,
        dac: said.dac,
    };
    Ok(Artifact { kind, codes: codes(&file)?, metadata })
}

fn codes(file: &SafeTensors<'_>) -> Result<Codes, Fault> {
    let wrong = |what: String| Fault::Value { key: CODES, what };
    let view = file.tensor(CODES).map_err(|_| wrong("is missing".into()))?;
    match (view.dtype(), view.shape()) {
        (Dtype::U16, &[levels, frames]) => {
            let (values, _) = view.data().as_chunks::<2>();
            Ok(Codes::new(levels, frames, values.iter().map(|&bytes| u16::from_le_bytes(bytes)).collect()))
        }
        (dtype, shape) => Err(wrong(format!("is {dtype:?} of the shape {shape:?}, not U16 of two axes"))),
    }
}
