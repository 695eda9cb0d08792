//! What people see while a run works: a bar on a terminal, a line now and then elsewhere.
//!
//! Everything goes to standard error or to the writer that was handed over; whether there is a terminal is for the
//! caller to know. Lines carry no control characters and come at most every [`Progress::LINE_SECS`], so a log file of a
//! week stays short.

use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::error::RecordError;
use super::event::{Event, Sink, StepDone};
use super::pace::Pace;
use super::sentence::sentence;
use super::units;

/// The sink that people see.
pub struct Progress {
    show: Show,
    pace: Pace,
    /// The newest judgement's headline: `wer 12.34 %`.
    judged: Option<String>,
}

enum Show {
    Bar(ProgressBar),
    Lines { to: Box<dyn Write + Send>, last: Option<Instant> },
}

impl Progress {
    /// Least time between two lines about updates, in seconds.
    pub const LINE_SECS: u64 = 30;

    /// A bar on standard error, which is a terminal.
    pub fn bar() -> Self {
        Progress::bar_on(ProgressDrawTarget::stderr())
    }

    fn bar_on(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        // A template that cannot be read leaves the plain bar: not worth failing a run for.
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {msg}") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Progress { show: Show::Bar(bar), pace: Pace::default(), judged: None }
    }

    /// Plain lines to `to`.
    pub fn lines(to: impl Write + Send + 'static) -> Self {
        let show = Show::Lines { to: Box::new(to), last: None };
        Progress { show, pace: Pace::default(), judged: None }
    }

    fn step(&mut self, done: &StepDone) {
        self.pace.step(done);
        let due = match &self.show {
            Show::Bar(_) => true,
            Show::Lines { last, .. } => {
                last.is_none_or(|last| last.elapsed() >= Duration::from_secs(Self::LINE_SECS))
            }
        };
        if !due {
            return;
        }
        let said = self.describe(done);
        match &mut self.show {
            Show::Bar(bar) => {
                bar.set_length(self.pace.max_steps());
                bar.set_position(done.step);
                bar.set_message(said);
            }
            Show::Lines { to, last } => {
                say(to, &said);
                *last = Some(Instant::now());
            }
        }
    }

    /// `step 120/600  loss 1.234  wer 12.34 %  lr 5.000e-4  34.5 s of audio/s  1 min 02 s left`
    fn describe(&self, done: &StepDone) -> String {
        let mut parts =
            vec![format!("step {}/{}", units::count(done.step), units::count(self.pace.max_steps()))];
        // The total where there is one, else what it is made of.
        let total = done.losses.get_key_value("loss");
        let terms = done.losses.iter().filter(|_| total.is_none());
        parts.extend(
            total.into_iter().chain(terms).map(|(name, value)| format!("{name} {}", units::number(*value))),
        );
        parts.extend(self.judged.clone());
        parts.push(format!("lr {}", units::number(done.lr)));
        parts.push(format!("{:.1} s of audio/s", self.pace.audio_secs_per_sec()));
        parts.push(format!("{} left", units::duration(self.pace.secs_left(done.step))));
        parts.join("  ")
    }

    fn tell(&mut self, said: &str) {
        match &mut self.show {
            Show::Bar(bar) => bar.println(said),
            Show::Lines { to, .. } => say(to, said),
        }
    }
}

/// A reader that went away (a closed pipe) must not end a run of days.
fn say(to: &mut dyn Write, said: &str) {
    let _ = writeln!(to, "{said}").and_then(|()| to.flush());
}

impl Sink for Progress {
    fn emit(&mut self, event: &Event) -> Result<(), RecordError> {
        match event {
            Event::RunStarted(started) => self.pace = Pace::new(started.max_steps),
            Event::StepDone(done) => self.step(done),
            Event::EvalDone(done) if done.subject.is_none() => {
                let wer = done.metrics.get("wer").or_else(|| done.metrics.get("clf_acc"));
                let name = if done.metrics.contains_key("wer") { "wer" } else { "clf_acc" };
                self.judged = wer.map(|wer| format!("{name} {}", units::metric(name, *wer)));
            }
            Event::RunFinished(_) => {
                if let Show::Bar(bar) = &self.show {
                    bar.finish_and_clear();
                }
            }
            _ => {}
        }
        match (event, &self.show) {
            // Checkpoints come often and are in the log.
            (Event::CheckpointSaved(_), _) => {}
            (Event::EvalStarted { split, .. }, Show::Bar(bar)) => {
                bar.set_message(format!("judging on {split}"))
            }
            (Event::SoundsStarted { .. }, Show::Bar(bar)) => {
                bar.set_message(sentence(event).unwrap_or_default());
            }
            (Event::EvalStarted { .. } | Event::SoundsStarted { .. }, Show::Lines { .. }) => {}
            _ => {
                if let Some(said) = sentence(event) {
                    self.tell(&said);
                }
            }
        }
        Ok(())
    }
}
