//! Slurm's own programs, and their words when they refuse.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::record::RecordError;

/// Why the cluster did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SlurmError {
    #[error("`{program}` is not on the path: there is no Slurm here")]
    Absent { program: &'static str },
    #[error("`{program}` refuses: {words}")]
    Refused { program: &'static str, words: String },
    #[error("cannot start `{program}`: {source}")]
    Start { program: &'static str, source: io::Error },
    #[error("`{program}` answers `{words}`, where the number of a job should stand")]
    NoJob { program: &'static str, words: String },
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl SlurmError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            SlurmError::Absent { .. } => Some(
                "give the command on a node of the cluster from which jobs are submitted, or without `--on slurm` to work here".into(),
            ),
            SlurmError::Refused { program: "sbatch", .. } => Some(
                "`runner doctor --slurm` says what the cluster allows; resources are set in `[slurm]`".into(),
            ),
            SlurmError::Refused { .. } => Some("`runner doctor --slurm` looks at the cluster as a whole".into()),
            _ => None,
        }
    }
}

/// Whether a program of Slurm is on the path.
pub fn is_here(program: &str) -> bool {
    found(program).is_some()
}

fn found(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// What a program of Slurm answers, `input` being its standard input.
pub(super) fn ask(program: &'static str, arguments: &[&str], input: &str) -> Result<Answer, SlurmError> {
    let path = found(program).ok_or(SlurmError::Absent { program })?;
    let start = |source| SlurmError::Start { program, source };
    let mut command = Command::new(path);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Their columns and times are read here, so nobody's taste may change them.
    for name in ["SQUEUE_FORMAT", "SQUEUE_FORMAT2", "SINFO_FORMAT", "SLURM_TIME_FORMAT"] {
        command.env_remove(name);
    }
    let mut child = command.spawn().map_err(start)?;
    if let Some(mut stdin) = child.stdin.take() {
        // Who refuses early does not read: its words count, not this.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(start)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let words = words(program, &said);
    match output.status.success() {
        true => Ok(Answer { out: String::from_utf8_lossy(&output.stdout).into_owned(), words }),
        false => Err(SlurmError::Refused {
            program,
            words: if words.is_empty() { output.status.to_string() } else { words },
        }),
    }
}

/// What a program of Slurm answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub out: String,
    /// What it said beside.
    pub words: String,
}

/// A program's complaints in one line, without its name before each.
pub(super) fn words(program: &str, said: &str) -> String {
    let lines = said.lines().map(|line| {
        let line = line.trim();
        let line = line.strip_prefix(program).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(line);
        line.strip_prefix("error: ").unwrap_or(line)
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// Submits a script that waits for `after`, numbers of jobs, and gives its job's number.
///
/// # Errors
/// There is no `sbatch`, or it refuses.
pub fn submit(script: &Path, after: &[String]) -> Result<String, SlurmError> {
    let file = script.display().to_string();
    let mut arguments = vec!["--parsable".to_owned()];
    arguments.extend(dependency(after));
    arguments.push(file);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = ask("sbatch", &arguments, "")?.out;
    // With several clusters it is `NUMBER;CLUSTER`.
    let job = answer.trim().split(';').next().unwrap_or_default();
    match !job.is_empty() && job.chars().all(|c| c.is_ascii_digit()) {
        true => Ok(job.to_owned()),
        false => Err(SlurmError::NoJob { program: "sbatch", words: answer.trim().to_owned() }),
    }
}

/// How a job waits for others: where one of them fails, it is taken out of the queue.
pub fn dependency(after: &[String]) -> Vec<String> {
    if after.is_empty() {
        return Vec::new();
    }
    vec![format!("--dependency=afterok:{}", after.join(":")), "--kill-on-invalid-dep=yes".into()]
}

/// What the cluster says to a script without taking it.
///
/// # Errors
/// There is no `sbatch`, or it refuses.
pub fn test_only(script: &str) -> Result<String, SlurmError> {
    Ok(ask("sbatch", &["--test-only"], script)?.words)
}
