//! A chapter: its transcripts and its recordings.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::corpora::prepare::{Bad, Clip, Layout, Line, PrepareError, Sound, Unit};

/// A chapter read by a speaker.
pub(super) struct Chapter<'a> {
    /// The portion, an index into the layout's parts.
    pub part: usize,
    pub speaker: &'a str,
    pub chapter: &'a str,
    pub dir: PathBuf,
}

impl Chapter<'_> {
    /// Its utterances into the layout, and what cannot be used.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn add(&self, layout: &mut Layout) -> Result<(), PrepareError> {
        let mut there = self.recordings()?;
        let path = self.dir.join(format!("{}-{}.trans.txt", self.speaker, self.chapter));
        let file = layout.shown(&path);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let reason = format!("the transcripts of its folder cannot be read: {error}");
                layout.bad.push(Bad::file(file, there.len(), reason));
                return Ok(());
            }
        };
        for (number, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
            if line.trim_ascii().is_empty() {
                continue;
            }
            match self.parse(line) {
                Ok((id, text)) if there.remove(id) => {
                    layout.units.push(self.unit(id, text, Line { file: file.clone(), number }));
                }
                Ok((id, _)) => {
                    layout.claims.absent += 1;
                    layout.bad.push(Bad::line(&file, number, format!("there is no `{id}.flac` beside it")));
                }
                Err(why) => layout.bad.push(Bad::line(&file, number, why)),
            }
        }
        for id in there {
            let recording = layout.shown(&self.dir.join(format!("{id}.flac")));
            layout.bad.push(Bad::file(recording, 1, format!("`{file}` has no line with what is said in it")));
        }
        Ok(())
    }

    /// Names of the recordings in its folder, without their ending.
    fn recordings(&self) -> Result<BTreeSet<String>, PrepareError> {
        let entries = fs::read_dir(&self.dir).map_err(|source| PrepareError::Io {
            doing: "read",
            path: self.dir.clone(),
            source,
        })?;
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        // A hidden file is what an archiver leaves beside a recording.
        let names = names.filter(|name| !name.starts_with('.'));
        Ok(names.filter_map(|name| Some(name.strip_suffix(".flac")?.to_owned())).collect())
    }

    /// Identifier and text of a line: `84-121123-0000 GO DO YOU HEAR`.
    fn parse<'l>(&self, line: &'l [u8]) -> Result<(&'l str, &'l str), String> {
        let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?.trim();
        let (id, text) =
            line.split_once(' ').ok_or_else(|| format!("`{line}` is not an identifier and a text"))?;
        let own = format!("{}-{}-", self.speaker, self.chapter);
        match id.strip_prefix(&own) {
            Some(number) if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => {
                Ok((id, text.trim()))
            }
            _ => Err(format!("`{id}` is no utterance of this chapter, `{own}0000` and on")),
        }
    }

    fn unit(&self, id: &str, text: &str, line: Line) -> Unit {
        // Readers look for a clip in the folder called like its name up to the last `_`.
        let name = id.replace('-', "_");
        Unit {
            sound: Sound::File(self.dir.join(format!("{id}.flac"))),
            named_by: Some(format!("{}:{}", line.file, line.number)),
            clips: vec![Clip {
                place: format!("{}_{}/{name}", self.speaker, self.chapter),
                name,
                part: self.part,
                span: None,
                text: text.to_lowercase(),
                raw_text: None,
                labels: Vec::new(),
                line: Some(line),
            }],
        }
    }
}
