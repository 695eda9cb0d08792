//! How many of how many: a bar on a terminal, a line now and then elsewhere.

use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::progress::Progress;
use super::units;

/// The count that people see.
pub struct Tally {
    show: Show,
    describe: fn(&Count) -> String,
    all: u64,
    /// Done before this start, which says nothing about the pace.
    before: u64,
    began: Instant,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    pub done: u64,
    pub all: u64,
    /// A second's share of what was done since this start; not finite before anything was.
    pub per_sec: f64,
}

impl Count {
    /// `412 of 2,351 files  3 min 10 s left`
    pub fn files(&self) -> String {
        self.of("files")
    }

    /// `4 of 15 runs  1 h 10 min left`
    pub fn runs(&self) -> String {
        self.of("runs")
    }

    /// `4 of 15 points  1 h 10 min left`
    pub fn points(&self) -> String {
        self.of("points")
    }

    /// `12 min of 3 h of sound  1 h 10 min left`; it counts seconds.
    pub fn sound(&self) -> String {
        let secs = |secs: u64| units::duration(secs as f64);
        format!("{} of {} of sound  {} left", secs(self.done), secs(self.all), self.left())
    }

    /// `1,228 of 6,400 frames  1,690 frames/s  3 s left`
    pub fn frames(&self) -> String {
        self.paced("frames")
    }

    /// `12,288 of 64,000 samples  16,900 samples/s  3 s left`
    pub fn samples(&self) -> String {
        self.paced("samples")
    }

    fn paced(&self, noun: &str) -> String {
        let [done, all, per_sec] = [self.done, self.all, self.per_sec as u64].map(units::count);
        format!("{done} of {all} {noun}  {per_sec} {noun}/s  {} left", self.left())
    }

    fn of(&self, noun: &str) -> String {
        format!("{} of {} {noun}  {} left", units::count(self.done), units::count(self.all), self.left())
    }

    /// How long it will take, in words.
    pub fn left(&self) -> String {
        units::duration(self.all.saturating_sub(self.done) as f64 / self.per_sec)
    }
}

enum Show {
    Bar(ProgressBar),
    Lines { to: Box<dyn Write + Send>, last: Instant },
}

impl Tally {
    /// A bar on standard error, which is a terminal, and beside it what `describe` says.
    pub fn bar(describe: fn(&Count) -> String) -> Self {
        let bar = ProgressBar::hidden();
        // A template that cannot be read leaves the plain bar: not worth failing for.
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {msg}") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Self::new(Show::Bar(bar), describe)
    }

    /// Plain lines to `to`, at most one every [`Progress::LINE_SECS`].
    pub fn lines(to: impl Write + Send + 'static, describe: fn(&Count) -> String) -> Self {
        Self::new(Show::Lines { to: Box::new(to), last: Instant::now() }, describe)
    }

    fn new(show: Show, describe: fn(&Count) -> String) -> Self {
        Self { show, describe, all: 0, before: 0, began: Instant::now() }
    }

    /// Work on `all` begins, of which `before` are done.
    pub fn begin(&mut self, all: u64, before: u64) {
        (self.all, self.before, self.began) = (all, before, Instant::now());
        if let Show::Bar(bar) = &self.show {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
            bar.set_length(all);
            bar.set_position(before);
        }
    }

    /// So many are done.
    pub fn at(&mut self, done: u64) {
        let said = (self.describe)(&self.count(done));
        match &mut self.show {
            Show::Bar(bar) => {
                bar.set_position(done);
                bar.set_message(said);
            }
            Show::Lines { to, last } => {
                if last.elapsed() >= Duration::from_secs(Progress::LINE_SECS) {
                    // A reader that went away must not end the work.
                    let _ = writeln!(to, "{said}").and_then(|()| to.flush());
                    *last = Instant::now();
                }
            }
        }
    }

    /// Says a line without disturbing the bar.
    pub fn beside(&self, say: impl FnOnce()) {
        match &self.show {
            Show::Bar(bar) => bar.suspend(say),
            Show::Lines { .. } => say(),
        }
    }

    /// Takes the bar away.
    pub fn finish(&mut self) {
        if let Show::Bar(bar) = &self.show {
            bar.finish_and_clear();
        }
    }

    fn count(&self, done: u64) -> Count {
        let per_sec = done.saturating_sub(self.before) as f64 / self.began.elapsed().as_secs_f64();
        Count { done, all: self.all, per_sec }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_before_does_not_count_for_the_pace() {
        let mut tally = Tally::lines(std::io::sink(), Count::files);
        tally.begin(2_000, 1_000);
        tally.began -= Duration::from_secs(100);
        assert_eq!(tally.count(1_500).files(), "1,500 of 2,000 files  1 min 40 s left");
        assert_eq!(tally.count(1_000).files(), "1,000 of 2,000 files  ? left");
    }
}
