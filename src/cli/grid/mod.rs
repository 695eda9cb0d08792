//! `runner profile` of a sweep: what a clip costs at every point of a grid of models, on the way forward.
//!
//! Each point is measured by a process of its own, whose peak memory is that point's alone: this program again, with the hidden `--point N`. Start at
//! [`grid()`]; `table.rs` and `picture.rs` show what came of it.

mod picture;
mod table;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Talk;
use super::arguments::ProfileArguments;
use super::failure::{self, Failure};
use super::run::on_signals;
use super::sweep::{Study, StudyRun};
use crate::plan::Plan;
use crate::record::folder::write_whole;
use crate::record::host::available_bytes;
use crate::record::{Count, Leaf, leaf, units};
use crate::train::forward_bytes;
use crate::train::profile::{Extent, patches};
use crate::train::{Stop, effective_gpu, start_forward};

/// Passes that are measured, and those before them, where nobody says how many.
const EXTENT: Extent = Extent { warmup: 1, steps: 3 };
/// Between two looks at the process that measures.
const LOOKED_AFTER: Duration = Duration::from_millis(20);
/// Of the memory that is free, so much may be used.
const SHARE: f64 = 0.85;

/// A point of the grid, and what is known of it.
#[derive(Debug, Serialize)]
struct Row {
    experiment: String,
    /// The options that differ between points.
    settings: Map<String, Value>,
    /// Patches of a clip.
    patches: usize,
    /// Clips at a time.
    batch_size: usize,
    predicted_bytes: u64,
    /// `measured`; `predicted, not run`; or why it failed.
    state: String,
    secs_per_clip: Option<f64>,
    /// Beyond what the process had before there was a model.
    peak_bytes: Option<u64>,
}

/// Measures every point and shows what came of it; with `--point` measures one in this process.
pub fn grid(study: &Study, arguments: &ProfileArguments, talk: Talk) -> Result<u8, Failure> {
    let extent = Extent {
        warmup: arguments.warmup.unwrap_or(EXTENT.warmup),
        steps: arguments.steps.unwrap_or(EXTENT.steps),
    };
    if arguments.trace.is_some() {
        return Err(Failure::new(
            failure::REQUEST,
            "`--trace` is of updates, and a grid is of passes forward",
        )
        .help("give one experiment, not a sweep of them"));
    }
    if let Some(number) = arguments.point {
        return point(study, number, extent);
    }
    let stop = on_signals()?;
    let output = arguments.output.as_deref().map(places).transpose()?;
    let mut rows = study.points().map(|run| row(study, run)).collect::<Result<Vec<_>, _>>()?;
    let free = free_bytes(study)?;
    let mut tally = talk.tally(Count::points);
    tally.begin(rows.len() as u64, 0);
    for (at, row) in rows.iter_mut().enumerate() {
        if free.is_some_and(|free| row.predicted_bytes as f64 > SHARE * free as f64) {
            "predicted, not run".clone_into(&mut row.state);
        } else {
            measure(row, at + 1, arguments, extent, &stop);
        }
        if stop.requested() {
            tally.finish();
            talk.say("interrupted; nothing is left behind");
            return Ok(failure::KILLED);
        }
        tally.beside(|| talk.say(format_args!("{}", said(row))));
        tally.at(at as u64 + 1);
    }
    tally.finish();
    show(study, &rows, extent, output, talk)
}

/// Free memory where the points compute: the machine's, or all that their GPU has.
fn free_bytes(study: &Study) -> Result<Option<u64>, Failure> {
    let gpu = study.points().next().map(|run| effective_gpu(&run.order.plan)).transpose()?.flatten();
    Ok(gpu.map(|gpu| gpu.memory_bytes).or_else(available_bytes))
}

/// A line about a point, as it becomes known.
fn said(row: &Row) -> String {
    let of = format!("{}, {} patches", label(row), units::count(row.patches as u64));
    match (row.secs_per_clip, row.peak_bytes) {
        (Some(secs), peak) => {
            let peak = peak.map_or_else(String::new, |peak| format!(", {}", units::bytes(peak)));
            format!("{of}: {} s a clip{peak}", units::number(secs))
        }
        (None, _) => format!("{of}: {}; about {} foreseen", row.state, units::bytes(row.predicted_bytes)),
    }
}

/// What the point is, but for its length: the experiment and the options that differ.
fn label(row: &Row) -> String {
    let setting = |(path, value): (&String, &Value)| {
        let name = path.rsplit('.').next().unwrap_or(path);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name != "target_length" && path != "experiment").then(|| format!("{name} = {value}"))
    };
    let settings = row.settings.iter().filter_map(setting);
    std::iter::once(row.experiment.clone()).chain(settings).collect::<Vec<_>>().join(", ")
}

fn row(study: &Study, run: &StudyRun) -> Result<Row, Failure> {
    let plan = &run.order.plan;
    let Some(patches) = patches(plan) else {
        let message = format!("`[model.{}]` of `{}` has no patches to count", plan.model.family(), plan.name);
        return Err(Failure::new(failure::REQUEST, message).help(
            "a grid is of `[model.ssamba]` and `[model.ssast]`; of any other model, profile one experiment",
        ));
    };
    let read = |path: &String| Some((path.clone(), plain(leaf(run.order.leaves.get(path)?)?)));
    Ok(Row {
        experiment: plan.name.clone(),
        settings: study.varying.iter().filter(|path| *path != "experiment").filter_map(read).collect(),
        patches: patches.patches(),
        batch_size: plan.data.batch_size,
        predicted_bytes: forward_bytes(plan),
        state: String::new(),
        secs_per_clip: None,
        peak_bytes: None,
    })
}

fn plain(value: Leaf) -> Value {
    match value {
        Leaf::Text(text) => text.into(),
        Leaf::Count(count) => count.into(),
        Leaf::Number(number) => number.into(),
    }
}

/// One point, by a process of its own, which ends when somebody asks to stop.
fn measure(row: &mut Row, number: usize, arguments: &ProfileArguments, extent: Extent, stop: &Stop) {
    match ask(number, arguments, extent, stop) {
        Ok(took) => {
            "measured".clone_into(&mut row.state);
            row.secs_per_clip = took["secs_per_clip"].as_f64();
            row.peak_bytes = took["peak_bytes"].as_u64();
        }
        Err(why) => row.state = format!("failed: {why}"),
    }
}

fn ask(number: usize, arguments: &ProfileArguments, extent: Extent, stop: &Stop) -> Result<Value, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let mut command = Command::new(program);
    command.arg("profile").arg(&arguments.request.experiment);
    if let Some(profile) = &arguments.request.profile {
        command.args(["--profile", profile]);
    }
    if let Some(hparams) = &arguments.request.hparams {
        command.args(["--hparams", hparams]);
    }
    for set in &arguments.request.sets {
        command.args(["-s", set]);
    }
    command.args(["--point", &number.to_string()]);
    command.args(["--steps", &extent.steps.to_string(), "--warmup", &extent.warmup.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("its process did not start: {error}"))?;
    let lost = |error: std::io::Error| format!("its process was lost: {error}");
    // What it says fits a pipe: it need not be read before the end.
    while child.try_wait().map_err(lost)?.is_none() {
        if stop.requested() {
            child.kill().map_err(lost)?;
        }
        std::thread::sleep(LOOKED_AFTER);
    }
    let output = child.wait_with_output().map_err(lost)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let first = text.lines().find_map(|line| line.strip_prefix("error: ")).map(str::to_owned);
        return Err(first.unwrap_or_else(|| format!("its process ended by {}", output.status)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("its process said no numbers: {error}"))
}

/// What the process of a point does: measures it, and says so in JSON.
fn point(study: &Study, number: usize, extent: Extent) -> Result<u8, Failure> {
    let run = number.checked_sub(1).and_then(|at| study.points().nth(at));
    let plan: &Plan = match run {
        Some(run) => &run.order.plan,
        None => return Err(Failure::new(failure::REQUEST, format!("the sweep has no point {number}"))),
    };
    kernels::threads::start(plan.run.threads);
    let took = start_forward(plan, extent)?;
    println!("{}", json!({"secs_per_clip": took.secs_per_clip, "peak_bytes": took.peak_bytes}));
    Ok(0)
}

/// The table's file and the picture's beside it.
fn places(file: &Path) -> Result<[PathBuf; 2], Failure> {
    if file.extension().is_none_or(|ending| ending != "md") {
        let message = format!("`{}` is no table's name", file.display());
        return Err(Failure::new(failure::REQUEST, message)
            .help("name a file that ends in `.md`; the picture goes beside it, as `.svg`"));
    }
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match dir.is_dir() {
        true => Ok([file.to_owned(), file.with_extension("svg")]),
        false => {
            let message = format!("cannot write `{}`: its folder is not there", file.display());
            Err(Failure::new(failure::IO, message).help("name a file in a folder that is there"))
        }
    }
}

fn show(
    study: &Study,
    rows: &[Row],
    extent: Extent,
    output: Option<[PathBuf; 2]>,
    talk: Talk,
) -> Result<u8, Failure> {
    match talk.json {
        true => talk.data(&json!({"name": study.name, "passes": extent.steps, "points": rows})),
        false => print!("{}", table::text(rows)),
    }
    if let Some([table, picture]) = output {
        let drawn = picture.file_name().unwrap_or_default().to_string_lossy().into_owned();
        write_whole(&table, table::markdown(study, rows, extent, &drawn).as_bytes())?;
        write_whole(&picture, picture::svg(rows).as_bytes())?;
        talk.say(format_args!("{}\n{}", table.display(), picture.display()));
    }
    let failed = rows.iter().any(|row| row.state.starts_with("failed"));
    Ok(if failed { failure::FAILED } else { 0 })
}
