//! The table that says of every clip its fold and its class.

use std::fs;
use std::path::Path;

use csv::StringRecord;

use super::Form;
use crate::corpora::prepare::{Bad, PrepareError};

/// A clip.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Line of the table, from 1.
    pub line: u64,
    /// The recording's name without its ending.
    pub stem: String,
    /// Which fold, from 0.
    pub fold: usize,
    pub class: &'static str,
}

/// Every clip of the table, and the lines that cannot be used.
///
/// # Errors
/// It is not there, or is no table with the columns that say so.
pub(super) fn read(form: &Form, source: &Path) -> Result<(Vec<Row>, Vec<Bad>), PrepareError> {
    let path = source.join(form.table);
    let bytes = fs::read(&path).map_err(|_| PrepareError::SourceMissing {
        corpus: form.corpus,
        source_dir: source.to_owned(),
        detail: format!("no `{}` in it", form.table),
        get: form.get,
    })?;
    parse(form, bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).map_err(|detail| {
        let help = Some("unpack the corpus again; the table comes with it");
        PrepareError::Source { path, detail, help }
    })
}

/// The same of the table's text; an error says what is wrong with it as a whole.
pub(super) fn parse(form: &Form, bytes: &[u8]) -> Result<(Vec<Row>, Vec<Bad>), String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = reader.headers().map_err(|error| error.to_string())?.clone();
    let columns = &form.columns;
    let column = |name: &str| {
        let found = header.iter().position(|field| field.trim() == name);
        found.ok_or_else(|| format!("it has no column `{name}`"))
    };
    let columns =
        [column(columns.file)?, column(columns.fold)?, column(columns.number)?, column(columns.class)?];
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    for record in reader.into_records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                bad.push(Bad::line(form.table, line, "it is not UTF-8"));
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        match row(form, line, columns.map(|column| field(&record, column))) {
            Ok(row) => rows.push(row),
            Err(why) => bad.push(Bad::line(form.table, line, why)),
        }
    }
    Ok((rows, bad))
}

/// A field without the space around it; empty where the line ends before it.
fn field(record: &StringRecord, column: usize) -> &str {
    record.get(column).unwrap_or_default().trim()
}

fn row(form: &Form, line: u64, [file, fold, number, class]: [&str; 4]) -> Result<Row, String> {
    let stem = file.strip_suffix(".wav").filter(|stem| !stem.is_empty() && !stem.contains(['/', '\\', '|']));
    let stem = stem.ok_or_else(|| format!("`{file}` is not the name of a wav file"))?;
    let folds = form.fold_sizes.len();
    let number_of_fold = fold.parse().ok().filter(|fold| (1..=folds).contains(fold));
    let fold = number_of_fold.ok_or_else(|| format!("`{fold}` is not a fold; 1 to {folds} are"))?;
    let known = number.parse().ok().and_then(|number: usize| form.classes.get(number).copied());
    match known {
        Some(known) if known == class => {
            Ok(Row { line, stem: stem.to_owned(), fold: fold - 1, class: known })
        }
        _ => Err(format!("`{class}` is not the class with the number `{number}` of {}", form.corpus)),
    }
}
