//! All rows of a data set, checked, without their sounds.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::Schema;
use serde_json::Value;

use super::columns::{Cell, Columns, Labels};
use super::files::{Files, Shard};
use super::problem::SAME_NAME;
use super::{CellProblem, DatasetError, DatasetRequest, TextSource, features, shard};
use crate::audio::{self, Format};
use crate::corpora::Split;
use crate::corpora::categories::UNLABELLED;
use crate::corpora::naming;
use crate::corpora::prepare::Sound;
use crate::text::collapse_spaces;

/// Parts of a path that name an utterance: speaker, video and clip in VoxCeleb1.
const NAMING_PARTS: usize = 3;

/// One utterance to be.
#[derive(Debug)]
pub(super) struct Row {
    /// Which of the wanted shards it is in.
    pub shard: usize,
    /// Its place in the shard.
    pub row: usize,
    pub sound: Sound,
    pub name: String,
    pub text: String,
    pub labels: Vec<String>,
    pub split: Split,
}

/// The rows, and the class names of every head.
pub(super) struct Listing {
    pub rows: Vec<Row>,
    pub classes: Vec<Vec<String>>,
}

/// Reads all rows of `shards`, or every problem with them.
pub(super) fn read(
    request: &DatasetRequest,
    files: &Files,
    shards: &[(&Shard, Split)],
) -> Result<Listing, DatasetError> {
    let mut check = Check {
        request,
        info: files.info.as_ref(),
        known: Vec::new(),
        rows: Vec::new(),
        problems: Vec::new(),
        names: HashMap::new(),
    };
    for (at, (shard, split)) in shards.iter().enumerate() {
        check.shard(at, shard, *split)?;
    }
    if !check.problems.is_empty() {
        return Err(DatasetError::Cells { problems: check.problems });
    }
    if check.rows.is_empty() {
        return Err(DatasetError::unreadable(&request.from, "it has no rows"));
    }
    if files.counted {
        check.counts(shards)?;
    }
    let classes = check.classes();
    Ok(Listing { rows: check.rows, classes })
}

/// The columns that are read.
fn wanted_columns(request: &DatasetRequest) -> Vec<&str> {
    let text = match &request.text {
        TextSource::Column(column) => Some(column),
        TextSource::Constant(_) => None,
    };
    let columns = std::iter::once(&request.audio).chain(&request.name).chain(text).chain(&request.labels);
    let distinct: BTreeSet<&str> = columns.map(String::as_str).collect();
    distinct.into_iter().collect()
}

/// Where the sound of a row with a mere path is: below the data set's folder, or from the working directory.
fn audio_path(request: &DatasetRequest, path: &str) -> Option<PathBuf> {
    [request.from.join(path), PathBuf::from(path)].into_iter().find(|path| path.is_file())
}

struct Check<'a> {
    request: &'a DatasetRequest,
    info: Option<&'a Value>,
    /// Class names of every label column; `None` where it is no column of class labels.
    known: Vec<Option<Vec<String>>>,
    rows: Vec<Row>,
    problems: Vec<CellProblem>,
    /// Shard and row that used a name first.
    names: HashMap<String, (PathBuf, usize)>,
}

/// Where a row is, for the sentences about it.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a Arc<Path>,
    row: usize,
}

/// Where a batch is.
struct Origin {
    /// Which of the wanted shards it is in.
    shard: usize,
    path: Arc<Path>,
    split: Split,
    /// Rows of the shard before the batch.
    first: usize,
}

impl Check<'_> {
    fn shard(&mut self, at: usize, shard: &Shard, split: Split) -> Result<(), DatasetError> {
        let path = &*shard.path;
        let mut reader = shard::Reader::open(path, &wanted_columns(self.request))?;
        self.name_classes(path, &reader.schema, at == 0)?;
        let mut origin = Origin { shard: at, path: Arc::from(path), split, first: 0 };
        while let Some(batch) = reader.next(path)? {
            self.batch(&Columns { batch: &batch, path }, &origin)?;
            origin.first += batch.num_rows();
        }
        Ok(())
    }

    /// Takes the class names of the first shard, and holds the others to them.
    fn name_classes(&mut self, path: &Path, schema: &Schema, is_first: bool) -> Result<(), DatasetError> {
        for (head, column) in self.request.labels.iter().enumerate() {
            let names = features::class_names(schema, self.info, column);
            if let Some(twice) = names.as_deref().and_then(twice) {
                let what = format!("its column `{column}` has two classes called `{twice}`");
                return Err(DatasetError::unreadable(path, what));
            }
            if is_first {
                self.known.push(names);
            } else if names != self.known[head] {
                let what = format!("its classes of `{column}` are not those of the first shard");
                return Err(DatasetError::unreadable(path, what));
            }
        }
        Ok(())
    }

    fn batch(&mut self, columns: &Columns, origin: &Origin) -> Result<(), DatasetError> {
        let request = self.request;
        let sounds = columns.sounds(&request.audio)?;
        let names = request.name.as_ref().map(|column| columns.strings(column)).transpose()?;
        let texts = match &request.text {
            TextSource::Column(column) => Some(columns.strings(column)?),
            TextSource::Constant(_) => None,
        };
        let labels: Vec<Labels> =
            request.labels.iter().map(|column| columns.labels(column)).collect::<Result<_, _>>()?;
        for at in 0..columns.batch.num_rows() {
            let place = Place { path: &origin.path, row: origin.first + at };
            let path = names.map_or_else(|| sounds.path(at), |names| names.at(at));
            let sound = self.sound(place, sounds.at(at));
            let name = self.name(place, path);
            let text = self.text(place, texts.map(|texts| texts.at(at)));
            let labels: Vec<Option<String>> =
                (0..).zip(&labels).map(|(head, labels)| self.label(place, head, labels, at)).collect();
            let labels = labels.into_iter().collect::<Option<Vec<String>>>();
            if let (Some(sound), Some(name), Some(text), Some(labels)) = (sound, name, text, labels) {
                let (shard, row, split) = (origin.shard, place.row, origin.split);
                self.rows.push(Row { shard, row, sound, name, text, labels, split });
            }
        }
        Ok(())
    }

    fn problem<T>(&mut self, place: Place, column: &str, what: impl Into<String>) -> Option<T> {
        let (path, column) = (place.path.to_path_buf(), column.to_owned());
        self.problems.push(CellProblem { path, row: place.row, column, what: what.into() });
        None
    }

    fn sound(&mut self, place: Place, cell: Cell) -> Option<Sound> {
        let what = match cell {
            Cell::Bytes(bytes) if !bytes.is_empty() => {
                return Some(Sound::Row {
                    file: Arc::clone(place.path),
                    row: place.row as u64,
                    bytes: bytes.len() as u64,
                    format: Format::of(bytes),
                });
            }
            Cell::Bytes(_) => "the sound is empty".to_owned(),
            Cell::Absent => "there is no sound".to_owned(),
            Cell::Path(path) => match audio_path(self.request, path) {
                None => format!("there is no audio at `{path}`"),
                // Headers only: cheap, and it finds most files that could not be decoded later.
                Some(found) => match audio::facts(&found) {
                    Ok(_) => return Some(Sound::File(found)),
                    Err(error) => error.to_string(),
                },
            },
        };
        self.problem(place, &self.request.audio, what)
    }

    fn name(&mut self, place: Place, path: Option<&str>) -> Option<String> {
        let column = self.request.name.as_ref().unwrap_or(&self.request.audio);
        let Some(path) = path else {
            return self.problem(place, column, "there is no path to name the utterance after");
        };
        let Some(name) = name_of(path) else {
            return self.problem(place, column, format!("`{path}` does not name a file"));
        };
        match self.names.get(&name) {
            None => {
                self.names.insert(name.clone(), (place.path.to_path_buf(), place.row));
                Some(name)
            }
            Some((first, row)) => {
                let what =
                    format!("row {row} of `{}` has the same name: `{name}` {SAME_NAME}", first.display());
                self.problem(place, column, what)
            }
        }
    }

    fn text(&mut self, place: Place, cell: Option<Option<&str>>) -> Option<String> {
        let (column, text) = match (&self.request.text, cell) {
            (TextSource::Constant(text), _) => ("text", text.as_str()),
            (TextSource::Column(column), Some(Some(text))) => (column.as_str(), text),
            (TextSource::Column(column), _) => return self.problem(place, column, "there is no text"),
        };
        let text = collapse_spaces(text);
        if text.contains('|') {
            return self.problem(
                place,
                column,
                "it contains `|`, which parts the fields of a prepared corpus",
            );
        }
        Some(if self.request.lowercase { text.to_lowercase() } else { text })
    }

    fn label(&mut self, place: Place, head: usize, labels: &Labels, at: usize) -> Option<String> {
        let request = self.request;
        let column = &request.labels[head];
        let name = match labels {
            Labels::Names(names) => names.at(at).map(collapse_spaces),
            Labels::Numbers(numbers) => match (numbers[at], self.known[head].as_ref()) {
                (None | Some(-1), Some(_)) | (None, None) => None,
                (Some(number), None) => Some(number.to_string()),
                (Some(number), Some(names)) => {
                    let name = usize::try_from(number).ok().and_then(|class| names.get(class));
                    let Some(name) = name else {
                        let what = format!("there is no class {number}; the data set names {}", names.len());
                        return self.problem(place, column, what);
                    };
                    Some(collapse_spaces(name))
                }
            },
        };
        match name {
            None => Some(UNLABELLED.to_owned()),
            Some(name) if name.is_empty() => self.problem(place, column, "the label is empty"),
            Some(name) if name.contains([',', '|']) => self.problem(
                place,
                column,
                format!("the label `{name}` contains `,` or `|`, which part fields of a prepared corpus"),
            ),
            Some(name) => Some(name),
        }
    }

    /// Holds the rows of every split to what the data set says of itself.
    fn counts(&self, shards: &[(&Shard, Split)]) -> Result<(), DatasetError> {
        let splits: BTreeSet<&str> = shards.iter().map(|(shard, _)| shard.split.as_str()).collect();
        for split in splits {
            let found = self.rows.iter().filter(|row| shards[row.shard].0.split == split).count() as u64;
            let listed = self.info.and_then(|info| info["splits"][split]["num_examples"].as_u64());
            if let Some(listed) = listed.filter(|&listed| listed != found) {
                let dir = self.request.from.clone();
                return Err(DatasetError::Rows { dir, split: split.to_owned(), listed, found });
            }
        }
        Ok(())
    }

    /// The class names of every head: all that the data set names, in its order, or else those that occur, sorted.
    fn classes(&self) -> Vec<Vec<String>> {
        let head = |(head, known): (usize, &Option<Vec<String>>)| match known {
            Some(names) => names.iter().map(|name| collapse_spaces(name)).collect(),
            None => {
                let names = self.rows.iter().map(|row| row.labels[head].as_str());
                let distinct: BTreeSet<&str> = names.filter(|name| *name != UNLABELLED).collect();
                distinct.into_iter().map(str::to_owned).collect()
            }
        };
        self.known.iter().enumerate().map(head).collect()
    }
}

/// A class name that another class has too, as a list of labels has it.
fn twice(names: &[String]) -> Option<String> {
    let mut seen = BTreeSet::new();
    names.iter().map(|name| collapse_spaces(name)).find(|name| !seen.insert(name.clone()))
}

/// The last components of a path, joined by `_`, without the ending.
fn name_of(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    let last = &parts[parts.len().saturating_sub(NAMING_PARTS)..];
    naming::name_of(Path::new(&last.join("/")))
}
