//! The files an experiment is laid over: reads a file and, first, all that it extends.
//!
//! Files come back in the order in which they are merged, lowest first. A file reached twice is read once and keeps
//! its first place, so a base shared by two bases cannot undo what the first of them changed.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::problem::{EXTENDS_CYCLE, Problem, SYNTAX, UNREADABLE};
use super::schema::Schema;
use super::source::Source;
use super::tree::Table;
use super::walk;

/// One file, parsed and checked.
pub struct File {
    /// Its text, under the name it has in messages.
    pub source: Arc<Source>,
    /// What it says.
    pub table: Table,
    /// Whether all of it could be read.
    pub sound: bool,
}

/// The experiment's file and its bases, lowest first, with everything wrong in any of them.
pub struct Files {
    /// In the order of merging: the experiment's own file is the last.
    pub files: Vec<File>,
    /// In the order of reading: the experiment's own file first.
    pub problems: Vec<Problem>,
}

/// Reads `path` and everything under it.
pub fn read(path: &Path, schema: &Schema) -> Files {
    read_with(path, schema, &text_of)
}

/// Reads `path` and everything under it, laid over `base` and everything under that.
pub fn read_over(base: &Path, path: &Path, schema: &Schema) -> Files {
    let mut reader = Reader::new(schema, &text_of);
    reader.begin(base);
    reader.begin(path);
    Files { files: reader.files, problems: reader.problems }
}

/// Reads `path` and everything under it, through `text`.
pub fn read_with(path: &Path, schema: &Schema, text: &dyn Fn(&Path) -> io::Result<String>) -> Files {
    let mut reader = Reader::new(schema, text);
    reader.begin(path);
    Files { files: reader.files, problems: reader.problems }
}

/// Longer files are no experiments, and reading them would take the memory that a run needs.
const MOST_BYTES: u64 = 4 << 20;

/// The text of an ordinary file of ordinary size: a pipe would wait for ever, a device would never end.
pub fn text_of(path: &Path) -> io::Result<String> {
    let facts = fs::metadata(path)?;
    let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why.to_owned()));
    if facts.is_dir() {
        return refuse("it is a folder");
    }
    if !facts.is_file() {
        return refuse("it is no ordinary file");
    }
    if facts.len() > MOST_BYTES {
        return refuse("it is larger than 4 MiB, which no experiment is");
    }
    let text = fs::read_to_string(path)?;
    // Some editors mark UTF-8 with an invisible first character.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

struct Reader<'a> {
    schema: &'a Schema,
    text: &'a dyn Fn(&Path) -> io::Result<String>,
    files: Vec<File>,
    problems: Vec<Problem>,
    /// Every file read so far, by its one true path.
    seen: Vec<PathBuf>,
    /// The files being read now, from the experiment downwards, by true path and name.
    chain: Vec<(PathBuf, String)>,
}

impl<'a> Reader<'a> {
    fn new(schema: &'a Schema, text: &'a dyn Fn(&Path) -> io::Result<String>) -> Self {
        Self { schema, text, files: Vec::new(), problems: Vec::new(), seen: Vec::new(), chain: Vec::new() }
    }

    /// Reads a file that nothing names but who asks for it.
    fn begin(&mut self, path: &Path) {
        let name = path.display().to_string();
        match (self.text)(path) {
            Ok(text) => self.file(path, text),
            Err(error) => {
                let message = format!("cannot read `{name}`: {}", reason(&error));
                self.problems.push(Source::file(name, "").problem_throughout(UNREADABLE, "", message));
            }
        }
    }

    fn file(&mut self, path: &Path, text: String) {
        let source = Arc::new(Source::file(path.display().to_string(), text));
        let truth = true_path(path);
        self.seen.push(truth.clone());
        self.chain.push((truth, source.name().to_owned()));
        let (table, error) = Table::parse(source.text());
        let sound = error.is_none();
        match error {
            Some(error) => self.problems.push(source.problem(SYNTAX, error.span, "", error.message)),
            None => self.problems.extend(walk::check(&table, self.schema.file(), self.schema, &source)),
        }
        self.bases(&table, path.parent().unwrap_or(Path::new("")), &source);
        self.chain.pop();
        self.files.push(File { source, table, sound });
    }

    fn bases(&mut self, table: &Table, folder: &Path, source: &Source) {
        let bases = table.get("extends").and_then(|entry| entry.node.array()).unwrap_or_default();
        for base in bases {
            let Some(written) = base.string().filter(|written| !written.is_empty()) else { continue };
            let path = tidy(&folder.join(written));
            let truth = true_path(&path);
            if let Some(start) = self.chain.iter().position(|(open, _)| *open == truth) {
                let mut chain: Vec<&str> =
                    self.chain[start..].iter().map(|(_, name)| name.as_str()).collect();
                chain.push(chain[0]);
                let message = format!("`{}` extends itself: {}", chain[0], chain.join(" → "));
                let problem = source.problem(EXTENDS_CYCLE, base.span.clone(), "extends", message);
                self.problems.push(problem.with_help("take one of these files out of the circle"));
            } else if !self.seen.contains(&truth) {
                match (self.text)(&path) {
                    Ok(text) => self.file(&path, text),
                    Err(error) => {
                        let message = format!("cannot read `{}`: {}", path.display(), reason(&error));
                        let problem = source.problem(UNREADABLE, base.span.clone(), "extends", message);
                        self.problems
                            .push(problem.with_help("`extends` is relative to the file it stands in"));
                    }
                }
            }
        }
    }
}

/// The cause, without the operating system's error number.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        _ => error.to_string(),
    }
}

/// One path for one file, however it is named.
fn true_path(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The path without `.` and, where possible, without `..`, as a person would name it.
pub fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidied.components().next_back(), Some(Component::Normal(_))) => {
                tidied.pop();
            }
            other => tidied.push(other),
        }
    }
    tidied
}
