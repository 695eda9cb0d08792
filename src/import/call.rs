//! Which program a command calls, and with what around it.

use super::flag::{Script, Style};
use super::problem::{ABSENT_SCRIPT, Fault, NO_COUNTERPART, UNKNOWN_SCRIPT};
use super::recipe::Command;
use super::scripts::{ABSENT, script, scripts};
use super::value::Value;
use super::word::Word;
use crate::config::{Problem, listed, nearest};

/// A known program called.
#[derive(Debug, Clone)]
pub struct Call {
    pub script: &'static Script,
    /// The program's own word.
    pub at: Word,
    pub arguments: Vec<Word>,
    /// The arithmetic that `accelerate launch` asks for.
    pub precision: Option<Word>,
    pub axes: Vec<(String, String)>,
}

/// What a command turned out to be.
pub enum Called {
    Known(Box<Call>),
    /// A program that is no business of import's: its name.
    Other(Word),
    /// No Python program at all.
    Nothing,
}

/// Finds the program in a command's words.
///
/// # Errors
/// That the published repository lacks it, or that it is started in several processes.
pub fn called(command: Command) -> Result<Called, Fault> {
    let Command { words, axes } = command;
    let module = words.iter().position(|word| word.text == "-m");
    let module = module.filter(|at| words.get(at + 1).is_some_and(|word| !word.text.starts_with("torch.")));
    let file = words.iter().position(|word| word.text.ends_with(".py"));
    let (at, name) = match (file, module) {
        (Some(at), module) if module.is_none_or(|module| at < module) => {
            (at, words[at].text.rsplit('/').next().unwrap_or_default().to_owned())
        }
        (_, Some(at)) => {
            let name = words[at + 1].text.rsplit('.').next().unwrap_or_default();
            (at + 1, format!("{name}.py"))
        }
        _ => return Ok(Called::Nothing),
    };
    let (before, word, arguments) = (&words[..at], words[at].clone(), words[at + 1..].to_vec());
    if let Some(problem) = absent(&word) {
        return Err(problem.into());
    }
    let Some(script) = told_apart(&name, &arguments) else { return Ok(Called::Other(word)) };
    Ok(Called::Known(Box::new(Call {
        script,
        precision: launcher(before, script)?,
        at: word,
        arguments,
        axes,
    })))
}

/// That the program is one the published recipes call and the published repository lacks.
pub fn absent(word: &Word) -> Option<Problem> {
    let name = word.text.rsplit('/').next().unwrap_or_default();
    let message = format!("the recipe calls `{name}`, which the published repository does not contain");
    ABSENT.contains(&name).then(|| word.problem(ABSENT_SCRIPT, message))
}

/// The program of this file name; of several that take `key=value`, the one that knows most of them.
fn told_apart(name: &str, arguments: &[Word]) -> Option<&'static Script> {
    let dotted = !arguments.is_empty()
        && arguments.iter().all(|word| !word.text.starts_with('-') && word.text.contains('='));
    let same_file = |script: &&Script| script.name.rsplit('/').next() == Some(name);
    let style = if dotted { Style::DotList } else { Style::Argparse };
    let known = |script: &Script, word: &Word| {
        let pair = word.text.split_once('=');
        pair.is_some_and(|(key, value)| {
            script.flags().any(|flag| flag.name == key && Value::parse(value, flag.takes).is_some())
        })
    };
    let unknown = |script: &&Script| arguments.iter().filter(|word| !known(script, word)).count();
    let alike = scripts().filter(same_file).filter(|script| script.style == style);
    alike.min_by_key(unknown).or_else(|| script(name))
}

/// That a program is not known, with the nearest one.
pub fn unknown(word: &Word) -> Problem {
    let name = word.text.rsplit('/').next().unwrap_or_default();
    let problem = word.problem(UNKNOWN_SCRIPT, format!("`{name}` is no program that import knows"));
    let names = || scripts().map(|script| script.name);
    match nearest(name, names()) {
        Some(name) => problem.with_help(format!("did you mean `{name}`?")),
        None => problem.with_help(format!("it knows {}", listed(names()))),
    }
}

/// What the words before the program say: the arithmetic of `accelerate launch`, and how many processes.
fn launcher(words: &[Word], script: &Script) -> Result<Option<Word>, Fault> {
    let value = |names: &[&str]| {
        words.iter().enumerate().find_map(|(index, word)| {
            let (name, inline) = match word.text.split_once('=') {
                Some((name, _)) => (name, Some(word.part(name.len() + 1..word.text.len()))),
                None => (word.text.as_str(), None),
            };
            names.contains(&name).then(|| inline.or_else(|| words.get(index + 1).cloned())).flatten()
        })
    };
    let processes =
        value(&["--num_processes", "--nproc_per_node", "--nproc-per-node", "--nnodes", "--num_machines"]);
    if let Some(count) = processes.filter(|count| count.text != "1") {
        let message = format!(
            "`{}` is started in {} processes, but training runs in one here",
            script.name, count.text
        );
        let help = "leave the launcher's option out to import what one process does";
        return Err(count.problem(NO_COUNTERPART, message).with_help(help).into());
    }
    Ok(value(&["--mixed_precision", "--mixed-precision"]))
}
