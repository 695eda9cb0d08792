//! Filling variables into words.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::lexer::{Piece, Raw};
use super::problem::{BEYOND_SHELL, Fault, UNSET};
use super::word::Word;
use crate::config::Source;

/// Bytes that one word of a recipe may come to.
const LONGEST: usize = 1 << 17;

/// What a variable stands for.
#[derive(Debug, Clone)]
pub enum Bound {
    Text(String),
    List(Vec<String>),
    /// Nothing that can be known here: why.
    Unknown(Fault),
}

impl Bound {
    /// Bytes that it brings into a word, or a list of them.
    fn bytes(&self) -> usize {
        match self {
            Bound::Text(text) => text.len(),
            Bound::List(items) => items.iter().map(|item| 1 + item.len()).sum(),
            Bound::Unknown(_) => 0,
        }
    }
}

/// The variables of a recipe.
pub type Variables = HashMap<String, Bound>;

/// The words that `raw` comes to: none, one, or one for each element of a list.
///
/// # Errors
/// A variable without a value, or a form that is not read.
pub fn expand(raw: &Raw, variables: &Variables, source: &Arc<Source>) -> Result<Vec<Word>, Fault> {
    if let Some(range) = raw.plain().as_deref().and_then(range) {
        let word = |number: i64| {
            let mut word = Word::starting(raw.span.start, source);
            word.push_str(&number.to_string(), raw.span.clone());
            word
        };
        return Ok(range.into_iter().map(word).collect());
    }
    let mut words = Words { done: Vec::new(), open: None, source, added: 0 };
    if raw.pieces.is_empty() {
        words.open(raw.span.start);
    }
    for piece in &raw.pieces {
        match piece {
            Piece::Letter { letter, at, .. } => words.open(*at).push(*letter, *at..at + letter.len_utf8()),
            Piece::Beyond { what, span } => {
                let problem = source.problem(BEYOND_SHELL, span.clone(), "", format!("{what} is not read"));
                return Err(problem.into());
            }
            Piece::Arithmetic { text, span } => {
                let value = arithmetic(text, variables).ok_or_else(|| {
                    let message = format!("`$(({text}))` is not worked out");
                    source.problem(BEYOND_SHELL, span.clone(), "", message)
                })?;
                words.open(span.start).push_str(&value.to_string(), span.clone());
            }
            Piece::Variable { name, all, default, quoted, span } => {
                let value = value(name, default.as_deref(), variables, source, span)?;
                words.added += value.bytes();
                if words.added > LONGEST {
                    let message = format!("what `${name}` makes of this word is too long");
                    return Err(source.problem(BEYOND_SHELL, span.clone(), "", message).into());
                }
                match value {
                    Bound::List(items) if *all => words.list(&items, span),
                    Bound::List(items) => {
                        words.text(items.first().map_or("", String::as_str), *quoted, span);
                    }
                    Bound::Text(text) => words.text(&text, *quoted, span),
                    Bound::Unknown(problem) => return Err(problem),
                }
            }
        }
    }
    words.done.extend(words.open);
    Ok(words.done)
}

fn value(
    name: &str,
    default: Option<&str>,
    variables: &Variables,
    source: &Source,
    span: &Range<usize>,
) -> Result<Bound, Fault> {
    match (variables.get(name), default) {
        (Some(Bound::Text(text)), Some(default)) if text.is_empty() => Ok(Bound::Text(default.to_owned())),
        (Some(bound), _) => Ok(bound.clone()),
        (None, Some(default)) => Ok(Bound::Text(default.to_owned())),
        (None, None) if name.starts_with(|c: char| c.is_ascii_digit()) => {
            let message = format!("`${name}` has no value: the recipe takes an argument");
            let recipe = if source.is_file() { source.name() } else { "RECIPE.sh" };
            let help = format!("give it with the recipe: `runner import 'bash {recipe} ARGUMENT'`");
            Err(source.problem(UNSET, span.clone(), "", message).with_help(help).into())
        }
        (None, None) => {
            let message = format!("`${name}` has no value: nothing before assigns it");
            let help = "assign it in the recipe, or write the value in its place";
            Err(source.problem(UNSET, span.clone(), "", message).with_help(help).into())
        }
    }
}

struct Words<'a> {
    done: Vec<Word>,
    open: Option<Word>,
    source: &'a Arc<Source>,
    /// Bytes that variables have brought.
    added: usize,
}

impl Words<'_> {
    fn open(&mut self, at: usize) -> &mut Word {
        self.open.get_or_insert_with(|| Word::starting(at, self.source))
    }

    /// Adds a value: unquoted, its spaces part words.
    fn text(&mut self, text: &str, quoted: bool, span: &Range<usize>) {
        if quoted {
            return self.open(span.start).push_str(text, span.clone());
        }
        for (index, part) in text.split(char::is_whitespace).enumerate() {
            if index > 0 {
                self.done.extend(self.open.take());
            }
            if !part.is_empty() {
                self.open(span.start).push_str(part, span.clone());
            }
        }
    }

    /// Adds a list: its elements are words.
    fn list(&mut self, items: &[String], span: &Range<usize>) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.done.extend(self.open.take());
            }
            self.open(span.start).push_str(item, span.clone());
        }
    }
}

/// `{1..10}` as numbers.
fn range(text: &str) -> Option<Vec<i64>> {
    let (from, to) = text.strip_prefix('{')?.strip_suffix('}')?.split_once("..")?;
    let (from, to) = (from.parse::<i64>().ok()?, to.parse::<i64>().ok()?);
    (from <= to && to.saturating_sub(from) < 10_000).then(|| (from..=to).collect())
}

/// The value of whole-number arithmetic with `+ - * / %` and variables, read from left to right with the usual precedence.
pub fn arithmetic(text: &str, variables: &Variables) -> Option<i64> {
    let mut sum = Vec::new();
    let mut rest = text.trim();
    let mut sign = 1;
    loop {
        let (mut product, after) = operand(rest, variables)?;
        rest = after.trim_start();
        while let Some(operator) = rest.chars().next().filter(|c| "*/%".contains(*c)) {
            let (next, after) = operand(&rest[1..], variables)?;
            product = match operator {
                '*' => product.checked_mul(next)?,
                '/' => product.checked_div(next)?,
                _ => product.checked_rem(next)?,
            };
            rest = after.trim_start();
        }
        sum.push(product.checked_mul(sign)?);
        match rest.chars().next() {
            None => return sum.into_iter().try_fold(0_i64, i64::checked_add),
            Some('+') => sign = 1,
            Some('-') => sign = -1,
            Some(_) => return None,
        }
        rest = &rest[1..];
    }
}

fn operand<'a>(text: &'a str, variables: &Variables) -> Option<(i64, &'a str)> {
    let text = text.trim_start();
    let text = text.strip_prefix('$').unwrap_or(text);
    let (braced, text) = text.strip_prefix('{').map_or((false, text), |text| (true, text));
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    if braced {
        rest = rest.strip_prefix('}')?;
    }
    let value = match name.parse() {
        Ok(number) => number,
        Err(_) => match variables.get(name)? {
            Bound::Text(text) => text.parse().ok()?,
            _ => return None,
        },
    };
    Some((value, rest))
}
