//! Long recordings that nobody transcribed: the music that SaShiMi is trained on, Beethoven and YouTubeMix, or anybody's.
//!
//! For: a folder of recordings of a minute or so into lists without text. Their order is the natural one (`2.wav` before `10.wav`), and the
//! split follows it, as in the authors' code: the first 88 of a hundred files are for training, the next 6 for development,
//! the last 6 for the test.
//! Not for: cutting recordings into pieces (who trains does that); a whole recording is in memory at a time. Start at [`Music`].

mod natural;

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::naming::{name_of, place_of};
use super::prepare::{Bad, Claims, Clip, Layout, List, PrepareError, Recipe, Sound, Unit, Vocabulary};
use super::{LINK, MetaFormat, Published};

const RATE_HZ: u32 = 16_000;

const PARTS: [&str; 3] = ["train", "dev", "test"];

/// The part of all files that comes before the development set, and before the test set.
const TRAIN_END: f64 = 0.88;
const DEV_END: f64 = 0.94;

/// With fewer files a part may have none.
const FEWEST_FILES: usize = 9;

/// Endings of recordings that are read here.
const ENDINGS: [&str; 4] = ["wav", "flac", "ogg", "sph"];

/// Endings of recordings that are not.
const OTHER_ENDINGS: [&str; 8] = ["mp3", "m4a", "aac", "opus", "wma", "aif", "aiff", "webm"];

const GET: &str = "`runner data fetch youtubemix` (or `beethoven`) gets what SaShiMi's authors packed; give the folder of its recordings, or of \
your own: wav, flac, ogg or sph";

const AS_WAV: &str = "turn it into wav: `ffmpeg -i FILE -ac 1 -ar 16000 FILE.wav`";

/// The verb.
pub(super) const RECIPE: Published = Published::new(
    "music",
    "Long recordings without transcripts, such as SaShiMi's Beethoven and YouTubeMix: in natural order the first 88 % of the files are for \
     training, 6 % for development, 6 % for the test. SOURCE is the folder that holds the recordings",
    &[LINK],
    |asked| Box::new(Music { source: asked.source.clone(), link: asked.has(&LINK) }),
);

/// A request to prepare a folder of recordings.
#[derive(Debug, Clone)]
pub struct Music {
    /// The folder with the recordings, at any depth.
    pub source: PathBuf,
    /// Link to the recordings instead of writing them as flac.
    pub link: bool,
}

impl Recipe for Music {
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
        let (mut recordings, mut bad) = (Vec::new(), Vec::new());
        for path in self.files()? {
            let shown = path.to_string_lossy().into_owned();
            let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
            match ending.as_deref() {
                Some(ending) if ENDINGS.contains(&ending) => recordings.push(shown),
                Some(ending) if OTHER_ENDINGS.contains(&ending) => {
                    bad.push(Bad::file(shown, 1, format!("`.{ending}` is not read here; {AS_WAV}")));
                }
                _ => {}
            }
        }
        if recordings.is_empty() && bad.is_empty() {
            return Err(self.missing("no recordings in it (.wav, .flac, .ogg, .sph)".to_owned()));
        }
        if (1..FEWEST_FILES).contains(&recordings.len()) {
            return Err(self.too_few(recordings.len()));
        }
        recordings.sort_by(|one, other| natural::order(one, other));
        let count = recordings.len();
        let units = (0..).zip(&recordings).filter_map(|(at, path)| self.unit(path, part(at, count)));
        Ok(self.over(units.collect(), bad))
    }
}

impl Music {
    fn missing(&self, detail: String) -> PrepareError {
        PrepareError::SourceMissing { corpus: "music", source_dir: self.source.clone(), detail, get: GET }
    }

    fn too_few(&self, count: usize) -> PrepareError {
        PrepareError::Source {
            path: self.source.clone(),
            detail: format!(
                "{count} recordings cannot be parted by file into 88, 6 and 6 of a hundred; {FEWEST_FILES} or more can"
            ),
            help: Some(
                "cut long recordings into files of a minute: `ffmpeg -i FILE -f segment -segment_time 60 -ac 1 -ar 16000 out%04d.wav`",
            ),
        }
    }

    /// All files below the source that are not hidden, as paths from there. Links to folders are not followed.
    fn files(&self) -> Result<Vec<PathBuf>, PrepareError> {
        if !self.source.is_dir() {
            return Err(self.missing("it is no folder".to_owned()));
        }
        let mut files = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let dir = self.source.join(&folder);
            let entries =
                fs::read_dir(&dir).map_err(|source| PrepareError::Io { doing: "read", path: dir, source })?;
            let hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
            for entry in entries.flatten().filter(|entry| !hidden(&entry.file_name())) {
                let path = folder.join(entry.file_name());
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    _ => files.push(path),
                }
            }
        }
        Ok(files)
    }

    /// Its name is never empty: files that are hidden or without an ending are left out before.
    fn unit(&self, path: &str, part: usize) -> Option<Unit> {
        let name = name_of(Path::new(path))?;
        let clip = Clip {
            place: place_of(&name),
            name,
            part,
            span: None,
            text: String::new(),
            raw_text: None,
            labels: Vec::new(),
            line: None,
        };
        Some(Unit { sound: Sound::File(self.source.join(path)), named_by: None, clips: vec![clip] })
    }

    fn over(&self, units: Vec<Unit>, bad: Vec<Bad>) -> Layout {
        let list = |part: usize| List {
            file: format!("meta.{}.txt", PARTS[part]),
            format: MetaFormat::Nlt,
            parts: vec![part],
            raw: false,
            language: "und",
        };
        Layout {
            root: self.source.clone(),
            rate_hz: RATE_HZ,
            link: self.link,
            units,
            parts: PARTS.to_vec(),
            lists: (0..PARTS.len()).map(list).collect(),
            heads: Vec::new(),
            vocabulary: Vocabulary::OfTexts,
            extra: Vec::new(),
            bad,
            left_out: Vec::new(),
            claims: Claims::default(),
        }
    }
}

/// The part of file `at` of `count`. Shares become numbers of files as the authors' code makes them: in f64, rounded down.
fn part(at: usize, count: usize) -> usize {
    let end = |share: f64| (share * count as f64) as usize;
    usize::from(at >= end(TRAIN_END)) + usize::from(at >= end(DEV_END))
}
