//! `runner results`: runs, side by side.

use std::io::{IsTerminal, Write};
use std::path::Path;

use super::Talk;
use super::arguments::{Format, ResultsArguments};
use super::failure::{self, Failure};
use super::which::Which;
use crate::record::folder::write_whole;
use crate::report::{Group, Paper, Query, ReportError, Run, Table};

/// Prints or writes a table of runs.
pub fn results(arguments: &ResultsArguments, talk: Talk) -> Result<u8, Failure> {
    let Which { loaded, dirs, patterns, varying } =
        Which::read(&arguments.which, arguments.sweep.as_deref())?;
    for error in &loaded.unreadable {
        talk.say(format_args!("warning: left out: {error}"));
    }
    let format = format(arguments, talk)?;
    let conditions = arguments.conditions.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let query = Query {
        patterns,
        conditions,
        columns: arguments.columns.clone(),
        leading: varying,
        wide: arguments.wide || !matches!(format, Format::Table | Format::Md | Format::Latex),
        group: match arguments.across.is_empty() {
            true => arguments.group_by.as_deref().map(group),
            false => Some(Group::Across(arguments.across.clone())),
        },
        sort: arguments.sort.clone(),
        descending: arguments.descending,
        top: arguments.top,
    };
    let table = match &arguments.paper {
        Some(name) => beside_paper(&Paper::named(name)?, &query.choose(&loaded.runs)?, talk)?,
        None => query.table(&loaded.runs)?,
    };
    write(&bytes(&table, format)?, arguments.output.as_deref(), format, talk)?;
    if table.height() == 0 {
        let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
        talk.say(format_args!("no such runs in {}", dirs.join(", ")));
    }
    if arguments.columns.is_empty() && arguments.paper.is_none() {
        say_unshown(&query.unshown(&loaded.runs)?, talk);
    }
    Ok(0)
}

/// The runs beside what was published, and what that was.
fn beside_paper(paper: &Paper, runs: &[Run], talk: Talk) -> Result<Table, Failure> {
    talk.say(format_args!("{}; published: {}, on {}", paper.title, paper.source, paper.corpus));
    Ok(paper.table(runs)?)
}

/// The format asked for, or that of the file's name.
fn format(arguments: &ResultsArguments, talk: Talk) -> Result<Format, Failure> {
    if talk.json {
        return Ok(Format::Json);
    }
    let extension =
        arguments.output.as_deref().and_then(Path::extension).and_then(|extension| extension.to_str());
    match (arguments.format, extension) {
        (Some(format), _) => Ok(format),
        (None, None) => Ok(Format::Table),
        (None, Some("txt")) => Ok(Format::Table),
        (None, Some("md")) => Ok(Format::Md),
        (None, Some("csv")) => Ok(Format::Csv),
        (None, Some("json")) => Ok(Format::Json),
        (None, Some("parquet")) => Ok(Format::Parquet),
        (None, Some("tex")) => Ok(Format::Latex),
        (None, Some(other)) => {
            let failure = Failure::new(failure::REQUEST, format!("`.{other}` is the ending of no format"));
            Err(failure.help(
                "endings are `.txt`, `.md`, `.csv`, `.json`, `.parquet` and `.tex`; or name it by `--format`",
            ))
        }
    }
}

/// `repetitions`, which stands for the flag alone, or columns with commas.
fn group(asked: &str) -> Group {
    match asked {
        ResultsArguments::REPETITIONS => Group::Repetitions,
        columns => Group::By(columns.split(',').map(|column| column.trim().to_owned()).collect()),
    }
}

fn bytes(table: &Table, format: Format) -> Result<Vec<u8>, Failure> {
    Ok(match format {
        Format::Table => table.to_text().into_bytes(),
        Format::Md => table.to_markdown().into_bytes(),
        Format::Csv => table.to_csv().into_bytes(),
        Format::Latex => table.to_latex().into_bytes(),
        Format::Parquet => table.to_parquet()?,
        Format::Json => {
            let rows = serde_json::to_string_pretty(table);
            let rows = rows.map_err(|error| Failure::new(failure::INTERNAL, error.to_string()))?;
            format!("{rows}\n").into_bytes()
        }
    })
}

fn write(bytes: &[u8], output: Option<&Path>, format: Format, talk: Talk) -> Result<(), Failure> {
    if let Some(path) = output {
        write_whole(path, bytes)?;
        talk.say(format_args!("{}", path.display()));
        return Ok(());
    }
    if format == Format::Parquet && std::io::stdout().is_terminal() {
        let failure = Failure::new(failure::REQUEST, "a terminal does not show Parquet");
        return Err(failure.help("name a file, for example `-o table.parquet`"));
    }
    let written = std::io::stdout().write_all(bytes);
    written.map_err(|error| Failure::new(failure::IO, format!("cannot write the table: {error}")))
}

fn say_unshown(unshown: &[String], talk: Talk) {
    const NAMED: usize = 3;
    if !unshown.is_empty() {
        let named: Vec<String> = unshown.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
        let more = if unshown.len() > NAMED { " …" } else { "" };
        let (count, named) = (unshown.len(), named.join(", "));
        talk.say(format_args!(
            "{count} more options differ: {named}{more}; `--wide` shows all, `--columns` those you name"
        ));
    }
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
