//! The table of classes: number, identity and name of each.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use crate::corpora::prepare::PrepareError;

const HELP: &str = "its columns are `index,mid,display_name`, its indices 0 and on, each once";

/// The classes of a table, in the order of their numbers.
#[derive(Debug)]
pub(super) struct Classes {
    /// What the lists of a prepared corpus call them.
    names: Vec<String>,
    by_id: HashMap<String, usize>,
    /// The table as it is.
    text: String,
    /// Its file's name, for messages.
    file: String,
}

impl Classes {
    /// Reads a table; `missing` is the error where there is none.
    ///
    /// # Errors
    /// It is not there, or is no table of classes.
    pub fn read(path: &Path, missing: impl FnOnce() -> PrepareError) -> Result<Self, PrepareError> {
        let bytes = fs::read(path).map_err(|_| missing())?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        Self::parse(&file, &bytes).map_err(|detail| {
            let path = path.to_owned();
            PrepareError::Source { path, detail, help: Some(HELP) }
        })
    }

    /// The same of the table's bytes; an error says what is wrong.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
        let text = text.map_err(|_| "it is not UTF-8".to_owned())?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| error.to_string())?.clone();
        let column = |name: &str| {
            let found = header.iter().position(|field| field.trim() == name);
            found.ok_or_else(|| format!("it has no column `{name}`"))
        };
        let columns = [column("index")?, column("mid")?, column("display_name")?];
        let mut rows: BTreeMap<usize, (String, String)> = BTreeMap::new();
        for record in reader.into_records() {
            let record = record.map_err(|error| error.to_string())?;
            let line = record.position().map_or(0, csv::Position::line);
            let [index, id, name] = columns.map(|at| record.get(at).unwrap_or_default().trim().to_owned());
            let number = index.parse().ok().filter(|_| !id.is_empty() && !name.is_empty());
            let number = number.ok_or_else(|| format!("line {line} is no number, identity and name"))?;
            if rows.insert(number, (id, name)).is_some() {
                return Err(format!("line {line}: there is another class {number}"));
            }
        }
        match rows.last_key_value() {
            None => Err("it has no class".to_owned()),
            Some((&last, _)) if last.checked_add(1) != Some(rows.len()) => {
                Err(format!("the last of its {} classes has the number {last}", rows.len()))
            }
            Some(_) => Self::of(file, text, rows.into_values().collect()),
        }
    }

    fn of(file: &str, text: &str, rows: Vec<(String, String)>) -> Result<Self, String> {
        let plain: Vec<String> = rows.iter().map(|(_, name)| plain(name)).collect();
        let mut seen = BTreeSet::new();
        let twice: BTreeSet<&String> = plain.iter().filter(|name| !seen.insert(*name)).collect();
        let names = rows.iter().zip(&plain).map(|((id, _), name)| match twice.contains(name) {
            true => format!("{name} ({id})"),
            false => name.clone(),
        });
        let names = names.collect();
        let by_id: HashMap<String, usize> = rows.into_iter().map(|(id, _)| id).zip(0..).collect();
        match by_id.len() == plain.len() {
            true => Ok(Self { names, by_id, text: text.to_owned(), file: file.to_owned() }),
            false => Err("an identity stands for two classes".to_owned()),
        }
    }

    /// Names, in the order of the classes' numbers.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The table as it was read.
    pub fn table(&self) -> &str {
        &self.text
    }

    /// Names of the classes whose identities stand in `labels`, parted by commas, each once; an error says which is unknown.
    pub fn named(&self, labels: &str) -> Result<Vec<String>, String> {
        let mut classes = Vec::new();
        for id in labels.split(',').map(str::trim).filter(|id| !id.is_empty()) {
            let class = self.by_id.get(id).ok_or_else(|| format!("`{id}` is no class of `{}`", self.file))?;
            if !classes.contains(class) {
                classes.push(*class);
            }
        }
        match classes.is_empty() {
            true => Err("it has no label".to_owned()),
            false => Ok(classes.into_iter().map(|class| self.names[class].clone()).collect()),
        }
    }
}

/// A name as a list can hold it: commas part labels there, bars the fields.
fn plain(name: &str) -> String {
    name.replace(',', ";").replace('|', "/")
}
