//! The clips that the lists ask for, found and named.

use std::collections::{BTreeMap, HashSet};

use sha2::{Digest, Sha256};

use super::PARTS;
use super::classes::Classes;
use super::entries::{Entry, Wanted};
use super::find::{Finder, Lost, key};
use crate::corpora::prepare::{Bad, Clip, Line, PrepareError, Sound, Unit};

/// The list of a part: its name in messages, and its entries.
pub(super) type Read = (String, Vec<Entry>);

/// What came of the lists.
#[derive(Debug, Default)]
pub(super) struct Clips {
    /// Those that are there, list by list. A clip's part is the number of its list among those that there are.
    pub units: Vec<Unit>,
    /// Entries of which nothing comes.
    pub bad: Vec<Bad>,
    /// How many of these name a recording that is not there.
    pub absent: usize,
}

impl Clips {
    /// Looks for every clip of the lists, which come by part.
    ///
    /// # Errors
    /// A folder of recordings cannot be read.
    pub fn gather(
        lists: &BTreeMap<usize, Read>,
        classes: &Classes,
        mut finder: Finder,
    ) -> Result<Self, PrepareError> {
        let recurring = recurring(lists);
        let mut clips = Self::default();
        for (at, (&part, (list, entries))) in lists.iter().enumerate() {
            for (number, entry) in (0..).zip(entries) {
                let line = Line { file: list.clone(), number };
                match labelled(entry, classes) {
                    Err(why) => clips.skip(&line, why),
                    Ok((wav, labels)) => {
                        let with_folder = key(wav).is_some_and(|(_, stem)| recurring.contains(stem));
                        let (shelf, name) = named(wav, with_folder, PARTS[part]);
                        match finder.find(wav, with_folder)? {
                            Ok(audio) => {
                                clips.units.push(unit(Sound::File(audio), line, at, &shelf, name, labels));
                            }
                            Err(Lost::Absent) => {
                                clips.absent += 1;
                                clips.skip(&line, format!("there is no `{wav}`"));
                            }
                            Err(Lost::Several(count)) => {
                                clips.skip(&line, format!("{count} recordings could be `{wav}`"));
                            }
                        }
                    }
                }
            }
        }
        Ok(clips)
    }

    fn skip(&mut self, line: &Line, why: String) {
        self.bad.push(Bad::line(line.file.clone(), line.number, why));
    }
}

/// The listed path of an entry and its classes; an error says why it has none.
fn labelled<'a>(entry: &'a Entry, classes: &Classes) -> Result<(&'a str, Vec<String>), String> {
    let Wanted { wav, labels } = entry.wanted()?;
    Ok((wav, classes.named(labels)?))
}

/// File names, without endings, that the lists have in more than one folder: those alone do not say which recording is meant.
fn recurring(lists: &BTreeMap<usize, Read>) -> HashSet<&str> {
    let mut folders: BTreeMap<&str, &str> = BTreeMap::new();
    let wanted = lists.values().flat_map(|(_, entries)| entries).filter_map(|entry| entry.wanted().ok());
    let keys = wanted.filter_map(|wanted| key(wanted.wav));
    keys.filter(|&(folder, stem)| *folders.entry(stem).or_insert(folder) != folder)
        .map(|(_, stem)| stem)
        .collect()
}

/// The folder and the name of a path's clip. Readers look for a clip in the folder called like its name up to the last `_`, so the name has no other;
/// where there are millions, 256 folders share them.
fn named(wav: &str, with_folder: bool, part: &str) -> (String, String) {
    let (folder, stem) = key(wav).unwrap_or_default();
    let said = if with_folder { format!("{folder}-{stem}") } else { stem.to_owned() };
    let said = said.replace('_', "~").replace([' ', '|'], "-");
    let shelf = format!("{part}-{:02x}", Sha256::digest(&said)[0]);
    let name = format!("{shelf}_{said}");
    (shelf, name)
}

fn unit(sound: Sound, line: Line, part: usize, shelf: &str, name: String, labels: Vec<String>) -> Unit {
    Unit {
        sound,
        named_by: Some(format!("{}:{}", line.file, line.number)),
        clips: vec![Clip {
            place: format!("{shelf}/{name}"),
            name,
            part,
            span: None,
            text: String::new(),
            raw_text: None,
            labels,
            line: Some(line),
        }],
    }
}
