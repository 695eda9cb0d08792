//! A text that options were written in: a file, an argument or an environment variable.

use std::ops::Range;

use super::problem::{Code, Problem};

/// A text with a name, in which byte ranges become lines and columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    name: String,
    text: String,
    /// The first byte of each line.
    lines: Vec<usize>,
    is_file: bool,
}

/// A line longer than this is shown by its place alone.
const LONGEST_SHOWN: usize = 1000;

impl Source {
    /// The file `name` with its `text`.
    pub fn file(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(name.into(), text.into(), true)
    }

    /// An argument or variable `name`, as it would be typed: `text`.
    pub fn argument(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(name.into(), text.into(), false)
    }

    fn new(name: String, text: String, is_file: bool) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { name, text, lines, is_file }
    }

    /// How it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a file, not an argument or a variable.
    pub fn is_file(&self) -> bool {
        self.is_file
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the byte `at` is: `file:line` in a file, else the name alone.
    pub fn place(&self, at: usize) -> String {
        if self.is_file { format!("{}:{}", self.name, self.line_of(at).0) } else { self.name.clone() }
    }

    /// A problem at the bytes `span`, about the option `path`.
    pub fn problem(&self, code: Code, span: Range<usize>, path: &str, message: String) -> Problem {
        let (line, start) = self.line_of(span.start);
        let excerpt = self.text[start..].lines().next().unwrap_or_default();
        let end = span.end.min(start + excerpt.len()).max(span.start);
        Problem {
            code,
            file: self.name.clone(),
            line,
            col: self.chars(start..span.start) + 1,
            len: self.chars(span.start..end),
            path: path.to_owned(),
            message,
            help: None,
            excerpt: if excerpt.len() > LONGEST_SHOWN { String::new() } else { excerpt.to_owned() },
            numbered: self.is_file,
        }
    }

    /// A problem with the text as a whole.
    pub fn problem_throughout(&self, code: Code, path: &str, message: String) -> Problem {
        Problem { line: 0, col: 0, len: 0, ..self.problem(code, 0..0, path, message) }
    }

    /// Number (from 1) and first byte of the line that holds byte `at`.
    fn line_of(&self, at: usize) -> (usize, usize) {
        let number = self.lines.partition_point(|start| *start <= at);
        (number, self.lines[number - 1])
    }

    fn chars(&self, span: Range<usize>) -> usize {
        self.text.get(span).map_or(0, |text| text.chars().count())
    }
}
