//! `runner profile`: where the time of a step goes, and that measuring leaves nothing behind.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Said, runner, runs_in};

/// Two updates of an experiment under `ci`, on small batches.
fn profile(experiment: &str, folder: &Path, more: &[&str]) -> Said {
    let runs = runs_in(&folder.join("runs"));
    let file = format!("experiments/{experiment}.toml");
    let mut arguments =
        vec!["profile", file.as_str(), "--profile", "ci", "--steps", "2", "--warmup", "1", "-s"];
    arguments.extend([runs.as_str(), "-s", "data.batch_size=2"]);
    arguments.extend(more);
    runner(&arguments)
}

fn json(said: &Said) -> Value {
    assert_eq!(said.code, 0, "{}", said.err);
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.out))
}

fn names<'a>(report: &'a Value, list: &str) -> Vec<&'a str> {
    report[list].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
}

fn row<'a>(report: &'a Value, list: &str, name: &str) -> &'a Value {
    let rows = report[list].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("`{name}` is not among {list}"))
}

#[test]
fn shares_add_up_and_every_layer_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let report = json(&profile("tedlium_direct", folder.path(), &["--json"]));
    assert_eq!(
        names(&report, "phases"),
        ["data wait", "forward", "objective", "backward", "optimiser", "logging", "rest"]
    );
    let shares: f64 =
        report["phases"].as_array().unwrap().iter().map(|phase| phase["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");

    let plan = runner(&["plan", "experiments/tedlium_direct.toml", "--profile", "ci", "--json"]);
    let plan = json(&plan);
    let (planned, listed) = (names(&plan, "layers"), names(&report, "layers"));
    assert_eq!(planned, listed[..planned.len()]);
    for layer in ["wav2vec2.encoder.layers.3", "wav2vec2.encoder.pos_conv_embed", "lm_head"] {
        let row = row(&report, "layers", layer);
        assert!(["forward_ms", "backward_ms"].iter().all(|time| row[*time].as_f64().unwrap() > 0.0), "{row}");
        assert!(row["output_bytes"].as_u64().unwrap() > 0, "{row}");
    }
    // Everything in a step is in some layer.
    assert!(
        listed.iter().all(|name| name.starts_with("wav2vec2") || *name == "lm_head" || *name == "objective")
    );
    assert!(names(&report, "modules").contains(&"wav2vec2.encoder.layers.*.attention"));

    assert_eq!((report["steps"].as_u64(), report["steps_taken"].as_u64()), (Some(2), Some(2)));
    assert_eq!(report["planned_bytes"], {
        let sets = ["-s", "data.batch_size=2"];
        let plan = ["plan", "experiments/tedlium_direct.toml", "--profile", "ci", "--json"];
        json(&runner(&[&plan[..], &sets].concat()))["memory_bytes"].clone()
    });
    let speed = &report["throughput"];
    for name in [
        "steps_per_sec",
        "audio_hours_per_hour",
        "gflop_per_step",
        "product_gflop_per_sec",
        "flop_utilisation",
    ] {
        assert!(speed[name].as_f64().unwrap() > 0.0, "{name}: {speed}");
    }
    assert!(!folder.path().join("runs").exists(), "a profile leaves no run folder");
}

/// All inputs of linear layers want gradients here, so backward is two products for each of forward.
#[test]
fn linear_layers_take_twice_the_products_backward() {
    let folder = tempfile::tempdir().unwrap();
    let report = json(&profile("tedlium_direct", folder.path(), &["--json", "-s", "run.threads=1"]));
    assert_eq!(report["threads"], 1);
    // Four layers: q, k, v and output; the projection and the head. And a feed-forward each.
    for (op, calls) in [("linear", 18.0), ("feed_forward", 4.0)] {
        let row = row(&report, "ops", op);
        let [forward, backward] =
            ["forward_gflop", "backward_gflop"].map(|direction| row[direction].as_f64().unwrap());
        assert!((backward / forward - 2.0).abs() < 1e-9, "{row}");
        assert_eq!(row["calls"], calls);
    }
    assert!(row(&report, "ops", "layer_norm")["gflop_per_sec"].is_null());
}

#[test]
fn a_missing_teacher_is_drawn_and_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let said = profile("tedlium_waypoint", folder.path(), &[]);
    assert_eq!(said.code, 0, "{}", said.err);
    let sentence =
        "weights are freshly drawn, the teacher's too: its run is not there; times do not depend on them";
    assert!(said.out.contains(sentence), "{}", said.out);
    assert!(said.out.contains("teacher forward") && said.out.contains("fw_mamba"), "{}", said.out);
    assert!(!folder.path().join("runs").exists());
}

/// What a run does side by side is measured in turn, and the first lines say so.
#[test]
fn batches_side_by_side_are_measured_in_turn() {
    let folder = tempfile::tempdir().unwrap();
    let sets = ["-s", "run.threads=2", "-s", "train.accumulation_steps=2", "-s"];
    let with = |way: &'static str, more: &[&'static str]| {
        profile("tedlium_direct", folder.path(), &[&sets[..], &[way], more].concat())
    };
    let sentence = "batches of an update are measured in turn; a run takes 2 at a time, side by side";
    let side_by_side = with("run.micro_batches=\"side_by_side\"", &[]);
    assert!(side_by_side.out.contains(sentence), "{}", side_by_side.out);
    assert!(side_by_side.out.contains("sum of gradients"), "{}", side_by_side.out);
    let in_turn = with("run.micro_batches=\"in_turn\"", &[]);
    assert!(!in_turn.out.contains("side by side"), "{}", in_turn.out);
    let report = json(&with("run.micro_batches=\"side_by_side\"", &["--json"]));
    assert_eq!(report["run_at_a_time"], 2);
    let calls = |report: &Value| row(report, "ops", "linear")["calls"].as_f64();
    assert_eq!(calls(&report), Some(36.0), "all ops of both batches are seen");
}

/// An event of the trace, in nanoseconds.
struct Event {
    category: String,
    name: String,
    start: i64,
    end: i64,
}

fn events(trace: &Value) -> Vec<Event> {
    let ns = |micros: &Value| (micros.as_f64().unwrap() * 1e3).round() as i64;
    let all = trace["traceEvents"].as_array().unwrap().iter();
    let complete = all.filter(|event| event["ph"] == "X");
    complete
        .map(|event| Event {
            category: event["cat"].as_str().unwrap().to_owned(),
            name: event["name"].as_str().unwrap().to_owned(),
            start: ns(&event["ts"]),
            end: ns(&event["ts"]) + ns(&event["dur"]),
        })
        .collect()
}

#[test]
fn the_trace_nests_ops_in_layers_in_phases_in_steps() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.json");
    let said = profile("tedlium_unguided", folder.path(), &["--trace", &file.display().to_string()]);
    assert_eq!(said.code, 0, "{}", said.err);
    let trace: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let mut around: Vec<Event> = Vec::new();
    let mut seen = Vec::new();
    for event in events(&trace) {
        while around.last().is_some_and(|last| last.end <= event.start) {
            around.pop();
        }
        if let Some(last) = around.last() {
            assert!(event.end <= last.end, "{} outlasts {}", event.name, last.name);
        }
        let categories: Vec<&str> = around.iter().map(|event| event.category.as_str()).collect();
        match event.category.as_str() {
            "step" => assert!(categories.is_empty(), "{categories:?}"),
            "phase" => assert_eq!(categories, ["step"]),
            "layer" => assert!(categories.starts_with(&["step", "phase"]), "{categories:?}"),
            "op" => assert!(categories.starts_with(&["step", "phase", "layer"]), "{categories:?}"),
            other => panic!("a category `{other}`"),
        }
        seen.push(format!("{} {}", event.category, event.name));
        around.push(event);
    }
    for wanted in ["step step 2", "phase backward", "layer layers.3", "layer bw_mamba", "op ssd"] {
        assert!(seen.iter().any(|seen| seen == wanted), "no {wanted}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the trace is all that is written");
}

#[test]
fn what_cannot_be_measured_is_said_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let none = runner(&["profile", "experiments/tedlium_direct.toml", "--profile", "ci", "--steps", "0"]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("error: `--steps 0` leaves nothing to measure"), "{}", none.err);

    let nowhere = folder.path().join("absent/trace.json").display().to_string();
    let said = profile("tedlium_direct", folder.path(), &["--trace", &nowhere]);
    assert_eq!(said.code, 74);
    assert!(said.err.contains(&format!("cannot write the trace to `{nowhere}`")), "{}", said.err);

    let absent = profile("tedlium_direct", folder.path(), &["-s", "data.dir=absent"]);
    assert_eq!(absent.code, 66);
    assert!(
        absent.err.contains("runner profile experiments/tedlium_direct.toml --profile smoke"),
        "{}",
        absent.err
    );
}
