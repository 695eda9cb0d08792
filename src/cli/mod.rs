//! What was asked of us? The command line: parses, calls, prints, and ends with the right exit code.
//!
//! Data goes to standard output, talk to standard error; nothing below this room prints. One file per verb. Not for: any work that a
//! test would want without a process. Start at [`main`].

mod arguments;
mod bars;
mod check;
mod checkpoint;
mod clips;
mod codes;
mod coding;
mod completions;
mod data;
mod dataset;
mod doctor;
mod edit_codes;
mod eval;
mod eval_samples;
mod eval_speech;
mod eval_voices;
mod exhausted;
mod explain;
mod export;
mod failure;
mod features;
mod fetch;
mod forward;
mod g2p;
mod gc;
mod generate;
mod grid;
mod helper;
mod id;
mod import;
mod init;
#[cfg(feature = "cuda")]
mod lost_gpu;
mod metadata;
mod order;
mod paint;
mod plan;
mod predict;
mod prepare;
mod process;
mod profile;
mod reference;
mod report;
mod results;
mod run;
mod sentences;
mod show;
mod side_by_side;
mod signals;
mod similar;
mod speak;
mod speak_codes;
mod statistics;
mod stats;
mod status;
mod summary;
mod sweep;
mod transcribe;
#[cfg(feature = "transcribe")]
mod transcribing;
mod voice;
mod which;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Verb};
use failure::Failure;

use crate::record::{Count, Tally};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    completions::answer_shell();
    let arguments = Arguments::parse();
    paint::choose(arguments.color);
    // A panic is a bug of ours: it is reported as one, with its own exit code, and never as a raw backtrace.
    std::panic::set_hook(Box::new(|_| {}));
    exhausted::when_exhausted();
    #[cfg(feature = "cuda")]
    lost_gpu::when_lost();
    match std::panic::catch_unwind(|| dispatch(&arguments)) {
        Ok(Ok(code)) => ExitCode::from(code),
        Ok(Err(failure)) => failure.report(arguments.json),
        Err(panic) => Failure::internal(panic.as_ref()).report(arguments.json),
    }
}

fn dispatch(arguments: &Arguments) -> Result<u8, Failure> {
    let talk = Talk { json: arguments.json, quiet: arguments.quiet };
    match &arguments.verb {
        Verb::Run(run) => run::run(run, talk),
        Verb::Sweep(arguments) => sweep::sweep(arguments, talk),
        Verb::Status(arguments) => status::status(arguments, talk),
        Verb::Work(arguments) => sweep::work(arguments),
        Verb::Helper(arguments) => helper::helper(arguments),
        Verb::Check(check) => check::check(check, talk),
        Verb::Plan(request) => plan::plan(request, talk),
        Verb::Profile(arguments) => profile::profile(arguments, talk),
        Verb::Show(show) => show::show(show, talk),
        Verb::Schema { reference } => reference::schema(*reference),
        Verb::Eval(eval) => eval::eval(eval, talk),
        Verb::Predict(arguments) => predict::predict(arguments, talk),
        Verb::Export(arguments) => export::export(arguments, talk),
        Verb::Results(results) => results::results(results, talk),
        Verb::Report(arguments) => report::report(arguments, talk),
        Verb::Gc(arguments) => gc::gc(arguments, talk),
        Verb::Forward(forward) => forward::forward(forward, talk),
        Verb::Generate(arguments) => generate::generate(arguments, talk),
        Verb::Data(verb) => data::data(verb, talk),
        Verb::Explain { name } => explain::explain(name.as_deref(), talk),
        Verb::Id(request) => id::id(request, talk),
        Verb::Diff(diff) => id::diff(diff, talk),
        Verb::Init(init) => init::init(init, talk),
        Verb::Import(import) => import::run(import, talk),
        Verb::Doctor { slurm: true, .. } => doctor::cluster(talk),
        Verb::Doctor { runs_dir, .. } => doctor::doctor(runs_dir, talk),
        Verb::Completions { shell } => completions::completions(*shell),
        Verb::Man { output } => completions::man(output.as_deref()),
    }
}

/// How the program talks.
#[derive(Debug, Clone, Copy)]
struct Talk {
    /// JSON on standard output instead of text.
    json: bool,
    /// Nothing on standard error but errors.
    quiet: bool,
}

impl Talk {
    /// Prints JSON to standard output.
    fn data(self, value: &serde_json::Value) {
        println!("{value:#}");
    }

    /// How far something is, on standard error: a bar on a terminal, a line now and then elsewhere.
    fn tally(self, describe: fn(&Count) -> String) -> Tally {
        if self.quiet {
            Tally::lines(std::io::sink(), describe)
        } else if std::io::stderr().is_terminal() {
            Tally::bar(describe)
        } else {
            Tally::lines(std::io::stderr(), describe)
        }
    }

    /// Prints a line of talk to standard error.
    fn say(self, line: impl std::fmt::Display) {
        if !self.quiet {
            // Who cannot be told need not stop the work.
            _ = writeln!(std::io::stderr(), "{line}");
        }
    }
}
