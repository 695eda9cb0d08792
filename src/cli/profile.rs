//! `runner profile`: where the time of a step goes; of a sweep, what a clip costs at each point (`grid`).

use std::path::Path;

use serde_json::{Value, json};

use super::Talk;
use super::arguments::ProfileArguments;
use super::failure::{self, Failure};
use super::grid::grid;
use super::order::orders;
use super::run::{on_signals, progress, ways_on};
use super::sweep::study;
use crate::launch;
use crate::model::parts;
use crate::plan::Plan;
use crate::record::folder::write_json;
use crate::record::units::bytes;
use crate::train::profile::{
    Extent, LayerCost, Measured, OpCost, PhaseCost, Summary, TeacherWeights, chrome,
};
use crate::train::{
    Arrangement, Chosen, Rank, TrainError, effective_device, effective_precision, gpu_bytes, memory_bytes,
};

/// Measures updates of the experiment and prints what they come to.
pub fn profile(arguments: &ProfileArguments, talk: Talk) -> Result<u8, Failure> {
    if arguments.steps == Some(0) {
        return Err(Failure::new(failure::REQUEST, "`--steps 0` leaves nothing to measure")
            .help("10 updates are the default; one is enough for a look"));
    }
    if let Some(study) = study(&arguments.request)? {
        return grid(&study, arguments, talk);
    }
    if arguments.output.is_some() {
        return Err(Failure::new(
            failure::REQUEST,
            "`-o` is for the table of a sweep, and this is one experiment",
        )
        .help("`--trace FILE.json` writes all that was measured, `--json` prints it summed up"));
    }
    let plan = orders(&arguments.request)?.asked.plan;
    if let Some(file) = &arguments.trace {
        has_room(file)?;
    }
    kernels::threads::start(plan.run.threads);
    let stop = on_signals()?;
    let extent = Extent { warmup: arguments.warmup.unwrap_or(2), steps: arguments.steps.unwrap_or(10) };
    let measured = launch::profile(&plan, extent, progress(talk), &stop)
        .map_err(|error| ways_on(error.into(), "profile", &arguments.request.experiment))?;
    if stop.requested() {
        talk.say("interrupted; nothing is left behind");
        return Ok(failure::KILLED);
    }
    let names: Vec<String> = parts(&plan.model, 0).into_iter().map(|part| part.name).collect();
    let summary = Summary::new(&measured, &names);
    if let Some(file) = &arguments.trace {
        write_json(file, &chrome(&measured.trace, &plan.folder_name()))?;
    }
    match talk.json {
        true => talk.data(&as_json(&plan, arguments, extent, &measured, &summary)?),
        false => print(&plan, arguments, extent, &measured, &summary)?,
    }
    Ok(0)
}

/// Finds out before any work whether the trace has a place.
fn has_room(file: &Path) -> Result<(), Failure> {
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if dir.is_dir() && !file.is_dir() {
        return Ok(());
    }
    let message = format!("cannot write the trace to `{}`", file.display());
    Err(Failure::new(failure::IO, message).help("name a file in a folder that is there"))
}

fn as_json(
    plan: &Plan,
    arguments: &ProfileArguments,
    extent: Extent,
    measured: &Measured,
    summary: &Summary,
) -> Result<Value, Failure> {
    let mut value = json!({
        "id": plan.id, "name": plan.name,
        "device": effective_device(plan)?.to_string(), "threads": kernels::threads::count(),
        "precision": effective_precision(plan)?,
        "run_at_a_time": in_a_run(plan)?.at_a_time(), "run_processes": plan.run.processes,
        "warmup_steps": extent.warmup, "steps_taken": measured.taken,
        "teacher_weights": measured.teacher.map(weights), "planned_bytes": foreseen(plan)?,
        "trace": arguments.trace,
    });
    let numbers =
        serde_json::to_value(summary).map_err(|error| Failure::new(failure::INTERNAL, error.to_string()))?;
    if let (Some(value), Value::Object(numbers)) = (value.as_object_mut(), numbers) {
        value.extend(numbers);
    }
    Ok(value)
}

/// How the batches of an update run on rank 0 of a run.
fn in_a_run(plan: &Plan) -> Result<Arrangement, TrainError> {
    let rank = Rank { rank: 0, ranks: plan.run.processes };
    Arrangement::of(plan, rank, rank.threads(kernels::threads::count()))
}

/// What `plan` foresees of the memory whose peak is measured: that of the GPU, where there is one.
fn foreseen(plan: &Plan) -> Result<u64, TrainError> {
    Ok(match effective_device(plan)? {
        Chosen::Cpu => memory_bytes(plan, 1, 1),
        Chosen::Cuda(_) => gpu_bytes(plan, 1),
    })
}

fn weights(weights: TeacherWeights) -> &'static str {
    match weights {
        TeacherWeights::Trained => "trained",
        TeacherWeights::Untrained => "untrained",
    }
}

fn print(
    plan: &Plan,
    arguments: &ProfileArguments,
    extent: Extent,
    measured: &Measured,
    summary: &Summary,
) -> Result<(), Failure> {
    println!(
        "{}: {} in {:.2} s after {} to warm up; {}, {}",
        plan.folder_name(),
        several(summary.steps, "update"),
        summary.wall_secs,
        extent.warmup,
        effective_device(plan)?,
        several(kernels::threads::count() as u64, "thread"),
    );
    let teacher = match measured.teacher {
        None => "",
        Some(TeacherWeights::Trained) => ", the teacher's are those of its run",
        Some(TeacherWeights::Untrained) => ", the teacher's too: its run is not there",
    };
    println!("  weights are freshly drawn{teacher}; times do not depend on them");
    if effective_device(plan)? != Chosen::Cpu {
        println!(
            "  the GPU works behind: an op's time is that of asking for it, and what waits for the GPU has the rest"
        );
    }
    if plan.run.processes > 1 {
        println!(
            "  batches of an update are measured in one process; a run shares them among {}",
            plan.run.processes
        );
    }
    if let Arrangement::SideBySide { at_a_time } = in_a_run(plan)? {
        println!(
            "  batches of an update are measured in turn; a run takes {at_a_time} at a time, side by side"
        );
    }
    if measured.taken < measured.steps {
        let lost = measured.steps - measured.taken;
        println!("  {lost} of the updates changed nothing: no finite loss or no finite gradient");
    }
    print_phases(&summary.phases);
    print_layers("layers, per step", &summary.layers);
    print_layers("modules, those of all layers together, per step", &summary.modules);
    print_ops(&summary.ops);
    print_throughput(plan, summary)?;
    if let Some(file) = &arguments.trace {
        println!("\ntrace: {}; https://ui.perfetto.dev and chrome://tracing open it", file.display());
    }
    Ok(())
}

fn print_phases(phases: &[PhaseCost]) {
    println!("\n{:24}  {:>11}  {:>7}", "parts of a step", "median", "share");
    for phase in phases {
        println!("  {:22}  {:>11}  {:>7}", phase.name, millis(phase.median_ms), share(phase.share));
    }
}

fn print_layers(title: &str, layers: &[LayerCost]) {
    let width = layers.iter().map(|layer| layer.name.len() + 2).max().unwrap_or(0).max(title.len());
    println!(
        "\n{title:width$}  {:>11}  {:>11}  {:>7}  {:>8}  {:>8}",
        "forward", "backward", "share", "outputs", "saved"
    );
    for layer in layers {
        println!(
            "  {:inner$}  {:>11}  {:>11}  {:>7}  {:>8}  {:>8}",
            layer.name,
            millis(layer.forward_ms),
            millis(layer.backward_ms),
            share(layer.share),
            bytes(layer.output_bytes),
            bytes(layer.saved_bytes),
            inner = width - 2,
        );
    }
}

fn print_ops(ops: &[OpCost]) {
    println!(
        "\n{:24}  {:>8}  {:>11}  {:>11}  {:>7}  {:>8}",
        "ops, per step", "calls", "forward", "backward", "share", "GFLOP/s"
    );
    for op in ops {
        println!(
            "  {:22}  {:>8}  {:>11}  {:>11}  {:>7}  {:>8}",
            op.name,
            format!("{:.1}", op.calls),
            millis(op.forward_ms),
            millis(op.backward_ms),
            share(op.share),
            op.gflop_per_sec.map_or("–".into(), |rate| format!("{rate:.1}")),
        );
    }
}

fn print_throughput(plan: &Plan, summary: &Summary) -> Result<(), TrainError> {
    let speed = &summary.throughput;
    println!(
        "\nspeed: {:.2} steps a second, {:.1} hours of sound an hour",
        speed.steps_per_sec, speed.audio_hours_per_hour
    );
    let on_cpu = effective_device(plan)? == Chosen::Cpu;
    if on_cpu {
        print_products(summary);
    }
    let of = if on_cpu { "memory" } else { "memory of the GPU" };
    let peak = speed.peak_bytes.map_or("unknown here".to_owned(), bytes);
    println!("{of}: {peak} at the peak; `runner plan` foresees about {}", bytes(foreseen(plan)?));
    Ok(())
}

/// How close the CPU's matrix products come to what they could be.
fn print_products(summary: &Summary) {
    let speed = &summary.throughput;
    println!(
        "matrix products: {:.2} GFLOP a step, {:.1} GFLOP/s, {} of the {:.1} GFLOP/s that a product of 1024³ alone reached right before",
        speed.gflop_per_step,
        speed.gflop_per_sec,
        share(speed.flop_utilisation),
        speed.product_gflop_per_sec
    );
}

/// `1 update`, `2 updates`.
fn several(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn millis(ms: f64) -> String {
    format!("{ms:.3} ms")
}

fn share(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
