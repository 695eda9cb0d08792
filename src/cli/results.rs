//! `runner results`: runs, side by side.

use super::Talk;
use super::arguments::{Format, ResultsArguments};
use super::failure::{self, Failure};
use crate::report::{Query, ReportError, load};

/// Prints a table of the runs in a folder.
pub fn results(arguments: &ResultsArguments, talk: Talk) -> Result<u8, Failure> {
    let loaded = load(&arguments.runs_dir)?;
    for error in &loaded.unreadable {
        talk.say(format_args!("warning: left out: {error}"));
    }
    let conditions = arguments.conditions.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let query = Query {
        pattern: arguments.name.clone(),
        conditions,
        columns: arguments.columns.clone(),
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

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        let failure = Failure::new(failure::REQUEST, error.to_string());
        match error.help() {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}
