//! Reading and checking a transcript table.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{RowProblem, Split, TableError, TableRequest};
use crate::audio;
use crate::corpora::naming::name_of;
use crate::text::collapse_spaces;

/// Endings tried after a path as written, since many tables name recordings without one.
const ENDINGS: [&str; 5] = ["", ".wav", ".flac", ".ogg", ".sph"];

/// One utterance to be.
#[derive(Debug)]
pub(super) struct Row {
    /// Line of the table.
    pub line: u64,
    /// Name in the prepared corpus.
    pub name: String,
    pub audio: PathBuf,
    pub text: String,
    pub labels: Vec<String>,
    pub split: Option<Split>,
}

/// Where the columns are.
struct Columns {
    path: usize,
    text: usize,
    labels: Option<usize>,
    split: Option<usize>,
}

/// Every row of the table, or every problem with it.
pub(super) fn read(request: &TableRequest) -> Result<Vec<Row>, TableError> {
    let path = &request.table;
    let bytes = std::fs::read(path).map_err(|source| TableError::Io { path: path.clone(), source })?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let records = records(path, bytes)?;
    let Some(((_, first), rest)) = records.split_first() else {
        return Err(TableError::table(path, "it has no rows"));
    };
    let (columns, records) = match Columns::from_header(first) {
        Some(columns) => (columns, rest),
        None => (Columns::without_header(path, first)?, &records[..]),
    };
    if records.is_empty() {
        return Err(TableError::table(path, "it has a header, but no rows"));
    }
    check(request, &columns, records)
}

/// A field, trimmed; `None` where it is not UTF-8.
type Field = Option<String>;

/// Line and fields of a row.
type Record = (u64, Vec<Field>);

fn records(path: &Path, bytes: &[u8]) -> Result<Vec<Record>, TableError> {
    let separator = separator(bytes)
        .ok_or_else(|| TableError::table(path, "its first line has neither a tab, nor `|`, nor a comma"))?;
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .flexible(true)
        // Only commas come with quotes around them; elsewhere a quote is a quote, often a lone one.
        .quoting(separator == b',')
        .from_reader(bytes);
    reader
        .byte_records()
        .map(|record| {
            let record = record.map_err(|error| TableError::table(path, error.to_string()))?;
            let line = record.position().map_or(0, csv::Position::line);
            let field = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(|text| text.trim().to_owned());
            Ok((line, record.iter().map(field).collect()))
        })
        .collect()
}

/// The separator of the first line: a comma may well stand in a transcript, a tab or a bar hardly ever.
fn separator(bytes: &[u8]) -> Option<u8> {
    let first = bytes.split(|&byte| byte == b'\n').next()?;
    [b'\t', b'|', b','].into_iter().find(|separator| first.contains(separator))
}

impl Columns {
    fn from_header(fields: &[Field]) -> Option<Self> {
        let find = |name: &str| {
            fields
                .iter()
                .position(|field| field.as_ref().is_some_and(|field| field.eq_ignore_ascii_case(name)))
        };
        Some(Self { path: find("path")?, text: find("text")?, labels: find("labels"), split: find("split") })
    }

    fn without_header(path: &Path, fields: &[Field]) -> Result<Self, TableError> {
        if fields.len() == 2 {
            return Ok(Self { path: 0, text: 1, labels: None, split: None });
        }
        Err(TableError::table(
            path,
            format!(
                "its first line has {} fields but names no columns `path` and `text`; without a header a row is a path and a text",
                fields.len()
            ),
        ))
    }
}

/// Problems are collected, not returned one at a time: a table of thousands of rows is mended in one go.
struct Check<'a> {
    request: &'a TableRequest,
    columns: &'a Columns,
    problems: Vec<RowProblem>,
    /// Line that used a name first.
    names: HashMap<String, u64>,
}

fn check(request: &TableRequest, columns: &Columns, records: &[Record]) -> Result<Vec<Row>, TableError> {
    let mut check = Check { request, columns, problems: Vec::new(), names: HashMap::new() };
    let rows: Vec<Row> = records.iter().filter_map(|(line, fields)| check.row(*line, fields)).collect();
    check.same_number_of_labels(&rows);
    match check.problems.is_empty() {
        true => Ok(rows),
        false => Err(TableError::Rows { path: request.table.clone(), problems: check.problems }),
    }
}

impl Check<'_> {
    fn problem<T>(&mut self, line: u64, column: &'static str, what: impl Into<String>) -> Option<T> {
        self.problems.push(RowProblem { line, column, what: what.into() });
        None
    }

    /// The row, if nothing is wrong with it; every column is looked at all the same.
    fn row(&mut self, line: u64, fields: &[Field]) -> Option<Row> {
        let columns = self.columns;
        let path = self.field(line, "path", fields, columns.path);
        let audio = path.as_ref().and_then(|path| self.audio(line, path));
        let name = path.as_ref().and_then(|path| self.name(line, path));
        let text = self.field(line, "text", fields, columns.text).and_then(|text| self.text(line, &text));
        let labels = match columns.labels {
            None => Some(Vec::new()),
            Some(at) => self.field(line, "labels", fields, at).and_then(|labels| self.labels(line, &labels)),
        };
        let split = match columns.split {
            None => Some(None),
            Some(at) => self.field(line, "split", fields, at).and_then(|split| self.split(line, &split)),
        };
        Some(Row { line, name: name?, audio: audio?, text: text?, labels: labels?, split: split? })
    }

    fn field(&mut self, line: u64, column: &'static str, fields: &[Field], at: usize) -> Option<String> {
        match fields.get(at) {
            None => self.problem(line, column, format!("the row has only {} fields", fields.len())),
            Some(None) => self.problem(line, column, "it is not UTF-8"),
            Some(Some(field)) if field.is_empty() => self.problem(line, column, "it is empty"),
            Some(Some(field)) => Some(field.clone()),
        }
    }

    fn audio(&mut self, line: u64, path: &str) -> Option<PathBuf> {
        let whole = self.request.audio_dir.join(path);
        let found =
            ENDINGS.iter().map(|ending| with_ending(&whole, ending)).find(|candidate| candidate.is_file());
        let Some(found) = found else {
            return self.problem(line, "path", format!("there is no audio at `{}`", whole.display()));
        };
        // Headers only: cheap, and it finds most files that could not be decoded later.
        match audio::facts(&found) {
            Ok(_) => Some(found),
            Err(error) => self.problem(line, "path", error.to_string()),
        }
    }

    fn name(&mut self, line: u64, path: &str) -> Option<String> {
        let path = Path::new(path);
        let Some(name) = name_of(path.strip_prefix(&self.request.audio_dir).unwrap_or(path)) else {
            return self.problem(line, "path", format!("`{}` does not name a file", path.display()));
        };
        match self.names.insert(name.clone(), line) {
            None => Some(name),
            Some(first) => {
                self.names.insert(name.clone(), first);
                self.problem(line, "path", format!("line {first} has the same utterance, `{name}`"))
            }
        }
    }

    fn text(&mut self, line: u64, text: &str) -> Option<String> {
        let text = collapse_spaces(text);
        if text.contains('|') {
            return self.problem(
                line,
                "text",
                "it contains `|`, which parts the fields of a prepared corpus",
            );
        }
        Some(if self.request.lowercase { text.to_lowercase() } else { text })
    }

    fn labels(&mut self, line: u64, labels: &str) -> Option<Vec<String>> {
        let labels: Vec<String> = labels.split(',').map(collapse_spaces).collect();
        if labels.iter().any(String::is_empty) {
            return self.problem(line, "labels", "a label is empty");
        }
        if labels.iter().any(|label| label.contains('|')) {
            return self.problem(line, "labels", "a label contains `|`");
        }
        Some(labels)
    }

    fn split(&mut self, line: u64, split: &str) -> Option<Option<Split>> {
        match split.parse() {
            Ok(split) => Some(Some(split)),
            Err(what) => self.problem(line, "split", what),
        }
    }

    fn same_number_of_labels(&mut self, rows: &[Row]) {
        let Some(first) = rows.first() else { return };
        let (line, wanted) = (first.line, first.labels.len());
        for row in rows.iter().filter(|row| row.labels.len() != wanted) {
            let what = format!("it has {} labels, line {line} has {wanted}", row.labels.len());
            self.problems.push(RowProblem { line: row.line, column: "labels", what });
        }
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut whole = path.as_os_str().to_owned();
    whole.push(ending);
    whole.into()
}
