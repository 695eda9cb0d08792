//! The inside of `--hparams`: `name=value,name=value`, or the JSON file it names.

use std::path::Path;

use serde_json::Value as Json;

use super::argparse::{Arguments, parsed};
use super::flag::{Flag, Script, Takes};
use super::problem::{BAD_VALUE, Fault, MALFORMED_HPARAMS, UNKNOWN_HPARAM};
use super::recipe::Read;
use super::word::Word;
use crate::config::nearest;

/// Reads the value of `--hparams`; `read` reads the file if it is one.
pub fn hparams(script: &Script, word: &Word, read: Read) -> Arguments {
    let is_file = word.text.ends_with(".json");
    match read(Path::new(&word.text)) {
        Ok(text) if is_file => from_json(script, word, &text),
        Err(error) if is_file && !word.text.contains('=') => {
            let message = format!("cannot read the hparams `{}`: {error}", word.text);
            Arguments { problems: vec![word.problem(MALFORMED_HPARAMS, message)], ..Arguments::default() }
        }
        _ => inline(script, word),
    }
}

fn inline(script: &Script, word: &Word) -> Arguments {
    let mut found = Arguments::default();
    for item in items(word) {
        let Some(equals) = item.text.find('=') else {
            let message = format!("`{}` is not of the form `name=value`", item.text);
            let problem = item.problem(MALFORMED_HPARAMS, message);
            let after_number = item.text.bytes().all(|byte| byte.is_ascii_digit()) && !item.text.is_empty();
            found.problems.push(match after_number {
                true => problem
                    .with_help("the published program reads no commas inside a value; write `name=[1,2]`"),
                false => problem,
            });
            continue;
        };
        let (name, value) = (item.part(0..equals), item.part(equals + 1..item.text.len()));
        match named(script, &name).and_then(|flag| parsed(flag, value)) {
            Ok(given) if found.get(given.flag.name).is_some() => {
                let message = format!("`{}` is given twice", given.flag.name);
                found.problems.push(name.problem(MALFORMED_HPARAMS, message).with_help("keep one"));
            }
            Ok(given) => found.given.push(given),
            Err(problem) => found.problems.push(*problem),
        }
    }
    found
}

/// The items between commas; commas inside brackets do not part.
fn items(word: &Word) -> Vec<Word> {
    let (mut items, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, letter) in word.text.char_indices() {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                items.push(word.part(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    if !word.text.is_empty() {
        items.push(word.part(start..word.text.len()));
    }
    items
}

fn named(script: &Script, name: &Word) -> Result<&'static Flag, Fault> {
    let bare = name.text.trim();
    let (base, index) = bare.split_once('[').map_or((bare, false), |(base, _)| (base, true));
    let Some(flag) = script.hparams.iter().find(|flag| flag.name == base) else {
        let problem = name.problem(UNKNOWN_HPARAM, format!("`{}` has no hparam `{base}`", script.name));
        let guess = nearest(base, script.hparams.iter().map(|flag| flag.name));
        let help = match guess {
            Some(guess) => format!("did you mean `{guess}`?"),
            None => format!("`runner explain {}` lists its hparams", script.name),
        };
        return Err(problem.with_help(help).into());
    };
    match index {
        true => Err(name.problem(MALFORMED_HPARAMS, format!("`{base}` is no list")).into()),
        false => Ok(flag),
    }
}

/// A JSON object; types have to be those of the defaults, as the published program wants them.
fn from_json(script: &Script, word: &Word, text: &str) -> Arguments {
    let mut found = Arguments::default();
    let object = match serde_json::from_str::<Json>(text) {
        Ok(Json::Object(object)) => object,
        other => {
            let why = other.err().map_or("it is no object".to_owned(), |error| error.to_string());
            let message = format!("`{}` does not hold hparams: {why}", word.text);
            found.problems.push(word.problem(MALFORMED_HPARAMS, message));
            return found;
        }
    };
    let spelt = |text: &str| {
        let mut spelt = Word::starting(word.span().start, &word.source);
        spelt.push_str(text, word.span());
        spelt
    };
    for (name, value) in object {
        let flag = match named(script, &spelt(&name)) {
            Ok(flag) => flag,
            Err(problem) => {
                found.problems.push(*problem);
                continue;
            }
        };
        let fits = match flag.takes {
            Takes::Boolean => value.is_boolean(),
            Takes::Integer => value.is_i64(),
            Takes::Number => value.is_number(),
            _ => value.is_string(),
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match fits {
            true => match parsed(flag, spelt(&text)) {
                Ok(given) => found.given.push(given),
                Err(problem) => found.problems.push(*problem),
            },
            false => {
                let message =
                    format!("`{name}` in `{}` takes {}, not `{value}`", word.text, flag.takes.text());
                found.problems.push(word.problem(BAD_VALUE, message));
            }
        }
    }
    found
}
