//! Models of patches of spectrograms: where they start, what they are told of their corpus, and clips with several classes or one for each second.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::support::{Said, root, runner};

/// An experiment over a shipped one, as small as can be.
fn small(folder: &TempDir, name: &str, base: &str, more: &str) -> String {
    let text = format!(
        "extends = [\"{}\"]
[profile.ci]
output.runs_dir = \"{}\"
data.batch_size = 2
train = {{ max_steps = 2, warmup_steps = 0, decay_steps = 2 }}
eval = {{ max_eval_batches = 2, checkpoint_interval = 2 }}
model.ssamba = {{ embed_dim = 16, depth = 2, d_state = 2 }}
{more}",
        root().join("experiments").join(base).display(),
        folder.path().join("runs").display()
    );
    let file = folder.path().join(name);
    fs::write(&file, text).expect("written");
    file.display().to_string()
}

fn run(file: &str, more: &[&str]) -> Said {
    runner(&[&["run", file, "--profile", "ci"][..], more].concat())
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

/// A run that comes to its end.
fn ran(file: &str, more: &[&str]) -> Said {
    let said = run(file, more);
    assert_eq!(said.code, 0, "{}", said.err);
    said
}

/// The folder of the only run called `name`.
fn run_of(folder: &TempDir, name: &str) -> std::path::PathBuf {
    let mut runs =
        fs::read_dir(folder.path().join("runs")).expect("runs").map(|run| run.expect("a run").path());
    let called = |run: &std::path::PathBuf| {
        run.file_name().is_some_and(|file| file.to_string_lossy().starts_with(&format!("{name}-")))
    };
    runs.find(called).expect("a run of this name")
}

#[test]
fn a_model_starts_from_the_best_weights_of_a_run_that_comes_first() {
    let folder = TempDir::new().expect("a folder");
    small(&folder, "before.toml", "ssamba_pretrain_tiny.toml", "");
    let file = small(&folder, "after.toml", "ssamba_speech_commands.toml", "");
    let said = ran(&file, &["-s", "model.ssamba.pretrained=run:before", "-s", "train.max_lr=1e-30"]);
    assert!(said.err.contains("before first: after needs it"), "{}", said.err);
    let (before, after) = (run_of(&folder, "before"), run_of(&folder, "after"));
    // A rate that moves nothing leaves the weights as they came.
    let projection = |run: &Path| {
        let file = run.join("checkpoints/best/model.safetensors");
        runner::model::weights::read_tensors(&file).expect("weights")["v.patch_embed.proj.weight"].1.clone()
    };
    assert_eq!(projection(&before), projection(&after));
    let identity = json(&after.join("run.json"));
    assert_eq!(identity["needs"]["before"], json(&before.join("run.json"))["id"]);
    // The folder can be run again from anywhere.
    let written = fs::read_to_string(after.join("config.toml")).expect("config.toml");
    assert!(written.contains(&format!("pretrained = \"run:{}\"", before.display())), "{written}");

    // Once it is trained, where it began does not matter any more.
    fs::remove_dir_all(before).expect("removed");
    let sound = "corpora/smoke/words/f01/f01_00100005.ogg";
    let said = runner(&["predict", &after.display().to_string(), sound]);
    assert_eq!(said.code, 0, "{}", said.err);
}

#[test]
fn a_run_to_start_from_that_is_nowhere_is_pointed_at() {
    let folder = TempDir::new().expect("a folder");
    let file = small(&folder, "after.toml", "ssamba_speech_commands.toml", "");
    let said = run(&file, &["-s", "model.ssamba.pretrained=run:nobody"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("error[E102]: there is no experiment or run called `nobody`"), "{}", said.err);
}

/// The bundled words have 67,572 frames of 128 bands; mean and spread are those that their profiles are told.
#[test]
fn statistics_are_printed_as_they_are_set() {
    let file = root().join("experiments/ssamba_pretrain_tiny.toml").display().to_string();
    let said = runner(&["data", "statistics", &file, "--profile", "smoke"]);
    assert_eq!((said.code, &*said.err), (0, "780 clips to train on, 67,572 frames of 128 bands\n"));
    assert_eq!(said.out, "[model.ssamba.features]\ndataset_mean = -10.8347020\ndataset_std = 6.1753066\n");
    let file = root().join("experiments/tedlium_direct.toml").display().to_string();
    let said = runner(&["data", "statistics", &file, "--profile", "smoke"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("`[model.wav2vec2]` is not told how loud its corpus is"), "{}", said.err);
}

#[test]
fn clips_with_several_classes_are_judged_by_how_they_rank() {
    let folder = TempDir::new().expect("a folder");
    let file = small(&folder, "several.toml", "ssamba_audioset.toml", "");
    ran(&file, &[]);
    let dir = run_of(&folder, "several");
    let metrics = json(&dir.join("metrics.json"));
    for name in ["test/mAP", "test/mAUC", "test/d_prime", "test/loss"] {
        assert!(metrics[name].is_number(), "{name} of {metrics}");
    }
    // The share of right answers means nothing where there are several.
    assert_eq!(metrics["test/clf_acc"], Value::Null);
    let said = runner(&["check", &file, "--profile", "ci", "-s", "train.classifier_loss=cross_entropy"]);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("average precision is of classes each of which may be there or not"),
        "{}",
        said.err
    );
}

#[test]
fn every_second_of_a_scene_has_an_answer() {
    let folder = TempDir::new().expect("a folder");
    let file = small(&folder, "scene.toml", "ssamba_urban8k.toml", "");
    for slices in ["sound", "reference"] {
        let runs = folder.path().join(slices);
        let runs_dir = format!("output.runs_dir={}", runs.display());
        let said =
            run(&file, &["-s", &format!("model.ssamba.scene.slices={slices}"), "-s", &runs_dir, "--json"]);
        assert_eq!(said.code, 0, "{}", said.err);
        let report: Value = serde_json::from_str(&said.out).expect("JSON");
        let dir = Path::new(report["dir"].as_str().expect("a folder"));
        let preds = fs::read_to_string(dir.join("preds.jsonl")).expect("predictions");
        for line in preds.lines() {
            let line: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(line["clf_pred"].as_array().map(Vec::len), Some(3), "{line}");
            assert_eq!(line["clf_label"].as_array().map(Vec::len), Some(3), "{line}");
        }
        let picture = fs::read_to_string(dir.join("scenes.svg")).expect("a picture");
        assert!(picture.contains("<title>2 s: ") && !picture.contains("<title>3 s: "), "{picture}");
        // What is taken for what is said by names, whatever the second.
        let confusions = fs::read_to_string(dir.join("confusion.csv")).expect("confusions");
        assert!(confusions.lines().skip(1).all(|row| row.starts_with("0,")), "{confusions}");
    }
    let more = ["-s", "model.ssamba.scene.seconds=4"];
    let said = runner(&[&["check", &file, "--profile", "ci"][..], &more].concat());
    assert_eq!(said.code, 2);
    assert!(said.err.contains("some of 4 seconds have no patch in 300 frames of 10 ms"), "{}", said.err);
}

/// Weights and features of an export are those of its run; without heads it is what others go on from.
#[test]
fn an_export_is_the_same_model_and_features_need_no_heads() {
    let folder = TempDir::new().expect("a folder");
    let file = small(&folder, "words.toml", "ssamba_speech_commands.toml", "");
    ran(&file, &[]);
    let run = run_of(&folder, "words").display().to_string();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (whole, headless) = (path("whole"), path("headless"));
    for (to, more) in [(&whole, &[][..]), (&headless, &["--headless"])] {
        let said = runner(&[&["export", &run, "-o", to][..], more].concat());
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let config = json(&folder.path().join("whole/config.json"));
    assert_eq!((&config["model_type"], &config["id2label"]["0"]), (&"ssamba".into(), &"bed".into()));
    let extractor = json(&folder.path().join("headless/preprocessor_config.json"));
    // The library divides by twice what it is told.
    assert_eq!((&extractor["mean"], &extractor["std"]), (&Value::from(-10.835), &Value::from(3.0875)));
    let card = fs::read_to_string(folder.path().join("headless/README.md")).expect("a card");
    assert!(card.contains("tags: [feature-extraction]"), "{card}");

    let sound = "corpora/smoke/words/f01/f01_00100005.ogg";
    let (of_run, of_export) =
        (runner(&["predict", &run, sound, "--json"]), runner(&["predict", &whole, sound, "--json"]));
    assert_eq!((of_run.code, of_export.code), (0, 0), "{}{}", of_run.err, of_export.err);
    assert_eq!(of_run.out, of_export.out);

    let features = |pretrained: &str, name: &str| {
        let (dump, set) = (path(name), format!("model.ssamba.pretrained={pretrained}"));
        let said =
            runner(&["forward", &file, "--profile", "ci", "-s", &set, "--input", sound, "--dump", &dump]);
        assert_eq!(said.code, 0, "{}", said.err);
        let tensors = runner::model::weights::read_tensors(Path::new(&dump)).expect("tensors");
        (tensors["hidden_states.1"].1.clone(), tensors["pooled"].1.clone())
    };
    let of_run = features(&format!("run:{run}"), "a.safetensors");
    assert_eq!(of_run, features(&headless, "b.safetensors"));
    assert_eq!(of_run, features(&whole, "c.safetensors"));
}

#[test]
fn checkpoints_are_judged_by_their_mean_weights_or_their_mean_answers() {
    let folder = TempDir::new().expect("a folder");
    let file = small(&folder, "several.toml", "ssamba_audioset.toml", "");
    ran(&file, &["-s", "train.max_steps=4", "-s", "train.max_lr=0.01"]);
    let dir = run_of(&folder, "several");
    let loss = |which: &str, more: &[&str]| {
        let model = format!("{}@{which}", dir.display());
        let said = runner(&[&["eval", &model, "--json"][..], more].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        let report: Value = serde_json::from_str(&said.out).expect("JSON");
        (report["metrics"]["test/loss"].as_f64().expect("a loss"), report["dir"].clone())
    };
    let (first, last) = (loss("2", &[]).0, loss("4", &[]).0);
    let (mean, to) = loss("2..4", &[]);
    assert!(to.as_str().is_some_and(|to| to.ends_with("eval_test_2-4")), "{to}");
    let (together, to) = loss("2..4", &["--ensemble"]);
    assert!(to.as_str().is_some_and(|to| to.ends_with("eval_test_2-4_together")), "{to}");
    assert_eq!(together, loss("2", &["--with", &format!("{}@4", dir.display())]).0);
    let all = [first, last, mean, together];
    assert!((0..4).all(|a| (0..a).all(|b| all[a] != all[b])), "{all:?}");
    // The mean of answers is never worse than the mean of losses.
    assert!(together <= (first + last) / 2.0, "{all:?}");
    let said = runner(&["eval", &format!("{}@5..9", dir.display())]);
    assert_eq!(said.code, 66);
    assert!(
        said.err.contains("the run has no checkpoint `5..9`") && said.err.contains("it has 2, 4"),
        "{}",
        said.err
    );
}
