//! `runner completions` and `runner man`: made from the same declarations as `--help`.
//!
//! The completion script asks the program itself at every TAB, so option paths after `-s` and their choices are completed too.

use std::ffi::OsStr;
use std::io;

use clap::CommandFactory;
use clap_complete::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};

use super::arguments::{Arguments, Shell};
use super::failure::{self, Failure};
use crate::config::{OptionDoc, Schema};
use crate::fetch::{Catalogue, Kind};

const VARIABLE: &str = "COMPLETE";

/// Answers a shell that asks for completions; returns where none does.
pub fn answer_shell() {
    if std::env::var_os(VARIABLE).is_some() {
        CompleteEnv::with_factory(Arguments::command).var(VARIABLE).complete();
    }
}

/// Prints the script that a shell has to read.
pub fn completions(shell: Shell) -> Result<u8, Failure> {
    let program = std::env::current_exe().map_or_else(|_| "runner".into(), |path| path.display().to_string());
    let shells = Shells::builtins();
    let Some(completer) = shells.completer(shell.name()) else {
        return Err(Failure::new(
            failure::INTERNAL,
            format!("there are no completions for `{}`", shell.name()),
        ));
    };
    completer
        .write_registration(VARIABLE, "runner", "runner", &program, &mut io::stdout())
        .map_err(unwritten)?;
    Ok(0)
}

/// Prints the manual page, or writes one for the program and each verb into a folder.
pub fn man(output: Option<&std::path::Path>) -> Result<u8, Failure> {
    match output {
        None => clap_mangen::Man::new(Arguments::command()).render(&mut io::stdout()).map_err(unwritten)?,
        Some(dir) => {
            std::fs::create_dir_all(dir)
                .and_then(|()| clap_mangen::generate_to(Arguments::command(), dir))
                .map_err(unwritten)?;
        }
    }
    Ok(0)
}

fn unwritten(error: io::Error) -> Failure {
    Failure::new(failure::IO, format!("cannot write the page: {error}"))
}

/// What may follow `-s`: option paths, then the option's choices.
pub fn assignments(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    if let Some((path, _)) = typed.split_once('=') {
        let Some(doc) = OptionDoc::at(path) else { return Vec::new() };
        let mut values: Vec<String> = doc.choices.iter().map(|(choice, _)| choice.clone()).collect();
        if values.is_empty() && doc.takes.starts_with("`true`") {
            values = vec!["true".into(), "false".into()];
        }
        let whole = values.into_iter().map(|value| format!("{path}={value}"));
        return whole.filter(|whole| whole.starts_with(&*typed)).map(CompletionCandidate::new).collect();
    }
    let leaves = Schema::get().leaves().iter().map(crate::config::Leaf::dotted);
    let candidate = |path: String| {
        let help = OptionDoc::at(&path).map(|doc| doc.summary.into());
        CompletionCandidate::new(format!("{path}=")).help(help)
    };
    leaves.filter(|path| path.starts_with(&*typed)).map(candidate).collect()
}

/// What `explain` may be asked about.
pub fn names(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let leaves = Schema::get().leaves().iter().map(crate::config::Leaf::dotted);
    let codes = super::codes::all().map(|code| code.id().to_owned());
    leaves.chain(codes).filter(|name| name.starts_with(&*typed)).map(CompletionCandidate::new).collect()
}

/// Corpora that can be fetched.
pub fn corpora(typed: &OsStr) -> Vec<CompletionCandidate> {
    fetchable(Kind::Corpus, typed)
}

/// Models that can be fetched.
pub fn models(typed: &OsStr) -> Vec<CompletionCandidate> {
    fetchable(Kind::Model, typed)
}

fn fetchable(kind: Kind, typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let Ok(catalogue) = Catalogue::shipped() else { return Vec::new() };
    let entries = catalogue.of(kind).iter().filter(|entry| entry.name.starts_with(&*typed));
    entries
        .map(|entry| CompletionCandidate::new(entry.name.clone()).help(Some(entry.about.clone().into())))
        .collect()
}
