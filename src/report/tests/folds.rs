//! Folds as one row, from folders made by hand.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::json;

use super::run;
use crate::record::RunState;
use crate::report::{Group, Query, Run};

/// A run judged after 10, 20 and 30 updates, on a fold, with a learning rate.
fn fold(folder: &Path, fold: usize, lr: &str, dev: [f64; 3]) -> Run {
    let last = dev[2];
    let best = dev.into_iter().fold(0.0, f64::max);
    let metrics = [("dev/clf_acc", last), ("test/clf_acc", best)];
    let mut run = run("esc", &format!("{fold}{lr}"), "student", RunState::Finished, &metrics);
    run.dir = folder.join(run.folder_name());
    let mut option = |name: &str, value: String| run.identity.config.insert(name.into(), json!(value));
    option("eval.select", "\"dev/clf_acc\"".into());
    option("train.max_lr", lr.into());
    for list in ["train", "dev", "test"] {
        option(&format!("data.{list}_meta"), format!("\"meta.{list}.fold{fold}.txt\""));
    }
    fs::create_dir_all(&run.dir).unwrap();
    let mut lines = String::new();
    for (at, value) in dev.into_iter().enumerate() {
        writeln!(lines, "{}", json!({ "step": 10 * (at + 1), "train/loss": 1.0 })).unwrap();
        writeln!(lines, "{}", json!({ "step": 10 * (at + 1), "dev/clf_acc": value })).unwrap();
    }
    fs::write(run.dir.join("metrics.jsonl"), lines).unwrap();
    run
}

fn across(columns: &[&str]) -> Query {
    let columns = columns.iter().map(|name| (*name).to_owned()).collect();
    Query { group: Some(Group::Across(vec!["dev_meta".into()])), columns, ..Query::default() }
}

#[test]
fn folds_are_one_row_with_each_ones_best_and_the_best_of_all_at_one_update() {
    let folder = tempfile::tempdir().unwrap();
    let runs = [
        fold(folder.path(), 1, "0.1", [0.5, 0.75, 0.7]),
        fold(folder.path(), 2, "0.1", [0.8, 0.7, 0.6]),
        fold(folder.path(), 3, "0.1", [0.4, 0.75, 0.8]),
        fold(folder.path(), 1, "0.2", [0.1, 0.2, 0.3]),
        fold(folder.path(), 2, "0.2", [0.1, 0.2, 0.4]),
    ];
    let table = across(&["max_lr", "clf_acc", "best/clf_acc", "common/clf_acc", "common/step"]);
    // The means after 10, 20 and 30 updates are 0.567, 0.733 and 0.7.
    let text = "\
train.max_lr  common step  n     test accuracy     best accuracy   common accuracy
────────────  ───────────  ─  ────────────────  ────────────────  ────────────────
         0.1           20  3  78.33 % ± 2.89 %  78.33 % ± 2.89 %  73.33 % ± 2.89 %
         0.2           30  2  35.00 % ± 7.07 %  35.00 % ± 7.07 %  35.00 % ± 7.07 %
";
    assert_eq!(table.table(&runs).unwrap().to_text(), text);
    let usual = across(&[]).table(&runs).unwrap().to_csv();
    let head = "name,train.max_lr,state,common/step,n,test/clf_acc,test/clf_acc sd,test/clf_acc min,test/clf_acc n,best/clf_acc,";
    assert!(usual.starts_with(head) && !usual.contains("dev/"), "{usual}");
}

/// What is not judged at the same updates has no common one; what was not judged has neither number.
#[test]
fn runs_without_a_common_judgement_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let runs = [fold(folder.path(), 1, "0.1", [0.5; 3]), fold(folder.path(), 2, "0.1", [0.6; 3])];
    fs::write(runs[1].dir.join("metrics.jsonl"), "{\"step\":5,\"dev/clf_acc\":0.7}\n").unwrap();
    let csv = |columns: &[&str]| across(columns).table(&runs).unwrap().to_csv();
    assert_eq!(csv(&["best/clf_acc"]).lines().nth(1).unwrap().split(',').nth(1), Some("0.6"));
    let json = serde_json::to_value(across(&[]).table(&runs).unwrap()).unwrap();
    assert!(json[0].get("common/clf_acc").is_none(), "{json}");
    fs::write(runs[0].dir.join("metrics.jsonl"), "no row\n").unwrap();
    let error = across(&[]).table(&runs).unwrap_err().to_string();
    assert!(error.contains("esc-10.1/metrics.jsonl") && error.contains("line 1 is not a row"), "{error}");
}
