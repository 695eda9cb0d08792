//! The batch script of a chunk: everything a job does can be read in it.

use std::path::Path;

use crate::plan::SlurmPlan;
use crate::record::host::VERSION;

/// A chunk, written down for `sbatch`.
#[derive(Debug, Clone, Copy)]
pub struct Script<'a> {
    /// The job's name.
    pub name: &'a str,
    pub plan: &'a SlurmPlan,
    pub runs: &'a [Run],
    /// Whether its runs are tasks of an array; a single job has one run.
    pub is_array: bool,
    /// Tasks at a time; 0 = no bound.
    pub at_a_time: usize,
    /// Where paths of experiments begin.
    pub working_dir: &'a Path,
    /// The frozen program.
    pub program: &'a Path,
    /// The sweep's folder.
    pub sweep: &'a Path,
    /// Where the jobs' words go.
    pub logs: &'a Path,
}

/// A run as it stands in a script.
#[derive(Debug, Clone)]
pub struct Run {
    pub id: String,
    /// What it is, for who reads the script.
    pub comment: String,
}

impl Script<'_> {
    /// The script's text.
    pub fn text(&self) -> String {
        let mut lines = vec!["#!/bin/bash".to_owned()];
        lines.push(format!(
            "# {}, frozen by runner {VERSION} in {}",
            self.what(),
            one_line(&self.sweep.display().to_string())
        ));
        lines.extend(self.head().into_iter().map(|option| format!("#SBATCH {option}")));
        lines.push(String::new());
        // A signal before the program listens is not its end. Slurm says it again, as TERM, when time is over.
        lines.push("trap '' USR2".into());
        // Options that variables set had their say when the runs were frozen.
        lines.push("unset \"${!RUNNER__@}\"".into());
        lines.extend(self.plan.setup.iter().cloned());
        lines.extend(self.runs_array());
        // The batch process becomes the program, so that signals reach it.
        let id = if self.is_array { "\"${runs[SLURM_ARRAY_TASK_ID]}\"".into() } else { self.first() };
        let (program, sweep) = (quoted(self.program), quoted(self.sweep));
        let threads = "\"${SLURM_CPUS_PER_TASK:-0}\"";
        let words = ["exec", &program, "--color never", "work", "--slurm", "--threads", threads, &sweep, &id];
        lines.push(words.join(" "));
        lines.join("\n") + "\n"
    }

    fn what(&self) -> String {
        match self.runs {
            [run] if !self.is_array => one_line(&run.comment),
            [_] => "1 run".into(),
            runs => format!("{} runs", runs.len()),
        }
    }

    fn first(&self) -> String {
        self.runs.first().map(|run| run.id.clone()).unwrap_or_default()
    }

    /// The options of `sbatch`: the sweep's own, then the resources.
    fn head(&self) -> Vec<String> {
        let mut options = vec![format!("--job-name={}", self.name)];
        let mut file = "%x_%j.out";
        if self.is_array {
            let bound = if self.at_a_time > 0 { format!("%{}", self.at_a_time) } else { String::new() };
            options.push(format!("--array=0-{}{bound}", self.runs.len().saturating_sub(1)));
            file = "%x_%A_%a.out";
        }
        // Slurm fills in what stands behind a `%`.
        let logs = self.logs.display().to_string().replace('%', "%%");
        options.push(format!("--output={}", in_head(&format!("{logs}/{file}"))));
        options.push(format!("--chdir={}", in_head(&self.working_dir.display().to_string())));
        options.push("--ntasks=1".into());
        options.push("--open-mode=append".into());
        options.push("--requeue".into());
        options.push(format!("--signal=B:USR2@{}", self.plan.signal_lead_secs));
        options.extend(self.plan.options.iter().cloned());
        options
    }

    fn runs_array(&self) -> Vec<String> {
        if !self.is_array {
            return Vec::new();
        }
        let mut lines = vec!["runs=(".to_owned()];
        lines.extend(self.runs.iter().map(|run| format!("  {}  # {}", run.id, one_line(&run.comment))));
        lines.push(")".into());
        lines
    }
}

/// A word of the shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=@".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A word of a line of `#SBATCH`.
fn in_head(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=@%".contains(c);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// Words for a comment, which ends with its line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
