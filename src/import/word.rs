//! A word of a command, every byte of which knows where it was written.

use std::ops::Range;
use std::sync::Arc;

use crate::config::{Code, Problem, Source};

/// A word after quotes are gone and variables are filled in.
#[derive(Debug, Clone)]
pub struct Word {
    pub text: String,
    /// For each byte of `text`, and for its end, the byte of the source it came from.
    at: Vec<usize>,
    pub source: Arc<Source>,
}

impl Word {
    /// An empty word that begins at byte `start`.
    pub fn starting(start: usize, source: &Arc<Source>) -> Self {
        Self { text: String::new(), at: vec![start], source: source.clone() }
    }

    /// Adds a letter that stands at `span`.
    pub fn push(&mut self, letter: char, span: Range<usize>) {
        let end = self.at.len() - 1;
        self.at[end] = span.start;
        self.at.extend(std::iter::repeat_n(span.start, letter.len_utf8() - 1));
        self.at.push(span.end);
        self.text.push(letter);
    }

    /// Adds text that came from elsewhere, such as a variable's value used at `span`.
    pub fn push_str(&mut self, text: &str, span: Range<usize>) {
        for letter in text.chars() {
            self.push(letter, span.start..span.end);
        }
    }

    /// Where all of it is.
    pub fn span(&self) -> Range<usize> {
        self.place(0..self.text.len())
    }

    /// Where part of it is.
    pub fn place(&self, part: Range<usize>) -> Range<usize> {
        let at = |byte: usize| self.at.get(byte).or(self.at.last()).copied().unwrap_or_default();
        at(part.start)..at(part.end).max(at(part.start))
    }

    /// Part of it, as a word.
    pub fn part(&self, part: Range<usize>) -> Self {
        let at = self.at[part.start..=part.end].to_vec();
        Self { text: self.text[part].to_owned(), at, source: self.source.clone() }
    }

    /// A problem with it.
    pub fn problem(&self, code: Code, message: impl Into<String>) -> Problem {
        self.source.problem(code, self.span(), "", message.into())
    }
}
