//! `runner report`: runs as one page of HTML.

mod heard;
mod named;

use std::io::Read;
use std::path::Path;

use serde_json::json;

use super::Talk;
use super::arguments::ReportArguments;
use super::failure::{self, Failure};
use crate::record::folder::write_whole;
use crate::record::{now_utc, units};
use crate::report::page::{Figure, Page, Record};
use named::Named;

/// What every page of ours says near its beginning, so that it may be written anew.
const OURS: &str = "<meta name=\"generator\" content=\"runner report\">";
/// Bytes in which that is found.
const NEAR: u64 = 4096;

/// Writes the page.
pub fn report(arguments: &ReportArguments, talk: Talk) -> Result<u8, Failure> {
    has_room(&arguments.output)?;
    let figures = arguments.figures.iter().map(|text| figure(text)).collect::<Result<Vec<Figure>, _>>()?;
    let Named { title, dirs, notes } = named::find(arguments)?;
    let mut page = Page {
        title: arguments.title.clone().unwrap_or(title),
        made: now_utc(),
        records: dirs.iter().map(|dir| Record::read(dir)).collect(),
        figures,
        sounds: arguments.audio,
        notes,
        ..Page::default()
    };
    heard::add(&mut page, arguments.audio);
    let html = page.html()?;
    write_whole(&arguments.output, html.as_bytes())?;
    let (runs, bytes) = (page.records.len(), html.len());
    if talk.json {
        talk.data(&json!({ "path": arguments.output, "bytes": bytes, "runs": runs, "notes": page.notes }));
    } else {
        for note in page.records.iter().flat_map(|record| &record.missing).chain(&page.notes) {
            talk.say(format_args!("note: {note}"));
        }
        let runs = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
        talk.say(format_args!(
            "wrote {} ({runs}, {})",
            arguments.output.display(),
            units::bytes(bytes as u64)
        ));
    }
    Ok(0)
}

/// Finds out before any work whether the page has a place: nothing but an older page is replaced.
fn has_room(output: &Path) -> Result<(), Failure> {
    let dir = output.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !dir.is_dir() {
        let message = format!("cannot write `{}`: there is no folder `{}`", output.display(), dir.display());
        return Err(Failure::new(failure::IO, message).help("make the folder first"));
    }
    if output.is_dir() {
        let message = format!("cannot write `{}`: it is a folder", output.display());
        return Err(Failure::new(failure::IO, message).help("name a file, such as `report.html`"));
    }
    if output.exists() && !is_ours(output) {
        return Err(Failure::new(
            failure::RUNNING,
            format!("`{}` exists already, and is no page of `runner report`", output.display()),
        )
        .help("give another file name, or move it aside"));
    }
    Ok(())
}

fn is_ours(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(NEAR).read_to_end(&mut head));
    read.is_ok() && String::from_utf8_lossy(&head).contains(OURS)
}

/// `FILE` or `FILE=CAPTION`.
fn figure(text: &str) -> Result<Figure, Failure> {
    // A file may have the sign in its name.
    let (path, caption) = match text.split_once('=') {
        Some((path, caption)) if !Path::new(text).exists() => (Path::new(path), Some(caption)),
        _ => (Path::new(text), None),
    };
    Figure::read(path, caption).map_err(|error| {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => failure::MISSING,
            std::io::ErrorKind::InvalidData => failure::REQUEST,
            _ => failure::IO,
        };
        Failure::new(code, format!("cannot show `{}`: {error}", path.display()))
            .help("name an SVG or PNG file, and behind `=` its caption, for example `--figure results/tables/scaling.svg=Time by length`")
    })
}
