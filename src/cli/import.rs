//! `runner import`: the papers' own command lines as experiments.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Talk;
use super::arguments::{ImportArguments, Request};
use super::failure::{self, Failure};
use super::init::schema_beside;
use super::order::{idle_everywhere, orders};
use crate::import::{Evaluation, Import, Imported, Input, Options, import};
use crate::plan::resolve;

/// An imported experiment as a file.
struct File {
    name: String,
    toml: String,
    notes: Vec<String>,
}

/// An imported evaluation as a command.
struct Judgement {
    command: String,
    notes: Vec<String>,
}

/// Prints experiments, or writes one file each; evaluations are printed as commands.
pub fn run(arguments: &ImportArguments, talk: Talk) -> Result<u8, Failure> {
    let input = input(&arguments.from)?;
    let read = |path: &Path| fs::read_to_string(path);
    let imported = import(&input, &Options { name: arguments.name.as_deref(), read: &read })?;
    let schema = match &arguments.output {
        Some(folder) => {
            fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
            schema_beside(folder)?
        }
        // As for a file in `experiments/`, where one is saved to more often than not.
        None => "../schemas/experiment.schema.json".to_owned(),
    };
    let Imported { experiments, evaluations, notes } = imported;
    let files: Vec<File> = experiments.iter().map(|experiment| file(experiment, &schema)).collect();
    if let Some(folder) = &arguments.output {
        write(folder, &files, talk)?;
    }
    let judgements: Vec<Judgement> =
        evaluations.iter().map(|evaluation| judgement(evaluation, arguments.output.as_deref())).collect();
    if talk.json {
        talk.data(&as_json(&files, &judgements, &notes));
    } else {
        print(&files, &judgements, arguments.output.is_some());
    }
    say(&files, &judgements, &notes, talk);
    if files.len() > 1 && arguments.output.is_none() {
        talk.say(format_args!("{} experiments: `-o DIR` writes a file for each", files.len()));
    }
    Ok(0)
}

/// The text behind the argument: a file's, standard input's, or the argument itself.
fn input(from: &str) -> Result<Input, Failure> {
    if from == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map_err(|error| Failure::unread("standard input", &error))?;
        return Ok(Input::file("<stdin>", &text));
    }
    let is_command = from.contains(char::is_whitespace) && !Path::new(from).is_file();
    if is_command {
        return Ok(Input::command(from));
    }
    match fs::read_to_string(from) {
        Ok(text) => Ok(Input::file(from, &text)),
        Err(error) => Err(Failure::unread(from, &error).help(
            "give a README, a shell recipe, `-`, or a command in quotes: `runner import 'python train.py …'`",
        )),
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::new(failure::IO, format!("cannot write `{}`: {error}", path.display()))
}

/// The experiment without what nothing in it reads, of which only the command's own flags are worth a note.
fn file(experiment: &Import, schema: &str) -> File {
    let mut experiment = experiment.clone();
    let mut idle = Vec::new();
    if let Some(typed) = experiment.experiment() {
        if let Err(problems) = resolve(&typed, Vec::new()) {
            let refused =
                |problem: crate::plan::Problem| format!("`runner check` refuses this: {}", problem.message);
            experiment.notes.extend(problems.into_iter().map(refused));
        }
        idle = idle_everywhere(&typed, &[]);
    }
    let unread = |path: &str| idle.iter().any(|other| other == path);
    let said =
        experiment.settings.iter().filter(|setting| unread(setting.path) && setting.origin.starts_with('-'));
    let notes: Vec<String> = said
        .map(|setting| format!("{}: without effect; nothing in this run reads it", setting.origin))
        .collect();
    experiment.notes.extend(notes);
    File { toml: experiment.toml(schema, &idle), name: experiment.name, notes: experiment.notes }
}

fn write(folder: &Path, files: &[File], talk: Talk) -> Result<(), Failure> {
    let path = |file: &File| -> PathBuf { folder.join(format!("{}.toml", file.name)) };
    if let Some(taken) = files.iter().map(path).find(|path| path.exists()) {
        return Err(Failure::new(failure::RUNNING, format!("`{}` exists already", taken.display()))
            .help("give another folder, or move it aside"));
    }
    for file in files {
        crate::record::folder::write_whole(&path(file), file.toml.as_bytes())?;
        talk.say(format_args!("wrote {}", path(file).display()));
    }
    Ok(())
}

/// The command with the run's folder, as far as the experiment is at hand.
fn judgement(evaluation: &Evaluation, folder: Option<&Path>) -> Judgement {
    let mut notes = evaluation.notes.clone();
    let Some(name) = &evaluation.name else {
        notes.push("the command leaves open which run is judged: put its folder in".to_owned());
        return Judgement { command: evaluation.command("results/runs/RUN"), notes };
    };
    let run = [folder, Some(Path::new("experiments"))].into_iter().flatten().find_map(|folder| {
        let experiment = folder.join(format!("{name}.toml"));
        let request = Request { experiment, profile: None, hparams: None, sets: Vec::new() };
        request.experiment.is_file().then(|| orders(&request).ok())?.map(|orders| orders.asked.plan.dir())
    });
    let run = run.map_or_else(
        || {
            notes.push(format!("`{name}` is no experiment here: put its run's folder in"));
            format!("results/runs/{name}-HASH")
        },
        |dir| dir.display().to_string(),
    );
    Judgement { command: evaluation.command(&run), notes }
}

fn print(files: &[File], judgements: &[Judgement], written: bool) {
    if !written {
        let texts: Vec<&str> = files.iter().map(|file| file.toml.as_str()).collect();
        print!("{}", texts.join("\n"));
    }
    let comment = if files.is_empty() || written { "" } else { "# " };
    if !comment.is_empty() && !judgements.is_empty() {
        println!("\n# evaluations");
    }
    for judgement in judgements {
        println!("{comment}{}", judgement.command);
    }
}

fn as_json(files: &[File], judgements: &[Judgement], notes: &[String]) -> serde_json::Value {
    let experiments: Vec<_> =
        files.iter().map(|file| json!({"name": file.name, "toml": file.toml, "notes": file.notes})).collect();
    let evals: Vec<_> = judgements
        .iter()
        .map(|judgement| json!({"command": judgement.command, "notes": judgement.notes}))
        .collect();
    json!({"experiments": experiments, "evals": evals, "notes": notes})
}

/// Every note once, with the experiments it is about.
fn say(files: &[File], judgements: &[Judgement], notes: &[String], talk: Talk) {
    let mut said: Vec<(&str, Vec<&str>)> = Vec::new();
    let of_files =
        files.iter().flat_map(|file| file.notes.iter().map(|note| (note.as_str(), file.name.as_str())));
    let of_evals =
        judgements.iter().flat_map(|judgement| judgement.notes.iter().map(|note| (note.as_str(), "eval")));
    for (note, name) in of_files.chain(of_evals) {
        match said.iter_mut().find(|(other, _)| *other == note) {
            Some((_, names)) if names.contains(&name) => {}
            Some((_, names)) => names.push(name),
            None => said.push((note, vec![name])),
        }
    }
    for (note, names) in said {
        match files.len() + judgements.len() {
            1 => talk.say(format_args!("note: {note}")),
            _ if names.len() == files.len() => talk.say(format_args!("note: every experiment: {note}")),
            _ => talk.say(format_args!("note: {}: {note}", names.join(", "))),
        }
    }
    notes.iter().for_each(|note| talk.say(format_args!("note: {note}")));
}
