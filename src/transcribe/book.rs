//! The transcripts of a speaker's files, as one JSON object by the files' names.

use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::{Segment, TranscribeError};

/// What is said in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// Sentence by sentence.
    pub segments: Vec<Segment>,
    /// The language's English name in small letters; empty where nobody knows.
    pub language: &'static str,
    /// All of it.
    pub text: String,
    /// How long the file is.
    pub secs: f64,
}

/// Transcripts by the names of their files, endings and all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Book(Map<String, Json>);

impl Book {
    /// Reads a file of transcripts; where there is none, there are none.
    ///
    /// # Errors
    /// It cannot be read, or is no object.
    pub fn read(path: &Path) -> Result<Self, TranscribeError> {
        let damaged = |reason: &dyn std::fmt::Display| TranscribeError::Book {
            path: path.to_owned(),
            reason: reason.to_string(),
        };
        match std::fs::read(path) {
            Ok(text) => serde_json::from_slice(&text).map(Book).map_err(|error| damaged(&error)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Book::default()),
            Err(error) => Err(damaged(&error)),
        }
    }

    /// Whether the file of that name has its transcript.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes a file's transcript in.
    pub fn add(&mut self, name: &str, transcript: &Transcript) {
        let Transcript { segments, language, text, secs } = transcript;
        let segment =
            |segment: &Segment| json!({"start": segment.start, "end": segment.end, "text": segment.text});
        let segments: Vec<Json> = segments.iter().map(segment).collect();
        let entry =
            json!({"segments": segments, "language": language, "text": text, "start": 0.0, "end": secs});
        self.0.insert(name.to_owned(), entry);
    }

    /// The file, in the order of the names.
    pub fn bytes(&self) -> Vec<u8> {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by_key(|(name, _)| *name);
        let sorted: Map<String, Json> =
            entries.into_iter().map(|(name, entry)| (name.clone(), entry.clone())).collect();
        format!("{:#}\n", Json::Object(sorted)).into_bytes()
    }
}
