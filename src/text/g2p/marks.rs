//! Punctuation: a text cut where it stands, and put together again around what was read.
//!
//! A cut is a run of marks with the spaces in and around it. Each piece between two cuts is read on its own, which is heard: "what" alone
//! is stressed otherwise than in a sentence.

use std::ops::Range;

const MARKS: &str = ";:,.!?¡¿—…\"«»“”(){}[]";

/// A text in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Piece(String),
    Marks(String),
}

impl Cut {
    /// All of it as one piece.
    pub fn whole(text: String) -> Self {
        Cut { parts: vec![Part::Piece(text)] }
    }

    /// `text` cut at its marks.
    pub fn at_marks(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut from = 0;
        for run in runs(text) {
            if from < run.start {
                parts.push(Part::Piece(text[from..run.start].to_owned()));
            }
            from = run.end;
            parts.push(Part::Marks(text[run].to_owned()));
        }
        if from < text.len() {
            parts.push(Part::Piece(text[from..].to_owned()));
        }
        Cut { parts }
    }

    /// What is to be read, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Piece(piece) => Some(piece.as_str()),
            Part::Marks(_) => None,
        })
    }

    /// The whole with each piece as `read` has it, and with `last_space` a space behind it, unless there is one.
    pub fn restored(&self, mut read: impl FnMut(&str) -> String, last_space: bool) -> String {
        let mut whole = String::new();
        for part in &self.parts {
            match part {
                Part::Piece(piece) => whole += &read(piece),
                Part::Marks(marks) => whole += marks,
            }
        }
        if last_space && !whole.is_empty() && !whole.ends_with(' ') {
            whole.push(' ');
        }
        whole
    }
}

/// `text` with a space for each run of marks, and none around it.
pub(super) fn removed(text: &str) -> String {
    let mut rest = String::new();
    let mut from = 0;
    for run in runs(text) {
        rest += &text[from..run.start];
        rest.push(' ');
        from = run.end;
    }
    rest += &text[from..];
    rest.trim().to_owned()
}

/// The longest stretches of marks and spaces that have a mark.
fn runs(text: &str) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    // Where the stretch began, and whether a mark is in it.
    let mut open: Option<(usize, bool)> = None;
    let mut before = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let after = characters.peek().map(|(_, c)| *c);
        let mark = is_mark(before, c, after);
        if mark || c.is_whitespace() {
            let (start, marked) = open.unwrap_or((at, false));
            open = Some((start, marked || mark));
        } else if let Some((start, true)) = open.take() {
            runs.push(start..at);
        }
        before = Some(c);
    }
    if let Some((start, true)) = open {
        runs.push(start..text.len());
    }
    runs
}

/// Whether `c` is a mark here: a comma or a full stop between two figures is part of the number.
fn is_mark(before: Option<char>, c: char, after: Option<char>) -> bool {
    let figure = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    MARKS.contains(c) && !(matches!(c, ',' | '.') && figure(before) && figure(after))
}
