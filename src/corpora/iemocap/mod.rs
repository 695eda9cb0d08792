//! IEMOCAP as SUPERB uses it: which of four emotions a sentence is spoken with, each of five sessions held out in turn.
//!
//! For: the evaluations and the sentences of `Session1` … `Session5` into lists for every held-out session over one set of
//! sounds. Excitement counts as happiness; other emotions, and sentences that raters did not agree on, are left out.
//! Not for: valence and arousal, transcripts, video. Start at [`Iemocap`].

mod evaluation;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde_json::json;

use super::prepare::{
    Bad, Claims, Clip, Head, Layout, Line, List, PrepareError, PublishedCounts, Recipe, Sound, Unit,
    Vocabulary,
};
use super::{LINK, MetaFormat, Published};
use evaluation::Rated;

const RATE_HZ: u32 = 16_000;

const SESSIONS: usize = 5;

/// Classes, in SUPERB's order.
const EMOTIONS: [&str; 4] = ["neu", "hap", "ang", "sad"];

/// Every fifth sentence of a session is for development where the session is trained on: SUPERB's share.
const DEV_EVERY: usize = 5;

/// Two of each session: what trains, and every fifth sentence.
const PARTS: [&str; 2 * SESSIONS] = [
    "session1",
    "session1.fifth",
    "session2",
    "session2.fifth",
    "session3",
    "session3.fifth",
    "session4",
    "session4.fifth",
    "session5",
    "session5.fifth",
];

/// Sentences of each session with one of the four emotions, as SUPERB's lists have them: 5,531.
const SENTENCES: [usize; SESSIONS] = [1_085, 1_023, 1_151, 1_031, 1_241];

const CAVEAT: &str = "`meta.dev.sessionN.txt` has every fifth sentence of the other four sessions, in the order of their names, and \
`meta.train.sessionN.txt` the rest; SUPERB draws its fifth by lot";

const GET: &str = "IEMOCAP is had by agreement at https://sail.usc.edu/iemocap/iemocap_release.htm: unpack it and give the folder that holds \
`Session1` to `Session5`";

/// The verb.
pub(super) const RECIPE: Published = Published::new(
    "iemocap",
    "IEMOCAP: which of four emotions it is (neu, hap with exc, ang, sad), as SUPERB has it, with lists for each of five held-out sessions. \
     SOURCE is the folder that holds `Session1` to `Session5`",
    &[LINK],
    |asked| Box::new(Iemocap { source: asked.source.clone(), link: asked.has(&LINK) }),
);

/// A request to prepare IEMOCAP.
#[derive(Debug, Clone)]
pub struct Iemocap {
    /// The folder with the sessions.
    pub source: PathBuf,
    /// Link to the recordings instead of writing them as flac.
    pub link: bool,
}

impl Recipe for Iemocap {
    fn name(&self) -> &'static str {
        RECIPE.name
    }

    fn source(&self) -> &Path {
        &self.source
    }

    fn options(&self) -> serde_json::Value {
        json!({"link": self.link})
    }

    fn layout(&self) -> Result<Layout, PrepareError> {
        let mut layout = self.empty_layout();
        for session in 0..SESSIONS {
            let folder = format!("Session{}", session + 1);
            let (rated, bad) = evaluation::read(&self.source, &folder)
                .ok_or_else(|| self.missing(format!("no `{folder}/{}` in it", evaluation::FOLDER)))?;
            layout.bad.extend(bad);
            for (at, rated) in rated.into_iter().enumerate() {
                let part = 2 * session + usize::from(at % DEV_EVERY == DEV_EVERY - 1);
                match self.unit(&folder, part, rated) {
                    Ok(unit) => layout.units.push(unit),
                    Err(bad) => {
                        layout.claims.absent += 1;
                        layout.bad.push(bad);
                    }
                }
            }
        }
        Ok(layout)
    }
}

impl Iemocap {
    fn missing(&self, detail: String) -> PrepareError {
        PrepareError::SourceMissing { corpus: "IEMOCAP", source_dir: self.source.clone(), detail, get: GET }
    }

    /// The recording of a sentence.
    fn unit(&self, session: &str, part: usize, rated: Rated) -> Result<Unit, Bad> {
        let Rated { name, dialogue, emotion, line } = rated;
        let path = format!("{session}/sentences/wav/{dialogue}/{name}.wav");
        let audio = self.source.join(&path);
        if !audio.is_file() {
            return Err(Bad::line(line.file, line.number, format!("there is no `{path}`")));
        }
        Ok(Unit {
            sound: Sound::File(audio),
            named_by: Some(format!("{}:{}", line.file, line.number)),
            clips: vec![Clip {
                place: format!("{dialogue}/{name}"),
                name,
                part,
                span: None,
                text: String::new(),
                raw_text: None,
                labels: vec![emotion.to_owned()],
                line: Some(Line { file: line.file, number: line.number }),
            }],
        })
    }

    fn empty_layout(&self) -> Layout {
        let fifth = |all: usize| all / DEV_EVERY;
        let utterances = SENTENCES.iter().flat_map(|&all| [all - fifth(all), fifth(all)]).collect();
        Layout {
            root: self.source.clone(),
            rate_hz: RATE_HZ,
            link: self.link,
            units: Vec::new(),
            parts: PARTS.to_vec(),
            lists: (0..SESSIONS).flat_map(lists).collect(),
            heads: vec![Head { name: "emotion".to_owned(), classes: EMOTIONS.map(str::to_owned).to_vec() }],
            vocabulary: Vocabulary::OfTexts,
            extra: Vec::new(),
            bad: Vec::new(),
            left_out: Vec::new(),
            claims: Claims {
                absent: 0,
                nearest: Some(PublishedCounts { corpus: "IEMOCAP in SUPERB".to_owned(), utterances }),
                caveat: Some(CAVEAT.to_owned()),
            },
        }
    }
}

/// The lists of the experiment that holds out one session.
fn lists(held_out: usize) -> [List; 3] {
    let list = |kind: &str, parts: Vec<usize>| List {
        file: format!("meta.{kind}.session{}.txt", held_out + 1),
        format: MetaFormat::NltLa,
        parts,
        raw: false,
        language: "en",
    };
    let others =
        |of_two: usize| (0..SESSIONS).filter(|&session| session != held_out).map(move |at| 2 * at + of_two);
    [
        list("train", others(0).collect()),
        list("dev", others(1).collect()),
        list("test", vec![2 * held_out, 2 * held_out + 1]),
    ]
}
