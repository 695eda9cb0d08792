//! `runner results`: runs, side by side.

use super::Talk;
use super::arguments::{Format, ResultsArguments};
use super::failure::{self, Failure};
use crate::record::{SweepFolder, SweepRow};
use crate::report::{Loaded, Query, ReportError, load, load_run};

/// Prints a table of the runs in a folder.
pub fn results(arguments: &ResultsArguments, talk: Talk) -> Result<u8, Failure> {
    let sweep = sweep(arguments)?;
    let loaded = match &sweep {
        Some(sweep) => load_sweep(sweep)?,
        None => load(&arguments.runs_dir)?,
    };
    for error in &loaded.unreadable {
        talk.say(format_args!("warning: left out: {error}"));
    }
    let conditions = arguments.conditions.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let query = Query {
        pattern: arguments.name.clone(),
        conditions,
        columns: arguments.columns.clone(),
        leading: sweep.as_ref().map(varying).transpose()?.unwrap_or_default(),
        over: arguments.over.clone(),
        sort: arguments.sort.clone(),
        descending: arguments.descending,
        top: arguments.top,
    };
    let table = query.table(&loaded.runs)?;
    if talk.json {
        let rows = serde_json::to_value(&table);
        talk.data(&rows.map_err(|error| Failure::new(failure::INTERNAL, error.to_string()))?);
        return Ok(0);
    }
    match arguments.format {
        Format::Text => print!("{}", table.to_text()),
        Format::Csv => print!("{}", table.to_csv()),
        Format::Markdown => print!("{}", table.to_markdown()),
    }
    if table.height() == 0 {
        talk.say(format_args!("no runs in {}", arguments.runs_dir.display()));
    }
    Ok(0)
}

/// The sweep whose points are asked for, if it is one.
fn sweep(arguments: &ResultsArguments) -> Result<Option<SweepFolder>, Failure> {
    let Some(name) = &arguments.sweep else {
        return Ok(Some(SweepFolder::at(&arguments.runs_dir)).filter(SweepFolder::is_sweep));
    };
    let found = SweepFolder::newest(&arguments.runs_dir, name).filter(SweepFolder::is_sweep);
    found.map(Some).ok_or_else(|| {
        let message = format!("there is no sweep `{name}` beside `{}`", arguments.runs_dir.display());
        Failure::new(failure::MISSING, message)
            .help("`runner sweep FILE` makes one, called as the file is; name the folder of its runs, too, if it is not `results/runs`")
    })
}

/// The points of a sweep that have begun.
fn load_sweep(sweep: &SweepFolder) -> Result<Loaded, Failure> {
    let mut loaded = Loaded::default();
    for row in sweep.rows()?.into_iter().filter(|row| row.number.is_some()) {
        match load_run(&row.dir) {
            Ok(run) => loaded.runs.extend(run),
            Err(error) => loaded.unreadable.push(error),
        }
    }
    Ok(loaded)
}

/// The options in which its points differ.
fn varying(sweep: &SweepFolder) -> Result<Vec<String>, Failure> {
    let rows: Vec<SweepRow> = sweep.rows()?.into_iter().filter(|row| row.number.is_some()).collect();
    let mut paths: Vec<String> = Vec::new();
    for path in rows.iter().flat_map(|row| row.settings.keys()) {
        let differs = rows.iter().any(|row| row.settings.get(path) != rows[0].settings.get(path));
        if differs && path != "experiment" && !paths.contains(path) {
            paths.push(path.clone());
        }
    }
    Ok(paths)
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        let failure = Failure::new(failure::REQUEST, error.to_string());
        match error.help() {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}
