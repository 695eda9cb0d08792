//! What a sweep says while it works: a line for a start and an end.

use super::show::{NO_VALUE, counted, leading, shown};
use super::study::{Study, StudyRun};
use crate::cli::Talk;
use crate::launch::sweep::{Outcome, Rules, Told};
use crate::record::Status;
use crate::record::units::{duration, metric};

/// What is about to be done.
pub fn opening(study: &Study, rules: &Rules, talk: Talk) {
    talk.say(format_args!(
        "sweep {}: {}; {} at a time on {} cores",
        study.folder.name(),
        counted(study),
        rules.at_a_time,
        rules.cores
    ));
}

/// Says what happens while it happens.
pub struct Teller<'a> {
    pub study: &'a Study,
    pub talk: Talk,
}

impl Teller<'_> {
    /// A line for a start and an end.
    pub fn tell(&self, told: Told<'_>) {
        match told {
            Told::Started { job, threads } => {
                let run = &self.study.runs[job];
                let threads = if threads == 1 { "1 thread".into() } else { format!("{threads} threads") };
                let pairs = leading(&self.study.varying).into_iter().map(|path| {
                    let value = shown(run, &path);
                    (path, value)
                });
                let settings: Vec<String> = pairs
                    .filter(|(_, value)| run.row.number.is_some() && value != NO_VALUE)
                    .map(|(path, value)| format!("{path}={value}"))
                    .collect();
                let colon = if settings.is_empty() { "" } else { ": " };
                self.say(job, format_args!("starts on {threads}{colon}{}", settings.join(", ")));
            }
            Told::Elsewhere { job } => self.say(job, format_args!("waits: another process works on it")),
            Told::Ended { job, outcome, secs } => self.ended(job, outcome, secs),
            Told::Tick { .. } => {}
        }
    }

    fn ended(&self, job: usize, outcome: &Outcome, secs: Option<f64>) {
        let run = &self.study.runs[job];
        let took = secs.map(|secs| format!(" in {}", duration(secs))).unwrap_or_default();
        match outcome {
            Outcome::Reused => self.say(job, format_args!("was done before")),
            Outcome::Done => self.say(job, format_args!("done{took}{}", headline(run))),
            Outcome::Interrupted => self.say(job, format_args!("interrupted{}", self.at_step(run))),
            Outcome::Failed { cause, earlier: false } => {
                self.say(job, format_args!("failed{took}: {cause}"));
            }
            Outcome::Failed { cause, earlier: true } => self.say(job, format_args!("failed before: {cause}")),
            Outcome::Blocked { by } => {
                let needed = self.study.runs[*by].order.plan.folder_name();
                self.say(job, format_args!("cannot start: it needs {needed}"));
            }
            Outcome::Untouched => {}
        }
    }

    fn at_step(&self, run: &StudyRun) -> String {
        let status = Status::read(&run.job.folder).ok().flatten();
        status.map(|status| format!(" at step {} of {}", status.step, run.job.max_steps)).unwrap_or_default()
    }

    fn say(&self, job: usize, what: std::fmt::Arguments<'_>) {
        let run = &self.study.runs[job];
        let all = self.study.points().count();
        let place = match run.row.number {
            Some(number) => format!("{number}/{all}"),
            None => "needed".to_owned(),
        };
        self.talk.say(format_args!("[{place}] {} {what}", run.order.plan.folder_name()));
    }
}

/// `: test/wer 12.3 %`, where there is such a thing.
fn headline(run: &StudyRun) -> String {
    let status = Status::read(&run.job.folder).ok().flatten().unwrap_or_default();
    let names = ["test/wer", "test/clf_acc", "test/loss", "dev/loss"];
    let found = names.iter().find_map(|name| Some((name, *status.metrics.get(*name)?)));
    found.map(|(name, value)| format!(": {name} {}", metric(name, value))).unwrap_or_default()
}
