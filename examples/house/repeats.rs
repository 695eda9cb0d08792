//! Blocks that stand in two places: ten lines or more whose tokens agree line for line.
//!
//! rustfmt lays equal code out equally, so lines can be compared. Literals, names of variables and comments
//! do not count; imports and the rows of tables are left out.

use std::collections::{BTreeMap, BTreeSet};

use syn::spanned::Spanned;
use syn::visit::Visit;

use super::source::Source;

/// A block is worth naming from this many lines on.
pub const LEAST: usize = 10;

/// Rows of a table are no block: this many of ten lines in a row have to differ.
const DIFFERENT: usize = 6;

/// One block in two places.
pub struct Repeat {
    pub lines: usize,
    pub places: [String; 2],
}

struct Line {
    source: usize,
    number: usize,
    tokens: String,
}

/// Every block of the sources that stands in two places, longest first.
pub fn all(sources: &[&Source]) -> Vec<Repeat> {
    let lines = lines(sources);
    let mut windows: BTreeMap<Vec<&str>, Vec<usize>> = BTreeMap::new();
    for at in 0..lines.len().saturating_sub(LEAST - 1) {
        let window = &lines[at..at + LEAST];
        let different: BTreeSet<&str> = window.iter().map(|line| line.tokens.as_str()).collect();
        if window[0].source == window[LEAST - 1].source && different.len() >= DIFFERENT {
            windows.entry(window.iter().map(|line| line.tokens.as_str()).collect()).or_default().push(at);
        }
    }
    let mut found = Vec::new();
    let mut covered = BTreeSet::new();
    for (first, second) in pairs(&windows) {
        if covered.contains(&(first, second)) {
            continue;
        }
        let length = common(&lines, first, second);
        covered.extend((0..length).map(|step| (first + step, second + step)));
        if length >= LEAST {
            let place = |at: usize| sources[lines[at].source].place(lines[at].number);
            found.push(Repeat { lines: length, places: [place(first), place(second)] });
        }
    }
    found.sort_by_key(|repeat| std::cmp::Reverse(repeat.lines));
    found
}

/// Places with the same window: each with the one before it, in the order of reading, so that a block is met at its start.
fn pairs(windows: &BTreeMap<Vec<&str>, Vec<usize>>) -> Vec<(usize, usize)> {
    let mut pairs: Vec<_> =
        windows.values().flat_map(|places| places.windows(2).map(|two| (two[0], two[1]))).collect();
    pairs.sort_unstable();
    pairs
}

/// How many lines agree from two places on, within their files and without running into each other.
fn common(lines: &[Line], first: usize, second: usize) -> usize {
    let same = |step: &usize| {
        let (a, b) = (first + step, second + step);
        a < second
            && b < lines.len()
            && lines[a].source == lines[first].source
            && lines[b].source == lines[second].source
            && lines[a].tokens == lines[b].tokens
    };
    (0..).take_while(same).count()
}

fn lines(sources: &[&Source]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let mut imports = Imports::default();
        imports.visit_file(&source.syntax);
        for (at, token) in source.tokens.iter().enumerate() {
            if imports.0.contains(&token.line) || (!source.is_test && source.tests(token.line)) {
                continue;
            }
            if lines.last().is_none_or(|last| last.source != index || last.number != token.line) {
                lines.push(Line { source: index, number: token.line, tokens: String::new() });
            }
            let text = match () {
                () if token.is_literal => "0",
                () if is_variable(source, at) => "x",
                () => &token.text,
            };
            if let Some(last) = lines.last_mut() {
                last.tokens.push_str(text);
                last.tokens.push(' ');
            }
        }
    }
    lines
}

/// Whether the token names a variable: lower case, and neither a member, a call, a path nor a keyword.
fn is_variable(source: &Source, at: usize) -> bool {
    const KEYWORDS: [&str; 21] = [
        "as", "break", "const", "continue", "else", "enum", "fn", "for", "if", "impl", "in", "let", "loop",
        "match", "mod", "move", "mut", "pub", "return", "self", "while",
    ];
    let text = |at: usize| source.tokens.get(at).map_or("", |token| token.text.as_str());
    let word = text(at);
    word.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && !KEYWORDS.contains(&word)
        && (at == 0 || text(at - 1) != "." && text(at - 1) != ":" && text(at - 1) != "fn")
        && !["(", "!", ":"].contains(&text(at + 1))
}

#[derive(Default)]
struct Imports(BTreeSet<usize>);

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let span = item.span();
        self.0.extend(span.start().line..=span.end().line);
    }
}
