//! A text that options were written in: a file, an argument or an environment variable.

use std::ops::Range;

use super::problem::{Code, Problem};

/// A text with a name, in which byte ranges become lines and columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    name: String,
    text: String,
    is_file: bool,
}

impl Source {
    /// The file `name` with its `text`.
    pub fn file(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), is_file: true }
    }

    /// An argument or variable `name`, as it would be typed: `text`.
    pub fn argument(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), is_file: false }
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
        let end = span.end.clamp(span.start, start + excerpt.len().max(span.start - start));
        Problem {
            code,
            file: self.name.clone(),
            line,
            col: self.chars(start..span.start) + 1,
            len: self.chars(span.start..end),
            path: path.to_owned(),
            message,
            help: None,
            excerpt: excerpt.to_owned(),
            numbered: self.is_file,
        }
    }

    /// A problem with the text as a whole.
    pub fn problem_throughout(&self, code: Code, path: &str, message: String) -> Problem {
        Problem { line: 0, col: 0, len: 0, ..self.problem(code, 0..0, path, message) }
    }

    /// Number (from 1) and first byte of the line that holds byte `at`.
    fn line_of(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, start)
    }

    fn chars(&self, span: Range<usize>) -> usize {
        self.text.get(span).map_or(0, |text| text.chars().count())
    }
}
