//! The points as a table: a row each, and for a file a heading that says how they were measured.

use super::{Row, label};
use crate::cli::sweep::Study;
use crate::record::{host, units};
use crate::train::profile::Extent;

const HEADINGS: [&str; 6] = ["model", "patches", "clips", "s a clip", "peak memory", "foreseen"];

/// Aligned columns, for a terminal.
pub(super) fn text(rows: &[Row]) -> String {
    let cells: Vec<[String; 6]> =
        std::iter::once(HEADINGS.map(str::to_owned)).chain(rows.iter().map(cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let line = |row: &[String; 6]| {
        let first = format!("{:width$}", row[0], width = widths[0]);
        let rest = row[1..].iter().zip(&widths[1..]).map(|(cell, width)| format!("{cell:>width$}"));
        std::iter::once(first).chain(rest).collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    cells.iter().map(line).collect()
}

/// A page of its own, with the picture.
pub(super) fn markdown(study: &Study, rows: &[Row], extent: Extent, picture: &str) -> String {
    let mut text = format!(
        "# {}: time and memory forward\n\nEvery point in a process of its own, its model at rest and freshly drawn, on patches of noise: the median over \
         passes, of which there were {} after {} to warm up; memory is the peak beyond the program's own. {}, {} cores.\n\n![time and memory]({picture})\n\n",
        study.name,
        extent.steps,
        extent.warmup,
        host::cpu(),
        host::Host::this().cores.map_or_else(|| "unknown".to_owned(), |cores| cores.to_string()),
    );
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    text += &line(&HEADINGS.map(str::to_owned));
    text += "| --- | ---: | ---: | ---: | ---: | ---: |\n";
    rows.iter().for_each(|row| text += &line(&cells(row)));
    text
}

fn cells(row: &Row) -> [String; 6] {
    let secs = row.secs_per_clip.map_or_else(|| row.state.clone(), units::number);
    let peak = row.peak_bytes.map_or_else(|| "–".to_owned(), units::bytes);
    [
        label(row),
        row.patches.to_string(),
        row.batch_size.to_string(),
        secs,
        peak,
        units::bytes(row.predicted_bytes),
    ]
}
