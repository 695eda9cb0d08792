//! TensorBoard's page of hyperparameters: what the files say, read back with the plugin's own messages.

use std::fs;

use protobuf::Message;
use serde_json::json;
use tensorboard_proto::api::Status as End;
use tensorboard_proto::event::Event as Record;
use tensorboard_proto::plugin_hparams::HParamsPluginData;

use super::tensorboard::{records_of, tensorboard_records};
use super::{Home, home};
use crate::record::{Event, Identity, Metrics, Offsets, RunFinished, RunState, Sink, Values, write_columns};

fn identify(home: &Home, seed: &str, lr: &str) -> Identity {
    let options = [("run.seed", seed), ("train.max_lr", lr), ("eval.select", "\"dev/wer\"")];
    let config = options.map(|(name, value)| (name.to_owned(), json!(value))).into();
    let identity = Identity { name: "a".into(), id: "0badcafe".into(), config, ..Identity::default() };
    identity.write(&home.folder).unwrap();
    identity
}

fn finished(state: RunState) -> Event {
    let (metrics, cause, peak_bytes) = (Values::new(), None, None);
    Event::RunFinished(RunFinished {
        state,
        step: 4,
        metrics,
        cause,
        wall_secs: 1.0,
        secs_per_step: 0.1,
        peak_bytes,
    })
}

/// What the plugin reads of each record that is for it, by tag.
fn plugin_data(records: &[Record]) -> Vec<(String, HParamsPluginData)> {
    let values = records.iter().flat_map(|record| record.get_summary().get_value());
    let ours = values.filter(|value| value.get_metadata().get_plugin_data().get_plugin_name() == "hparams");
    ours.map(|value| {
        let content = value.get_metadata().get_plugin_data().get_content();
        (value.get_tag().to_owned(), HParamsPluginData::parse_from_bytes(content).unwrap())
    })
    .collect()
}

#[test]
fn a_run_says_its_options_and_how_it_ended() {
    let home = home();
    let identity = identify(&home, "3", "0.0005");
    let mut metrics = Metrics::open(&home.folder, Offsets::default(), 1).unwrap();
    metrics.emit(&finished(RunState::Interrupted)).unwrap();
    assert_eq!(plugin_data(&tensorboard_records(home.folder.dir())).len(), 1, "it may go on");
    metrics.emit(&finished(RunState::Finished)).unwrap();
    let said = plugin_data(&tensorboard_records(home.folder.dir()));
    assert_eq!(said[0].0, "_hparams_/session_start_info");
    let begin = said[0].1.get_session_start_info();
    assert_eq!(begin.get_group_name(), format!("{}-{}", identity.name, identity.id));
    let mut names: Vec<&str> = begin.get_hparams().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["eval.select", "name", "run.seed", "train.max_lr"]);
    assert_eq!(begin.get_hparams()["train.max_lr"].get_number_value(), 0.0005);
    assert_eq!(begin.get_hparams()["eval.select"].get_string_value(), "dev/wer");
    assert_eq!(said[1].0, "_hparams_/session_end_info");
    assert_eq!(said[1].1.get_session_end_info().get_status(), End::STATUS_SUCCESS);
}

#[test]
fn the_folder_of_runs_says_the_columns_in_one_file() {
    let (one, two) = (home(), home());
    let runs_dir = one.folder.dir().parent().unwrap();
    identify(&one, "0", "0.001");
    write_columns(runs_dir).unwrap();
    identify(&two, "1", "0.002");
    fs::create_dir(runs_dir.join("two")).unwrap();
    fs::copy(two.folder.run_json(), runs_dir.join("two/run.json")).unwrap();
    write_columns(runs_dir).unwrap();
    let names = super::names(runs_dir);
    let files: Vec<&String> = names.iter().filter(|name| name.contains("tfevents")).collect();
    assert_eq!(files.len(), 1, "{names:?}");
    let said = plugin_data(&records_of(&fs::read(runs_dir.join(files[0])).unwrap()));
    assert_eq!(said[0].0, "_hparams_/experiment");
    let experiment = said[0].1.get_experiment();
    let options: Vec<&str> = experiment.get_hparam_infos().iter().map(|info| info.get_name()).collect();
    assert_eq!(options, ["name", "run.seed", "train.max_lr"]);
    let range = experiment.get_hparam_infos()[2].get_domain_interval();
    assert_eq!((range.get_min_value(), range.get_max_value()), (0.001, 0.002));
    let metrics: Vec<&str> =
        experiment.get_metric_infos().iter().map(|info| info.get_name().get_tag()).collect();
    assert_eq!(metrics, ["dev/wer", "train/loss"]);
}
