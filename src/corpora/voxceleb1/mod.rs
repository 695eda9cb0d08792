//! VoxCeleb1 as SUPERB uses it: whose voice is it, of 1,251 speakers.
//!
//! For: a tree of `idXXXXX/VIDEO/CLIP.wav` and the official list of splits into lists with one label. There are no
//! transcripts; every line says `123` in their place, as the published code does.
//! Not for: verification pairs, or VoxCeleb2.

#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::prepare::{
    Bad, Claims, Clip, Head, Layout, Line, List, PrepareError, Recipe, Sound, Unit, Vocabulary,
};
use super::{CorpusOption, LINK, MetaFormat, Published};

const RATE_HZ: u32 = 16_000;

/// Parts, in the order of their numbers (from 1) in the list of splits.
const PARTS: [&str; 3] = ["train", "dev", "test"];

/// Names of the list of splits: SUPERB's, and the official one; the content is the same.
const SPLIT_FILES: [&str; 2] = ["veri_test_class.txt", "iden_split.txt"];

/// Folders of speakers below the source: the two portions merged, or as they are unpacked.
const TREES: [&str; 5] = ["wav", "dev/wav", "test/wav", "vox1_dev_wav/wav", "vox1_test_wav/wav"];

/// Speakers are `id10001` to `id11251`: class 0 to 1250, whichever of them are there.
const FIRST_SPEAKER: u32 = 10_001;
const SPEAKERS: u32 = 1_251;

/// What stands in the place of a transcript.
const TEXT: &str = "123";

const GET: &str = "VoxCeleb1 is had on request at https://www.robots.ox.ac.uk/~vgg/data/voxceleb/vox1.html: unpack both portions, put \
`iden_split.txt` (https://www.robots.ox.ac.uk/~vgg/data/voxceleb/meta/iden_split.txt) beside `wav`, and give the \
folder that holds them; `--splits` names a list that lies elsewhere";

const AS_WAV: &str = "turn it into wav: `ffmpeg -i CLIP.m4a -ac 1 -ar 16000 CLIP.wav`";

const SPLITS: CorpusOption = CorpusOption::path(
    "splits",
    "FILE",
    "The list of splits [default: veri_test_class.txt or iden_split.txt in SOURCE]",
);

/// The verb.
pub(super) const RECIPE: Published = Published::new(
    "voxceleb1",
    "VoxCeleb1: whose voice it is, with SUPERB's splits. SOURCE is the folder that holds `wav`",
    &[SPLITS, LINK],
    |asked| {
        let (source, splits) = (asked.source.clone(), asked.path(&SPLITS));
        Box::new(Voxceleb1 { source, splits, link: asked.has(&LINK) })
    },
);

/// A request to prepare VoxCeleb1.
#[derive(Debug, Clone)]
pub struct Voxceleb1 {
    /// The folder with `wav/` and the list of splits.
    pub source: PathBuf,
    /// The list of splits, where it is not in the source.
    pub splits: Option<PathBuf>,
    /// Link to the recordings instead of writing them as flac.
    pub link: bool,
}

impl Recipe for Voxceleb1 {
    fn name(&self) -> &'static str {
        RECIPE.name
    }

    fn source(&self) -> &Path {
        &self.source
    }

    fn options(&self) -> serde_json::Value {
        json!({"splits": self.splits, "link": self.link})
    }

    fn layout(&self) -> Result<Layout, PrepareError> {
        let trees: Vec<PathBuf> =
            TREES.iter().map(|tree| self.source.join(tree)).filter(|tree| tree.is_dir()).collect();
        if trees.is_empty() {
            return Err(self.missing("no folder `wav` in it".to_owned()));
        }
        let (path, bytes) = self.splits()?;
        let mut layout = self.empty_layout();
        let file = layout.shown(&path);
        for (number, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
            if line.trim_ascii().is_empty() {
                continue;
            }
            match Entry::parse(line).and_then(|entry| entry.unit(&trees, &file, number)) {
                Ok(unit) => layout.units.push(unit),
                Err(why) => layout.bad.push(Bad::line(&file, number, why)),
            }
        }
        match layout.units.is_empty() && layout.bad.iter().any(|bad| bad.reason.ends_with(AS_WAV)) {
            true => Err(PrepareError::Source {
                path: self.source.clone(),
                detail: "its recordings are `.m4a`, which is not read here".to_owned(),
                help: Some(AS_WAV),
            }),
            false => Ok(layout),
        }
    }
}

impl Voxceleb1 {
    /// The list of splits and its bytes.
    fn splits(&self) -> Result<(PathBuf, Vec<u8>), PrepareError> {
        let tried: Vec<PathBuf> = match &self.splits {
            Some(told) => vec![told.clone()],
            None => SPLIT_FILES.iter().map(|file| self.source.join(file)).collect(),
        };
        let found = tried.iter().find_map(|path| Some((path.clone(), fs::read(path).ok()?)));
        found.ok_or_else(|| {
            let shown: Vec<String> = tried.iter().map(|path| format!("`{}`", path.display())).collect();
            self.missing(format!("no list of splits, {}", shown.join(" or ")))
        })
    }

    fn missing(&self, detail: String) -> PrepareError {
        PrepareError::SourceMissing { corpus: "VoxCeleb1", source_dir: self.source.clone(), detail, get: GET }
    }

    fn empty_layout(&self) -> Layout {
        let list = |part: usize| List {
            file: format!("meta.{}.txt", PARTS[part]),
            format: MetaFormat::NltLa,
            parts: vec![part],
            raw: false,
            language: "und",
        };
        let classes = (FIRST_SPEAKER..FIRST_SPEAKER + SPEAKERS).map(|number| format!("id{number}")).collect();
        Layout {
            root: self.source.clone(),
            rate_hz: RATE_HZ,
            link: self.link,
            units: Vec::new(),
            parts: PARTS.to_vec(),
            lists: (0..PARTS.len()).map(list).collect(),
            heads: vec![Head { name: "speaker".to_owned(), classes }],
            vocabulary: Vocabulary::OfTexts,
            extra: Vec::new(),
            bad: Vec::new(),
            left_out: Vec::new(),
            claims: Claims::default(),
        }
    }
}

/// A line of the list of splits: `1 id10003/na8-QEFmj44/00003.wav`.
struct Entry<'a> {
    part: usize,
    speaker: &'a str,
    video: &'a str,
    /// The clip's name without its ending.
    clip: &'a str,
}

impl<'a> Entry<'a> {
    fn parse(line: &'a [u8]) -> Result<Self, String> {
        let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?.trim();
        let (part, path) = line
            .split_once(char::is_whitespace)
            .ok_or_else(|| format!("`{line}` is not a split number and a path"))?;
        let part = match part {
            "1" => 0,
            "2" => 1,
            "3" => 2,
            _ => return Err(format!("`{part}` is not a split; 1, 2 and 3 are")),
        };
        let parts: Vec<&str> = path.trim().split('/').collect();
        let [speaker, video, file] = parts[..] else {
            return Err(format!("`{path}` is not SPEAKER/VIDEO/CLIP.wav"));
        };
        let clip =
            file.strip_suffix(".wav").ok_or_else(|| format!("`{path}` is not SPEAKER/VIDEO/CLIP.wav"))?;
        if parts.iter().any(|part| matches!(*part, "" | "." | "..")) || path.contains(['|', '\t']) {
            return Err(format!("`{path}` is not SPEAKER/VIDEO/CLIP.wav"));
        }
        let number = speaker.strip_prefix("id").and_then(|number| number.parse().ok());
        match number {
            Some(FIRST_SPEAKER..=11_251) => Ok(Self { part, speaker, video, clip }),
            _ => Err(format!("`{speaker}` is no speaker of VoxCeleb1, id10001 to id11251")),
        }
    }

    /// The recording, wherever it lies.
    fn unit(&self, trees: &[PathBuf], file: &str, number: u64) -> Result<Unit, String> {
        let Self { part, speaker, video, clip } = self;
        let at = |ending: &str| {
            let places =
                trees.iter().map(|tree| tree.join(speaker).join(video).join(format!("{clip}.{ending}")));
            places.into_iter().find(|path| path.is_file())
        };
        let Some(audio) = at("wav") else {
            return Err(match at("m4a") {
                Some(_) => format!("`{speaker}/{video}/{clip}` is there as m4a only; {AS_WAV}"),
                None => format!("there is no `{speaker}/{video}/{clip}.wav`"),
            });
        };
        let name = format!("{speaker}_{video}_{clip}");
        let clip = Clip {
            // The reader looks there for a name, also where the video's own name has `_` in it.
            place: format!("{speaker}_{video}/{name}"),
            name,
            part: *part,
            span: None,
            text: TEXT.to_owned(),
            raw_text: None,
            labels: vec![(*speaker).to_owned()],
            line: Some(Line { file: file.to_owned(), number }),
        };
        Ok(Unit { sound: Sound::File(audio), named_by: Some(format!("{file}:{number}")), clips: vec![clip] })
    }
}
