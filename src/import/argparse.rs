//! A command's words beside the table of its program's flags.

use super::flag::{Flag, Script, Style, Takes};
use super::problem::{BAD_VALUE, Fault, MISSING_FLAG, UNKNOWN_FLAG};
use super::value::Value;
use super::word::Word;
use crate::config::{Problem, listed, nearest};

/// A flag as a command gives it.
#[derive(Debug, Clone)]
pub struct Given {
    pub flag: &'static Flag,
    /// The flag and its value as written.
    pub value: Word,
    pub parsed: Value,
}

/// What a command's words say.
#[derive(Debug, Default)]
pub struct Arguments {
    /// In the order of writing; a flag given twice is there once, with its last value.
    pub given: Vec<Given>,
    pub problems: Vec<Problem>,
}

impl Arguments {
    /// The flag called `name`, if given.
    pub fn get(&self, name: &str) -> Option<&Given> {
        self.given.iter().find(|given| given.flag.name == name)
    }

    fn add(&mut self, given: Given) {
        self.given.retain(|other| !std::ptr::eq(other.flag, given.flag));
        self.given.push(given);
    }
}

/// Reads `words`, the arguments of `script`; `at` is the program's own word.
pub fn arguments(script: &Script, words: &[Word], at: &Word) -> Arguments {
    let mut found = match script.style {
        Style::Argparse => argparse(script, words),
        Style::DotList => dotlist(script, words),
    };
    for flag in script.flags().filter(|flag| flag.required) {
        // A value that is missing has been complained of.
        if found.get(flag.name).is_some()
            || found.problems.iter().any(|problem| problem.message.contains(flag.name))
        {
            continue;
        }
        let message = format!("`{}` needs `{}`", script.name, flag.name);
        found.problems.push(at.problem(MISSING_FLAG, message));
    }
    found
}

fn argparse(script: &Script, words: &[Word]) -> Arguments {
    let mut found = Arguments::default();
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        if !is_flag(&word.text) {
            let message =
                format!("`{}` takes no argument without a flag, but is given `{}`", script.name, word.text);
            let help = "a flag's value with spaces in it needs quotes";
            found.problems.push(word.problem(UNKNOWN_FLAG, message).with_help(help));
            continue;
        }
        let (name, inline) = match word.text.find('=').filter(|_| word.text.starts_with("--")) {
            Some(equals) => (word.part(0..equals), Some(word.part(equals + 1..word.text.len()))),
            None => (word.clone(), None),
        };
        let flag = match spelt(script, &name) {
            Ok(flag) => flag,
            Err(problem) => {
                found.problems.push(*problem);
                // Its value, if it has one, is no mistake of its own.
                rest.next_if(|next| inline.is_none() && !is_flag(&next.text));
                continue;
            }
        };
        let value = match (flag.takes, inline) {
            (Takes::Switch, None) => Some(name.clone()),
            (Takes::Switch, Some(value)) => {
                let message = format!("`{}` takes no value", flag.name);
                found.problems.push(value.problem(BAD_VALUE, message));
                None
            }
            (_, Some(value)) => Some(value),
            (_, None) => {
                let value = rest.next_if(|next| !is_flag(&next.text)).cloned();
                if value.is_none() {
                    let message = format!("`{}` needs a value: {}", flag.name, flag.takes.text());
                    found.problems.push(name.problem(MISSING_FLAG, message));
                }
                value
            }
        };
        if let Some(value) = value {
            match parsed(flag, value) {
                Ok(given) => found.add(given),
                Err(problem) => found.problems.push(*problem),
            }
        }
    }
    found
}

/// Whether argparse takes the word for a flag: a number may begin with a minus.
fn is_flag(text: &str) -> bool {
    text.len() > 1 && text.starts_with('-') && text.parse::<f64>().is_err() && !text.contains(' ')
}

/// The flag of this name, or the only one that begins so.
fn spelt(script: &Script, name: &Word) -> Result<&'static Flag, Fault> {
    let all = || script.flags().flat_map(|flag| flag.spellings().map(move |spelling| (spelling, flag)));
    if let Some((_, flag)) = all().find(|(spelling, _)| *spelling == name.text) {
        return Ok(flag);
    }
    let mut begun: Vec<(&str, &Flag)> = all()
        .filter(|(spelling, _)| name.text.starts_with("--") && spelling.starts_with(&name.text))
        .collect();
    begun.dedup_by(|a, b| std::ptr::eq(a.1, b.1));
    match begun.as_slice() {
        [(_, flag)] => return Ok(flag),
        [_, _, ..] => {
            let names = listed(begun.iter().map(|(spelling, _)| *spelling));
            let message = format!("`{}` may be {names}", name.text);
            return Err(name
                .problem(UNKNOWN_FLAG, message)
                .with_help("write the one you mean in full")
                .into());
        }
        [] => {}
    }
    let problem = name.problem(UNKNOWN_FLAG, format!("`{}` has no flag `{}`", script.name, name.text));
    let help = help(script, &name.text, all().map(|(spelling, _)| spelling));
    let help = help.unwrap_or_else(|| format!("`runner explain {}` lists its flags", script.name));
    Err(problem.with_help(help).into())
}

/// What was meant: a flag of another spelling, or an hparam written as a flag.
fn help<'a>(script: &Script, name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let bare = name.trim_start_matches('-');
    if let Some(hparam) = script.hparams.iter().find(|hparam| hparam.name == bare.replace('-', "_")) {
        return Some(format!("it is an hparam: `--hparams={}=…`", hparam.name));
    }
    nearest(name, names).map(|name| format!("did you mean `{name}`?"))
}

fn dotlist(script: &Script, words: &[Word]) -> Arguments {
    let mut found = Arguments::default();
    for word in words {
        let Some(equals) = word.text.find('=') else {
            let message = format!("`{}` takes `key=value`, not `{}`", script.name, word.text);
            found.problems.push(word.problem(UNKNOWN_FLAG, message));
            continue;
        };
        let (name, value) = (word.part(0..equals), word.part(equals + 1..word.text.len()));
        let result = named(script, &name).and_then(|flag| parsed(flag, value));
        match result {
            Ok(given) => found.add(given),
            Err(problem) => found.problems.push(*problem),
        }
    }
    found
}

fn named(script: &Script, name: &Word) -> Result<&'static Flag, Fault> {
    script.flags().find(|flag| flag.name == name.text).ok_or_else(|| {
        let problem = name.problem(UNKNOWN_FLAG, format!("`{}` has no option `{}`", script.name, name.text));
        let leaf = |flag: &&Flag| flag.name.rsplit('.').next() == Some(name.text.as_str());
        let nested = script.flags().find(leaf).map(|flag| flag.name);
        let help = match nested.or_else(|| nearest(&name.text, script.flags().map(|flag| flag.name))) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("`runner explain {}` lists its options", script.name),
        };
        problem.with_help(help).into()
    })
}

/// The flag with a value of its form.
///
/// # Errors
/// That the value is of another form.
pub fn parsed(flag: &'static Flag, value: Word) -> Result<Given, Fault> {
    match Value::parse(&value.text, flag.takes) {
        Some(parsed) => Ok(Given { flag, value, parsed }),
        None => {
            let message = format!("`{}` takes {}, not `{}`", flag.name, flag.takes.text(), value.text);
            let problem = value.problem(BAD_VALUE, message);
            let guess = match flag.takes {
                Takes::Choice(choices) => nearest(&value.text, choices.iter().copied()),
                _ => None,
            };
            let problem = match guess {
                Some(choice) => problem.with_help(format!("did you mean `{choice}`?")),
                None => problem,
            };
            Err(problem.into())
        }
    }
}
