//! What importing comes to: experiments as TOML, evaluations as commands.

use std::fmt::Write as _;

use super::settings::{Setting, experiment};
use super::value::basic_string;
use crate::config::Experiment;

/// All that a text came to.
#[derive(Debug, Default)]
pub struct Imported {
    pub experiments: Vec<Import>,
    pub evaluations: Vec<Evaluation>,
    /// What concerns no single experiment.
    pub notes: Vec<String>,
}

/// A training command as an experiment.
#[derive(Debug, Clone)]
pub struct Import {
    /// What its file should be called, without `.toml`.
    pub name: String,
    /// Where the command stands and which program it calls.
    pub from: String,
    pub settings: Vec<Setting>,
    /// What the command says that changes nothing here, or something to know.
    pub notes: Vec<String>,
}

impl Import {
    /// The experiment, its name and other defaults included; `None` where the options form none.
    pub fn experiment(&self) -> Option<Experiment> {
        let mut experiment = experiment(&self.settings)?;
        experiment.name.clone_from(&self.name);
        Some(experiment)
    }

    /// Its file: `schema` is the path for the first line, options at the paths `but` are left out.
    pub fn toml(&self, schema: &str, but: &[String]) -> String {
        let mut text = format!("#:schema {schema}\n\n# {}.toml: {}\n", self.name, one_line(&self.from));
        if !self.notes.is_empty() {
            text.push_str("#\n");
        }
        for note in &self.notes {
            _ = writeln!(text, "# {}", one_line(note));
        }
        let mut table = None;
        for setting in self.settings.iter().filter(|setting| !but.iter().any(|path| path == setting.path)) {
            let (name, leaf) = setting.path.rsplit_once('.').unwrap_or(("", setting.path));
            if table != Some(name) {
                table = Some(name);
                text.push('\n');
                if !name.is_empty() {
                    _ = writeln!(text, "[{name}]");
                }
            }
            _ = writeln!(text, "{leaf} = {}  # {}", setting.value.toml(), setting.origin);
        }
        text
    }
}

/// The text as a comment holds it: what was quoted in a command may have line ends.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// An evaluation command, said with `runner eval`.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The experiment whose run is judged; `None` where the command leaves it open.
    pub name: Option<String>,
    /// Which of its checkpoints: `best`, `latest` or a step.
    pub checkpoint: String,
    /// `--split dev`, `--meta FILE`, `-o DIR`.
    pub options: Vec<(&'static str, String)>,
    pub notes: Vec<String>,
}

impl Evaluation {
    /// The command; `folder` is the run's folder.
    pub fn command(&self, folder: &str) -> String {
        let mut command = format!("runner eval {}", quoted(&format!("{folder}@{}", self.checkpoint)));
        for (flag, value) in &self.options {
            _ = write!(command, " {flag} {}", quoted(value));
        }
        command
    }
}

/// The word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=@:,+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false if !word.contains('\'') => format!("'{word}'"),
        false => basic_string(word),
    }
}
