//! What TensorBoard shows besides numbers: texts, and histograms that survive a kill.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use super::tensorboard::{tensorboard_records, tensorboard_steps};
use super::{home, step_done};
use crate::record::{Event, Histogram, Identity, Metrics, Offsets, Sink, WeightsMeasured};

#[test]
fn config_and_plan_are_texts() {
    let home = home();
    Identity { name: "a".into(), id: "0123abcd".into(), role: "x|y".into(), ..Identity::default() }
        .write(&home.folder)
        .unwrap();
    fs::write(home.folder.config_toml(), "# ```\nname = \"a\"\n").unwrap();
    let part = json!({"name": "heads", "kind": "linear", "output": [499, 32], "params": 4640});
    fs::write(home.folder.plan_json(), json!({"parts": [part], "plan": {"steps": 3}}).to_string()).unwrap();
    drop(Metrics::open(&home.folder, Offsets::default(), 1).unwrap());
    let records = tensorboard_records(home.folder.dir());
    let text = |tag: &str| {
        let values = records.iter().flat_map(|record| record.get_summary().get_value());
        let value = values.filter(|value| value.get_metadata().get_plugin_data().get_plugin_name() == "text");
        let value = value.clone().find(|value| value.get_tag() == tag).unwrap();
        String::from_utf8(value.get_tensor().get_string_val()[0].clone()).unwrap()
    };
    assert_eq!(text("config"), "````toml\n# ```\nname = \"a\"\n````\n");
    assert!(
        text("run").starts_with("| | |\n|-|-|\n| run | a-0123abcd |\n| role | x\\|y |\n"),
        "{}",
        text("run")
    );
    let plan = text("plan");
    assert!(plan.contains("\n| heads | linear | [499,32] | 4640 |\n"), "{plan}");
    assert!(plan.ends_with("```json\n{\n  \"steps\": 3\n}\n```\n"), "{plan}");
}

fn measured(step: u64) -> Event {
    let weights = BTreeMap::from([("heads.weight".to_owned(), Histogram::of(&[0.0, step as f32]))]);
    Event::WeightsMeasured(WeightsMeasured { step, weights })
}

#[test]
fn histograms_are_cut_back_with_the_rows() {
    let home = home();
    let mut metrics = Metrics::open(&home.folder, Offsets::default(), 2).unwrap();
    for step in 1..=3 {
        metrics.emit(&step_done(step)).unwrap();
        metrics.emit(&measured(step)).unwrap();
    }
    let saved = Offsets::now(&home.folder).unwrap();
    metrics.emit(&measured(4)).unwrap();
    assert_eq!(tensorboard_steps(home.folder.dir(), "weights/heads.weight"), [1, 2, 3, 4]);
    drop(metrics);
    let mut metrics = Metrics::open(&home.folder, saved, 2).unwrap();
    assert_eq!(tensorboard_steps(home.folder.dir(), "weights/heads.weight"), [1, 2, 3]);
    metrics.emit(&measured(4)).unwrap();
    let steps: Vec<i64> =
        tensorboard_records(home.folder.dir()).iter().map(|record| record.get_step()).collect();
    assert!(steps.is_sorted(), "{steps:?}");
    let last = tensorboard_records(home.folder.dir()).pop().unwrap();
    let histo = last.get_summary().get_value()[0].get_histo().clone();
    assert_eq!((histo.get_num(), histo.get_max(), histo.get_bucket().len()), (2.0, 4.0, 30));
}
