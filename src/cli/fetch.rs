//! `runner data fetch`: public corpora and checkpoints, or the list of them.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Talk;
use super::arguments::FetchArguments;
use super::failure::{self, Failure};
use super::signals::at_first_signal;
use crate::fetch::{
    Catalogue, FetchError, Fetched, FileState, Kind, Listed, Manners, Mirror, Notice, Request, listing,
};
use crate::record::{Transfer, units};

/// How long what is under way may take to end after Ctrl-C: a server may be silent for longer.
const GRACE: Duration = Duration::from_secs(2);

/// Fetches, compares or lists.
pub fn fetch(arguments: &FetchArguments, talk: Talk) -> Result<u8, Failure> {
    let catalogue = match &arguments.catalogue {
        Some(path) => Catalogue::read(path)?,
        None => Catalogue::shipped()?,
    };
    let entry = match (&arguments.name, &arguments.model) {
        (Some(name), _) => catalogue.find(Kind::Corpus, name)?,
        (None, Some(name)) => catalogue.find(Kind::Model, name)?,
        (None, None) => return list(arguments, &catalogue, talk),
    };
    let request = Request {
        entry,
        subsets: arguments.subset.clone(),
        to: arguments.to.clone(),
        mirror: arguments.mirror.as_deref().map(Mirror::parse).transpose()?,
        manners: Manners {
            retries: arguments.retries,
            wait_secs: arguments.retry_wait,
            keep_archive: arguments.keep_archive,
        },
    };
    let stop = on_signals(talk)?;
    let mut shown = Shown::new(talk);
    let mut tell = |notice: &Notice| shown.take(notice);
    let done =
        if arguments.verify { request.verify(&stop, &mut tell) } else { request.run(&stop, &mut tell) };
    shown.transfer.end();
    let fetched = done.map_err(|error| match error {
        FetchError::Interrupted => Failure::new(failure::KILLED, KEPT),
        error => error.into(),
    })?;
    tell_result(&fetched, talk);
    Ok(0)
}

const KEPT: &str = "interrupted; what arrived is kept, and the same command goes on from there";

/// Asks what is under way to stop; ends the process where it does not, or at a second Ctrl-C. Whatever the moment, nothing partial has the
/// name of something whole.
fn on_signals(talk: Talk) -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let request = stop.clone();
    at_first_signal(move || {
        request.store(true, Ordering::Relaxed);
        std::thread::spawn(move || {
            std::thread::sleep(GRACE);
            talk.say(KEPT);
            std::process::exit(i32::from(failure::KILLED));
        });
    })?;
    Ok(stop)
}

/// Notices as people see them.
struct Shown {
    transfer: Transfer,
    /// Whether the bar is that of an archive.
    unpacking: bool,
    talk: Talk,
}

impl Shown {
    fn new(talk: Talk) -> Self {
        let transfer = if talk.quiet {
            Transfer::lines(std::io::sink())
        } else if std::io::stderr().is_terminal() {
            Transfer::bar()
        } else {
            Transfer::lines(std::io::stderr())
        };
        Shown { transfer, unpacking: false, talk }
    }

    fn take(&mut self, notice: &Notice) {
        match notice {
            Notice::At { bytes, total } => return self.transfer.at(*bytes, *total),
            Notice::Unpacking { file, bytes } => {
                if !std::mem::replace(&mut self.unpacking, true) {
                    self.transfer.begin(&format!("unpacking {file}"), None, 0);
                }
                return self.transfer.at(*bytes, None);
            }
            Notice::Verified { .. }
            | Notice::Unpacked { .. }
            | Notice::Again { .. }
            | Notice::StartsOver { .. } => {
                self.transfer.end();
            }
            _ => {}
        }
        self.talk.say(notice);
        match notice {
            Notice::Begun { file, bytes, have } => self.transfer.begin(file, *bytes, *have),
            Notice::Unpacked { .. } => self.unpacking = false,
            _ => {}
        }
    }
}

/// Says how everything stands.
fn tell_result(fetched: &Fetched, talk: Talk) {
    if talk.json {
        talk.data(&serde_json::to_value(fetched).unwrap_or_default());
    }
    let all = |state: FileState| fetched.files.iter().all(|file| file.state == state);
    let folder = fetched.folder.display();
    if all(FileState::AlreadyThere) {
        talk.say(format_args!("{} is already there: {folder}", fetched.name));
    } else if all(FileState::Compared) {
        talk.say(format_args!("{} is as it was fetched: {folder}", fetched.name));
    } else {
        talk.say(format_args!("{} is at {folder}; its licence: {}", fetched.name, fetched.licence));
    }
    if let Some(next) = &fetched.next {
        talk.say(format_args!("next: {next}"));
    }
}

fn list(arguments: &FetchArguments, catalogue: &Catalogue, talk: Talk) -> Result<u8, Failure> {
    if arguments.verify || arguments.to.is_some() || !arguments.subset.is_empty() {
        return Err(Failure::new(failure::REQUEST, "what to fetch is not said")
            .help("name a corpus, or a model with `--model`; without options, all of them are listed"));
    }
    let listed = listing(catalogue);
    if talk.json {
        talk.data(&serde_json::to_value(&listed).unwrap_or_default());
        return Ok(0);
    }
    let wide = listed.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    for (kind, heading) in [
        ("corpus", "corpora: `runner data fetch NAME`"),
        ("model", "models: `runner data fetch --model NAME`"),
    ] {
        let mut entries = listed.iter().filter(|entry| entry.kind == kind).peekable();
        if entries.peek().is_some() {
            println!("{heading}\n");
        }
        for entry in entries {
            print_entry(entry, wide);
        }
    }
    Ok(0)
}

fn print_entry(entry: &Listed, wide: usize) {
    let size = match (entry.walled.is_some(), entry.bytes) {
        (true, _) => "by hand".to_owned(),
        (_, 0) => "size unknown".to_owned(),
        (_, bytes) => {
            let how = if entry.more {
                "over "
            } else if entry.roughly {
                "about "
            } else {
                ""
            };
            format!("{how}{}", units::bytes(bytes))
        }
    };
    let here = match (entry.here, entry.files) {
        (0, _) => "–".to_owned(),
        (here, files) if here == files => "here".to_owned(),
        (here, files) => format!("{here} of {files}"),
    };
    let folder = entry.folder.as_deref().map_or_else(|| "?".into(), from_home);
    println!("{:wide$}  {size:12}  {here:7}  {folder}", entry.name);
    println!("    {}", entry.about);
    println!("    licence: {}", entry.licence);
    if !entry.subsets.is_empty() {
        println!("    subsets: {}", entry.subsets.join(", "));
    }
    println!();
}

/// A path as people write it: `~` for their home folder.
fn from_home(path: &Path) -> String {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    match home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}
