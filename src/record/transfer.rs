//! What people see while bytes come in or are written: a bar with rate and time left on a terminal, a line now and then elsewhere.

use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::units;

/// How far one file has come.
pub struct Transfer {
    show: Show,
    /// Which file.
    label: String,
}

enum Show {
    Bar(ProgressBar),
    Lines { to: Box<dyn Write + Send>, begun: Instant, from: u64, last: Instant },
}

impl Transfer {
    /// Least time between two lines, in seconds.
    pub const LINE_SECS: u64 = 30;

    /// A bar on standard error, which is a terminal.
    pub fn bar() -> Self {
        let bar = ProgressBar::hidden();
        Transfer { show: Show::Bar(bar), label: String::new() }
    }

    /// Plain lines to `to`.
    pub fn lines(to: impl Write + Send + 'static) -> Self {
        let now = Instant::now();
        let show = Show::Lines { to: Box::new(to), begun: now, from: 0, last: now };
        Transfer { show, label: String::new() }
    }

    /// A file begins, of which `have` bytes are here.
    pub fn begin(&mut self, label: &str, total_bytes: Option<u64>, have: u64) {
        self.end();
        self.label = label.to_owned();
        match &mut self.show {
            Show::Bar(bar) => {
                *bar = total_bytes.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
                // A template that cannot be read leaves the plain bar: not worth failing for.
                let template = match total_bytes {
                    Some(_) => {
                        "{prefix} {bar:24} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left"
                    }
                    None => "{prefix} {spinner} {decimal_bytes}  {decimal_bytes_per_sec}",
                };
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style.progress_chars("━╸ "));
                }
                bar.set_prefix(self.label.clone());
                bar.set_position(have);
                // The rate is that of this connection, not of what was here before.
                bar.reset_eta();
            }
            Show::Lines { begun, from, last, .. } => {
                (*begun, *from, *last) = (Instant::now(), have, Instant::now());
            }
        }
    }

    /// So much is here.
    pub fn at(&mut self, bytes: u64, total_bytes: Option<u64>) {
        match &mut self.show {
            Show::Bar(bar) => bar.set_position(bytes),
            Show::Lines { to, begun, from, last }
                if last.elapsed() >= Duration::from_secs(Self::LINE_SECS) =>
            {
                *last = Instant::now();
                let rate = bytes.saturating_sub(*from) as f64 / begun.elapsed().as_secs_f64().max(1e-3);
                let mut said = format!("{}: {}", self.label, units::bytes(bytes));
                if let Some(total) = total_bytes {
                    said += &format!(" of {}", units::bytes(total));
                }
                said += &format!("  {}/s", units::bytes(rate as u64));
                if let Some(total) = total_bytes.filter(|_| rate > 0.0) {
                    said += &format!("  {} left", units::duration(total.saturating_sub(bytes) as f64 / rate));
                }
                // A reader that went away must not end a download of hours.
                let _ = writeln!(to, "{said}").and_then(|()| to.flush());
            }
            Show::Lines { .. } => {}
        }
    }

    /// Says a line above the bar.
    pub fn say(&mut self, said: &str) {
        match &mut self.show {
            Show::Bar(bar) if bar.is_finished() || bar.is_hidden() => {
                let _ = writeln!(std::io::stderr(), "{said}");
            }
            Show::Bar(bar) => bar.println(said),
            Show::Lines { to, .. } => {
                let _ = writeln!(to, "{said}").and_then(|()| to.flush());
            }
        }
    }

    /// The file is through.
    pub fn end(&mut self) {
        if let Show::Bar(bar) = &self.show {
            bar.finish_and_clear();
        }
    }
}
