//! Shell text as tokens: words whose quotes and expansions are still to be read, operators, line ends.
//!
//! The dialect is what recipes of experiments use. What is beyond it becomes [`Piece::Beyond`] and is an error only where it matters.

use std::ops::Range;

/// A part of a word.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    Letter {
        letter: char,
        at: usize,
        quoted: bool,
    },
    /// `$x`, `${x}`, `${x:-default}`, `${x[@]}`, `$1`.
    Variable {
        name: String,
        all: bool,
        default: Option<String>,
        quoted: bool,
        span: Range<usize>,
    },
    /// `$((…))`.
    Arithmetic {
        text: String,
        span: Range<usize>,
    },
    /// What is not read, by name.
    Beyond {
        what: &'static str,
        span: Range<usize>,
    },
}

/// A word as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Raw {
    pub pieces: Vec<Piece>,
    pub span: Range<usize>,
}

impl Raw {
    /// Its text if it has no expansions.
    pub fn plain(&self) -> Option<String> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Letter { letter, .. } => Some(*letter),
                _ => None,
            })
            .collect()
    }

    /// Whether it is exactly this unquoted text.
    pub fn is(&self, keyword: &str) -> bool {
        self.plain().is_some_and(|text| text == keyword)
            && self.pieces.iter().all(|piece| matches!(piece, Piece::Letter { quoted: false, .. }))
    }
}

/// A piece of a line of shell.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Word(Raw),
    /// `;`, `&&`, `|`, `(` …
    Operator(&'static str, Range<usize>),
    /// `((…))` after `for`.
    Double(String, Range<usize>),
    Newline,
}

const OPERATORS: [&str; 16] =
    ["&>>", "2>&1", "&>", ">>", "<<", "&&", "||", ";;", ">&", ";", "&", "|", "<", ">", "(", ")"];

/// The tokens of `text`; spans count from `offset`.
pub fn tokens(text: &str, offset: usize) -> Vec<Token> {
    Lexer { text, offset, at: 0, tokens: Vec::new() }.run()
}

struct Lexer<'a> {
    text: &'a str,
    offset: usize,
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<(char, usize)> {
        let letter = self.peek()?;
        let at = self.at + self.offset;
        self.at += letter.len_utf8();
        Some((letter, at))
    }

    fn run(mut self) -> Vec<Token> {
        while let Some(letter) = self.peek() {
            if letter == '\n' {
                self.at += 1;
                self.tokens.push(Token::Newline);
            } else if letter.is_whitespace() || self.continuation() {
                self.at += if letter.is_whitespace() { letter.len_utf8() } else { 0 };
            } else if letter == '#' {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            } else if self.rest().starts_with("((") {
                self.double();
            } else if let Some(operator) = self.operator() {
                let start = self.at + self.offset;
                self.at += operator.len();
                self.tokens.push(Token::Operator(operator, start..start + operator.len()));
            } else {
                let word = self.word();
                self.tokens.push(Token::Word(word));
            }
        }
        self.tokens
    }

    fn operator(&self) -> Option<&'static str> {
        OPERATORS.into_iter().find(|operator| self.rest().starts_with(operator))
    }

    /// Steps over a backslash at the end of a line, spaces after it forgiven.
    fn continuation(&mut self) -> bool {
        let Some(rest) = self.rest().strip_prefix('\\') else { return false };
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
        let end = rest[blank..].starts_with('\n') || rest[blank..].is_empty();
        if end {
            self.at = (self.at + 2 + blank).min(self.text.len());
        }
        end
    }

    fn double(&mut self) {
        let start = self.at;
        let length = self.rest().find("))").map_or(self.rest().len(), |end| end + 2);
        self.at += length;
        let text = self.text[start + 2..self.at].trim_end_matches(')').to_owned();
        self.tokens.push(Token::Double(text, start + self.offset..self.at + self.offset));
    }

    fn word(&mut self) -> Raw {
        let start = self.at + self.offset;
        let mut pieces = Vec::new();
        while let Some(letter) = self.peek() {
            if self.continuation() {
                continue;
            }
            match letter {
                _ if letter.is_whitespace() => break,
                ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                '\'' => self.single(&mut pieces),
                '"' => self.quoted(&mut pieces),
                '$' | '`' => self.expansion(&mut pieces, false),
                '\\' => {
                    self.at += 1;
                    if let Some((letter, at)) = self.next() {
                        pieces.push(Piece::Letter { letter, at, quoted: true });
                    }
                }
                _ => {
                    if let Some((letter, at)) = self.next() {
                        pieces.push(Piece::Letter { letter, at, quoted: false });
                    }
                }
            }
        }
        Raw { pieces, span: start..self.at + self.offset }
    }

    fn single(&mut self, pieces: &mut Vec<Piece>) {
        let start = self.at + self.offset;
        self.at += 1;
        while let Some((letter, at)) = self.next() {
            if letter == '\'' {
                return;
            }
            pieces.push(Piece::Letter { letter, at, quoted: true });
        }
        pieces.push(Piece::Beyond { what: "a quote that is never closed", span: start..start + 1 });
    }

    fn quoted(&mut self, pieces: &mut Vec<Piece>) {
        let start = self.at + self.offset;
        self.at += 1;
        while let Some(letter) = self.peek() {
            match letter {
                '"' => {
                    self.at += 1;
                    return;
                }
                '$' | '`' => self.expansion(pieces, true),
                '\\' => {
                    self.at += 1;
                    if let Some((letter, at)) = self.next().filter(|(letter, _)| *letter != '\n') {
                        if !matches!(letter, '"' | '$' | '\\' | '`') {
                            pieces.push(Piece::Letter { letter: '\\', at: at - 1, quoted: true });
                        }
                        pieces.push(Piece::Letter { letter, at, quoted: true });
                    }
                }
                _ => {
                    if let Some((letter, at)) = self.next() {
                        pieces.push(Piece::Letter { letter, at, quoted: true });
                    }
                }
            }
        }
        pieces.push(Piece::Beyond { what: "a quote that is never closed", span: start..start + 1 });
    }

    fn expansion(&mut self, pieces: &mut Vec<Piece>, quoted: bool) {
        let start = self.at;
        let piece = if self.rest().starts_with("$((") {
            let length = self.rest().find("))").map_or(self.rest().len(), |end| end + 2);
            self.at += length;
            let text = self.text[start + 3..self.at].trim_end_matches(')').to_owned();
            Piece::Arithmetic { text, span: self.span(start) }
        } else if self.rest().starts_with("$(") || self.rest().starts_with('`') {
            self.substitution();
            Piece::Beyond { what: "a command substitution", span: self.span(start) }
        } else if self.rest().starts_with("${") {
            self.at += self.rest().find('}').map_or(self.rest().len(), |end| end + 1);
            let inner = self.text[start + 2..self.at].trim_end_matches('}').to_owned();
            braced(&inner, quoted, self.span(start))
        } else {
            self.at += 1;
            self.named(start, quoted)
        };
        pieces.push(piece);
    }

    fn span(&self, start: usize) -> Range<usize> {
        start + self.offset..self.at + self.offset
    }

    /// Steps over `$(…)` with what is nested in it, or over what stands between backticks.
    fn substitution(&mut self) {
        if self.rest().starts_with('`') {
            let inner = &self.text[self.at + 1..];
            self.at += inner.find('`').map_or(inner.len() + 1, |end| end + 2);
            return;
        }
        let mut depth = 0_usize;
        while let Some((letter, _)) = self.next() {
            match letter {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => continue,
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn named(&mut self, start: usize, quoted: bool) -> Piece {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let digit = self.peek().is_some_and(|c| c.is_ascii_digit());
        let length = match digit {
            true => 1,
            false => self.rest().find(|c| !is_name(c)).unwrap_or(self.rest().len()),
        };
        let name = self.rest()[..length].to_owned();
        self.at += length;
        let span = self.span(start);
        match (name.is_empty(), self.peek()) {
            (true, Some('@' | '*' | '#' | '?' | '$' | '!')) => {
                self.at += 1;
                Piece::Beyond { what: "a special parameter", span: self.span(start) }
            }
            (true, _) => Piece::Letter { letter: '$', at: start + self.offset, quoted },
            (false, _) => Piece::Variable { name, all: false, default: None, quoted, span },
        }
    }
}

/// What stands inside `${…}`.
fn braced(inner: &str, quoted: bool, span: Range<usize>) -> Piece {
    let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    let (all, rest) = match rest.strip_prefix("[@]").or_else(|| rest.strip_prefix("[*]")) {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let default = rest.strip_prefix(":-").or_else(|| rest.strip_prefix('-'));
    match (name, rest, default) {
        ("", ..) => Piece::Beyond { what: "a special parameter", span },
        (_, "", _) => Piece::Variable { name: name.into(), all, default: None, quoted, span },
        (_, _, Some(default)) if !default.contains('$') => {
            Piece::Variable { name: name.into(), all, default: Some(default.into()), quoted, span }
        }
        _ => Piece::Beyond { what: "an edited expansion", span },
    }
}
