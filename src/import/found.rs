//! From a text to all that it comes to: the way in to this room.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::argparse::{Arguments, arguments};
use super::cald::{self, Naming};
use super::call::{Call, Called, called, unknown};
use super::experiment::Imported;
use super::hparams::hparams;
use super::markdown;
use super::patches;
use super::problem::{NOTHING_FOUND, OPEN_NAME, SAME_NAME};
use super::recipe::{Command, Followed, Read, follow};
use super::sound;
use super::word::Word;
use crate::config::{Problem, Problems, Source};

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A command line, as an argument.
    Command,
    /// A shell script, or several command lines.
    Recipe,
    /// A README.
    Markdown,
}

/// A text to import.
#[derive(Debug, Clone)]
pub struct Input {
    source: Arc<Source>,
    kind: Kind,
    /// Where recipes that it calls are looked for.
    dir: PathBuf,
}

impl Input {
    /// A command line.
    pub fn command(text: &str) -> Self {
        Self {
            source: Arc::new(Source::argument("the command", text)),
            kind: Kind::Command,
            dir: PathBuf::new(),
        }
    }

    /// A file, or a text that is called `name`: a README if its ending or its backticks say so, else a recipe.
    pub fn file(name: &str, text: &str) -> Self {
        let path = Path::new(name);
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let kind = match ending.as_str() {
            "md" | "markdown" | "rst" => Kind::Markdown,
            "sh" | "bash" | "slurm" | "sbatch" => Kind::Recipe,
            _ if text.starts_with("#!") => Kind::Recipe,
            _ if text.contains('`') && !markdown::commands(text).is_empty() => Kind::Markdown,
            _ => Kind::Recipe,
        };
        let dir = path.parent().unwrap_or(Path::new("")).to_owned();
        Self { source: Arc::new(Source::file(name, text)), kind, dir }
    }
}

/// What is asked of an import.
pub struct Options<'a> {
    /// What the experiment is to be called; for a single command.
    pub name: Option<&'a str>,
    /// Reads the files that a text names: recipes, hparams.
    pub read: Read<'a>,
}

/// Says the commands in `input` as experiments and evaluations.
///
/// # Errors
/// Every problem of every command.
pub fn import(input: &Input, options: &Options) -> Result<Imported, Problems> {
    let Followed { commands, mut problems } = gather(input, options.read);
    let mut imported = Imported::default();
    let (calls, others) = calls(commands, input, &mut problems);
    // What a command line itself calls is meant to be imported; what a recipe calls besides is not.
    let (meant, besides): (Vec<Word>, Vec<Word>) = others
        .into_iter()
        .partition(|word| calls.is_empty() || input.kind == Kind::Command && word.source == input.source);
    problems.extend(meant.iter().map(unknown));
    imported.notes = left_out(&besides);
    if calls.is_empty() && problems.is_empty() {
        let message = format!("there is no command in {} that import knows", input.source.name());
        let problem = input.source.problem_throughout(NOTHING_FOUND, "text", message);
        return Err(problem.with_help("`docs/import.md` lists the programs it knows").into());
    }
    let lenient = input.kind == Kind::Markdown;
    if options.name.is_some() && calls.len() > 1 {
        let message = format!("`--name` names one experiment, but there are {} commands", calls.len());
        let problem = input.source.problem_throughout(OPEN_NAME, "text", message);
        return Err(problem.with_help("leave it out, or import the command you mean").into());
    }
    if let Some(name) = options.name.filter(|name| !is_name(name)) {
        let source = Source::argument("--name", format!("--name {name}"));
        let message = format!("`{name}` is no name: letters, digits, `_`, `-` and `.` are");
        return Err(source.problem(OPEN_NAME, 7..source.text().len(), "name", message).into());
    }
    for call in calls {
        let given = arguments(call.script, &call.arguments, &call.at);
        let inner = match given.get("--hparams") {
            Some(word) => hparams(call.script, &word.value, options.read),
            None => Arguments::default(),
        };
        let naming = Naming { given: options.name, lenient };
        let said = match call.script.system {
            "CALD" => cald::meaning(&call, given, inner, &naming),
            "SSAMBA" | "SSAST" => patches::meaning(&call, given, &naming),
            _ => sound::meaning(&call, given, &naming),
        };
        problems.extend(said.problems);
        imported.experiments.extend(said.experiment);
        imported.evaluations.extend(said.evaluation);
    }
    problems.extend(same_names(&mut imported, &input.source));
    let problems = without_repeats(problems);
    if problems.is_empty() { Ok(imported) } else { Err(Problems::sorted(problems)) }
}

/// Whether an experiment may be called so.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn gather(input: &Input, read: Read) -> Followed {
    let Input { source, kind, dir } = input;
    if *kind != Kind::Markdown {
        return follow(source.text(), 0, source, dir, read);
    }
    let mut all = Followed::default();
    for span in markdown::commands(source.text()) {
        let text = markdown::joined(&source.text()[span.clone()]);
        let Followed { commands, problems } = follow(&text, span.start, source, dir, read);
        all.commands.extend(commands);
        all.problems.extend(problems);
    }
    all
}

/// The calls of known programs, and the programs that are not known.
fn calls(commands: Vec<Command>, input: &Input, problems: &mut Vec<Problem>) -> (Vec<Call>, Vec<Word>) {
    let (mut calls, mut others) = (Vec::new(), Vec::new());
    for command in commands {
        match called(command) {
            Ok(Called::Known(call)) => calls.push(*call),
            Ok(Called::Other(word)) => others.push(word),
            Ok(Called::Nothing) => {}
            Err(problem) => problems.push(*problem),
        }
    }
    // `python train.py` alone in a README's prose is no command to import.
    calls.retain(|call| input.kind != Kind::Markdown || !call.arguments.is_empty());
    (calls, others)
}

/// Programs that prepare or sum up are no mistake where there are commands to import.
fn left_out(others: &[Word]) -> Vec<String> {
    let note = |word: &Word| {
        let place = word.source.place(word.span().start);
        format!("{place}: `{}` is no program that import knows; left out", word.text)
    };
    let mut notes: Vec<String> = others.iter().map(note).collect();
    notes.dedup();
    notes
}

/// Two experiments of one name cannot lie in one folder; the same experiment twice is one.
fn same_names(imported: &mut Imported, source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut kept: Vec<super::experiment::Import> = Vec::new();
    for experiment in std::mem::take(&mut imported.experiments) {
        match kept.iter().find(|other| other.name == experiment.name) {
            Some(other) if other.settings == experiment.settings => {}
            Some(other) => {
                let message = format!(
                    "`{}` is the name of two experiments: {}, and {}",
                    other.name, other.from, experiment.from
                );
                problems.push(source.problem_throughout(SAME_NAME, "name", message));
            }
            None => kept.push(experiment),
        }
    }
    imported.experiments = kept;
    problems
}

fn without_repeats(problems: Vec<Problem>) -> Vec<Problem> {
    let mut seen = HashSet::new();
    let key = |problem: &Problem| (problem.file.clone(), problem.line, problem.col, problem.message.clone());
    problems.into_iter().filter(|problem| seen.insert(key(problem))).collect()
}
