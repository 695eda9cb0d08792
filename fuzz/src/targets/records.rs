//! Folders of runs and sweeps: whatever stands in their files, tables, pages and resuming end with what can be told.

use std::fs;
use std::path::Path;

use runner::record::metrics::Metrics;
use runner::record::{Folder, Offsets, SweepFolder, checkpoint, write_columns};
use runner::report::page::{Page, Record};
use runner::report::{Query, Table, load, load_run};

use super::said;
use crate::session::emptied;
use crate::{Target, bundle, repair};

const FILES: [&str; 14] = [
    "run.json",
    "status.json",
    "metrics.jsonl",
    "timings.jsonl",
    "histograms.jsonl",
    "preds.jsonl",
    "confusion.csv",
    "origin.json",
    "plan.json",
    "profile.json",
    "config.toml",
    "log.txt",
    "points.jsonl",
    "SHA256SUMS",
];

const WORDS: &[&str] = &[
    "=== run.json\n",
    "=== status.json\n",
    "=== metrics.jsonl\n",
    "=== preds.jsonl\n",
    "=== confusion.csv\n",
    "=== histograms.jsonl\n",
    "\"step\":",
    "\"train/loss\":",
    "\"dev/wer\":",
    "null",
    "1e308",
    "-1e308",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "<script>alert(1)</script>",
    "</script>",
    "\"pred\":",
    "\"label\":",
    "\"clf_pred\":[",
    "\"clf_label\":[",
    "\"state\":\"finished\"",
    "\n",
    "\"test/wer\":",
];

pub fn targets() -> Vec<Target> {
    vec![
        Target {
            name: "run",
            seeds: &[],
            words: WORDS,
            repair: repair::none,
            run: folder,
            most_bytes: 48 << 10,
        },
        Target {
            name: "index",
            seeds: &[],
            words: WORDS,
            repair: repair::none,
            run: index,
            most_bytes: 48 << 10,
        },
    ]
}

fn folder(place: &Path, bytes: &[u8]) -> String {
    let runs = emptied(place);
    let run = runs.join("x-0123abcd");
    let step = run.join("checkpoints/step-2");
    fs::create_dir_all(&step).expect("a folder");
    for (name, bytes) in bundle::files(bytes, &FILES) {
        let to = if name == "SHA256SUMS" { step.join(name) } else { run.join(name) };
        fs::write(to, bytes).expect("a file");
    }
    fs::write(step.join("state.json"), "{}\n").expect("a file");
    let mut ends = Vec::new();
    let loaded = load_run(&run);
    let record = Record::read(&run);
    let missing = record.missing.first().cloned().unwrap_or_default();
    let page = Page { title: "it".into(), records: vec![record], sounds: 2, ..Page::default() };
    _ = page.worst(3);
    let html = page.html();
    if let Ok(html) = &html {
        // Nothing from a folder becomes markup: the only programs are the three of the page itself.
        assert_eq!(html.matches("<script").count(), 3, "a program that is not ours");
        assert!(!html.contains("<img src=x"), "markup that is not ours");
    }
    ends.push(said(html));
    ends.push(missing);
    if let Ok(Some(run)) = &loaded {
        let table = Query::default().table(std::slice::from_ref(run));
        ends.push(said(table.as_ref().map(Table::height).map_err(|error| error.to_string())));
    }
    ends.push(said(loaded));
    ends.push(said(SweepFolder::at(&run).rows()));
    ends.push(said(write_columns(runs)));
    let folder = Folder::at(&run);
    ends.push(said(Metrics::open(
        &folder,
        Offsets { metrics_bytes: 40, timings_bytes: 0, histograms_bytes: 80 },
        1,
    )));
    ends.push(said(checkpoint::recover(&run)));
    ends.concat()
}

/// The index beside runs: whatever is in it, it is believed or not, and made anew.
fn index(place: &Path, bytes: &[u8]) -> String {
    let runs = emptied(place);
    let run = runs.join("x-0123abcd");
    fs::create_dir_all(&run).expect("a folder");
    fs::write(run.join("run.json"), "{\"name\": \"x\", \"id\": \"0123abcd\"}").expect("a file");
    fs::write(runs.join(".index"), bytes).expect("a file");
    let loaded = load(runs).expect("a folder of one run");
    assert_eq!((loaded.runs.len(), loaded.unreadable.len()), (1, 0), "a run that is there is not seen");
    assert_eq!(loaded.runs[0].identity.id, "0123abcd", "a run that is not there is seen");
    "listed".into()
}
