//! Meta files: one utterance per line, fields parted by `|` (or by tabs, where the number of `|` does not
//! fit).

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::prepared::Utterance;

/// Wrong lines that one error lists; more are counted.
const LISTED_PROBLEMS: usize = 10;

/// Which fields a line has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetaFormat {
    /// `name|length in samples|text`
    Nlt,
    /// `name|length in samples|text|labels|language`; labels are parted by commas, the language is ignored.
    NltLa,
}

impl MetaFormat {
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Nlt => &["name", "length", "text"],
            Self::NltLa => &["name", "length", "text", "labels", "language"],
        }
    }
}

impl FromStr for MetaFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "nlt" => Ok(Self::Nlt),
            "nltLa" => Ok(Self::NltLa),
            _ => Err(format!("`{name}` is not a meta format; `nlt` and `nltLa` are")),
        }
    }
}

/// What is wrong with one line of a meta file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineProblem {
    /// The line, counted from 1.
    pub line: usize,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    NotUtf8 { byte: usize },
    Fields { wanted: &'static [&'static str], bars: usize, tabs: usize },
    NoName,
    Length { found: String },
    Labels { found: usize, heads: usize },
}

impl LineProblem {
    /// The line does not have one label per classifier head.
    pub(super) fn labels(line: usize, found: usize, heads: usize) -> Self {
        Self { line, kind: Kind::Labels { found, heads } }
    }

    /// What the user can do about it, where we know.
    pub(super) fn help(&self) -> Option<String> {
        match &self.kind {
            Kind::Fields { wanted, bars: 5, .. } if wanted.len() == 3 => {
                Some("five fields are the format `nltLa`: set `data.data_format = \"nltLa\"`".to_owned())
            }
            Kind::Fields { wanted, bars: 3, .. } if wanted.len() == 5 => {
                Some("three fields are the format `nlt`: set `data.data_format = \"nlt\"`".to_owned())
            }
            _ => None,
        }
    }
}

impl fmt::Display for LineProblem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::NotUtf8 { byte } => write!(out, "byte {byte} is not UTF-8"),
            Kind::Fields { wanted, bars, tabs } => write!(
                out,
                "wanted {} fields ({}), found {bars} parted by `|` and {tabs} by tabs",
                wanted.len(),
                wanted.join("|")
            ),
            Kind::NoName => write!(out, "the name is empty"),
            Kind::Length { found } => {
                write!(out, "`{found}` is not a length in samples (a whole number above 0)")
            }
            Kind::Labels { found, heads } => {
                write!(out, "wanted one label per classifier head ({heads}), found {found}")
            }
        }
    }
}

/// The sentence of an error that lists problems: one line each, with file and line number.
pub(super) fn display(path: &Path, problems: &[LineProblem], more: usize) -> String {
    let mut lines: Vec<String> =
        problems.iter().map(|problem| format!("`{}:{}`: {problem}", path.display(), problem.line)).collect();
    if more > 0 {
        lines.push(format!("wrong lines besides these: {more}"));
    }
    lines.join("\n")
}

/// Shortens a list of problems to what an error shows; the number left out comes with it.
pub(super) fn listed(mut problems: Vec<LineProblem>) -> (Vec<LineProblem>, usize) {
    let more = problems.len().saturating_sub(LISTED_PROBLEMS);
    problems.truncate(LISTED_PROBLEMS);
    (problems, more)
}

/// Reads every line; blank ones are skipped, wrong ones are all reported.
pub(super) fn parse(bytes: &[u8], format: MetaFormat) -> Result<Vec<Utterance>, Vec<LineProblem>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut utterances = Vec::new();
    let mut problems = Vec::new();
    for (line, bytes) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        match parse_line(bytes, line, format) {
            Ok(utterance) => utterances.extend(utterance),
            Err(kind) => problems.push(LineProblem { line, kind }),
        }
    }
    if problems.is_empty() { Ok(utterances) } else { Err(problems) }
}

fn parse_line(bytes: &[u8], line: usize, format: MetaFormat) -> Result<Option<Utterance>, Kind> {
    let text =
        std::str::from_utf8(bytes).map_err(|error| Kind::NotUtf8 { byte: error.valid_up_to() + 1 })?.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let fields = split(text, format)?;
    let (name, length) = (fields[0], fields[1].trim());
    if name.is_empty() {
        return Err(Kind::NoName);
    }
    let samples = length
        .parse()
        .ok()
        .filter(|&samples: &usize| samples > 0)
        .ok_or_else(|| Kind::Length { found: length.to_owned() })?;
    let labels = match fields.get(3) {
        Some(labels) => labels.split(',').map(str::to_owned).collect(),
        None => Vec::new(),
    };
    Ok(Some(Utterance { name: name.to_owned(), samples, text: fields[2].to_owned(), labels, line }))
}

fn split(text: &str, format: MetaFormat) -> Result<Vec<&str>, Kind> {
    let wanted = format.fields();
    let by_bar: Vec<&str> = text.split('|').collect();
    if by_bar.len() == wanted.len() {
        return Ok(by_bar);
    }
    let by_tab: Vec<&str> = text.split('\t').collect();
    if by_tab.len() == wanted.len() {
        return Ok(by_tab);
    }
    Err(Kind::Fields { wanted, bars: by_bar.len(), tabs: by_tab.len() })
}
