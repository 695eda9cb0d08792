//! `[[data.mix]]`: several corpora that are trained on together.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use runner::data::{Position, Stream};
use runner::train::Job;
use serde_json::Value;
use tempfile::TempDir;

use super::support::{Said, command, plan_of, root, runner};

/// The shipped pre-training under `ci`, words and half of the generated sounds, as small as can be.
fn small(folder: &TempDir, steps: u64, more: &str) -> String {
    let text = format!(
        "extends = [\"{}\"]
[profile.ci]
output.runs_dir = \"{}\"
data.batch_size = 2
train = {{ max_steps = {steps}, warmup_steps = 0 }}
eval = {{ max_eval_batches = 1, checkpoint_interval = 4, eval_interval = 4 }}
model.ssamba = {{ embed_dim = 16, depth = 2, d_state = 2 }}
{more}",
        root().join("experiments/ssamba_pretrain_tiny.toml").display(),
        folder.path().join("runs").display()
    );
    let file = folder.path().join("mixed.toml");
    fs::write(&file, text).expect("written");
    file.display().to_string()
}

fn run(file: &str, more: &[&str]) -> Said {
    runner(&[&["run", file, "--profile", "ci", "--json"][..], more].concat())
}

fn dir(said: &Said) -> PathBuf {
    assert_eq!(said.code, 0, "{}", said.err);
    let report: Value = serde_json::from_str(&said.out).expect("JSON");
    report["dir"].as_str().expect("a folder").into()
}

fn same_bytes(a: &Path, b: &Path, step: u64) {
    for file in ["metrics.jsonl".to_owned(), format!("checkpoints/step-{step}/model.safetensors")] {
        assert!(fs::read(a.join(&file)).unwrap() == fs::read(b.join(&file)).unwrap(), "{file} differs");
    }
}

/// Pre-training on two bundled corpora, each with its weight.
const TWO: &str = "
data = { dir = \"corpora/smoke/words\", data_format = \"nltLa\", dev_meta = \"meta.dev.nltLa.txt\", test_meta = \"meta.test.nltLa.txt\", data_warmup_steps = 0, batch_size = 8, bucket_size = 97, mix = [
  { dir = \"corpora/smoke/words\", train_meta = \"meta.dev.nltLa.txt\", weight = 2.0 },
  { dir = \"corpora/smoke/events\", train_meta = \"meta.train.nltLa.txt\", weight = 0.5 } ] }
model.ssamba = { embed_dim = 16, depth = 2, task = \"pretrain_joint\", features.target_length = 128, patches.pretrained_length = 128, pretext.mask_patch = 24 }
train = { ctc_weight = 0.0, classifier_weight = 0.0 }
eval.select = \"dev/loss\"
";

/// The names of an epoch's clips, in the order of the batches.
fn epochs(count: usize) -> Vec<Vec<String>> {
    let plan = plan_of(TWO, &[]);
    let job = Job::open(&plan).unwrap();
    let loader = job.train_loader().unwrap();
    let draws = loader.shares().draws();
    let mut stream = Stream::new(loader, &plan.data, 5, 1, Position::default());
    let mut names = Vec::new();
    while names.len() < count * draws {
        names.extend(stream.next_batch().unwrap().0.names);
    }
    // The last group may reach into the next epoch, so epochs are told by the number of draws.
    names.chunks(draws).take(count).map(<[String]>::to_vec).collect()
}

#[test]
fn an_epoch_draws_of_each_corpus_what_its_weight_says() {
    let lines =
        |file: &str| fs::read_to_string(root().join("corpora/smoke").join(file)).unwrap().lines().count();
    let (words, events) = (lines("words/meta.dev.nltLa.txt"), lines("events/meta.train.nltLa.txt"));
    // Groups of 97 do not end where epochs do: over as many groups as epochs have draws, both come out.
    let draws = 2 * words + events / 2;
    let drawn = epochs(97).concat();
    assert_eq!(drawn.len(), 97 * draws);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    drawn.into_iter().for_each(|name| *counts.entry(name).or_default() += 1);
    let of_words = counts.iter().filter(|(name, _)| !name.starts_with("events_"));
    assert!(of_words.clone().all(|(_, &count)| count == 2 * 97), "{counts:?}");
    assert_eq!(of_words.count(), words);
    let of_events = counts.iter().filter(|(name, _)| name.starts_with("events_")).map(|(_, &count)| count);
    assert_eq!(of_events.clone().sum::<usize>(), 97 * events / 2);
    // Each is in half of the epochs, not always the same half.
    assert!(of_events.clone().count() == events && of_events.clone().all(|count| (20..78).contains(&count)));
}

#[test]
fn a_killed_run_on_a_mix_ends_with_the_same_bytes_whatever_the_threads() {
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let [killed, whole] = [&folders[0], &folders[1]].map(|folder| small(folder, 12, ""));
    let arguments = ["run", &killed, "--profile", "ci", "--json", "-s", "run.threads=2"];
    let mut child = command(&arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    let saved = |runs: &Path| {
        fs::read_dir(runs).is_ok_and(|mut runs| {
            runs.any(|run| run.is_ok_and(|run| run.path().join("checkpoints/step-4/state.json").exists()))
        })
    };
    while !saved(&folders[0].path().join("runs")) {
        assert!(started.elapsed() < Duration::from_secs(120), "no checkpoint in two minutes");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = dir(&run(&killed, &["-s", "run.threads=2"]));
    let whole = dir(&run(&whole, &["-s", "run.threads=1"]));
    same_bytes(&resumed, &whole, 12);
    let identity: Value = serde_json::from_slice(&fs::read(whole.join("run.json")).unwrap()).unwrap();
    let parts: Vec<&String> = identity["data"].as_object().unwrap().keys().collect();
    assert_eq!(parts, ["dev", "test", "train-1", "train-2"]);
}

#[test]
fn the_plan_and_the_check_tell_of_every_corpus() {
    let folder = TempDir::new().unwrap();
    let file = small(&folder, 2, "");
    let said = runner(&["plan", &file, "--profile", "ci"]);
    assert!(said.out.contains("; 1 × `corpora/smoke/words` an epoch\n"), "{}", said.out);
    assert!(
        said.out.contains(
            "train 96 utterances, 288 s, 3.0 to 3.0 s each; 0.5 × `corpora/smoke/events` an epoch\n"
        )
    );
    let checked = runner(&["check", &file, "--profile", "ci", "--data"]);
    assert!(checked.err.contains("876 training utterances"), "{}", checked.err);
}

#[test]
fn what_cannot_be_mixed_is_told_with_its_place() {
    let folder = TempDir::new().unwrap();
    let refused = |more: &str, code: i32, words: &[&str]| {
        let file = small(&folder, 2, more);
        let said = run(&file, &[]);
        for words in words {
            assert!(said.code == code && said.err.contains(words), "{}: {}", said.code, said.err);
        }
    };
    let mixed = "mixed.toml:8:";
    refused("data.mix = [{ weight = 0.5 }]", 2, &[mixed, "`dir` in `profile.ci.data.mix[0]` is not set"]);
    refused("data.mix = [{ dir = \"x\", weight = 0 }]", 2, &[mixed, "must be more than 0, but is 0"]);
    refused("data.mix = [{ dir = \"x\", wieght = 1 }]", 2, &[mixed, "did you mean `weight`?"]);
    refused(
        "data.mix = [{ dir = \"nowhere\" }]",
        66,
        &["there is no corpus at `nowhere`", "runner data prepare"],
    );
    let words = "dir = \"corpora/smoke/words\", train_meta = \"meta.train.nltLa.txt\"";
    let thin = format!("data.mix = [{{ {words}, weight = 1e-4 }}]");
    refused(
        &thin,
        1,
        &["a weight of 0.0001 draws none of the 780 utterances of `corpora/smoke/words/meta.train"],
    );
    let order = format!("data.mix = [{{ {words} }}]\ndata.order = \"reference\"");
    refused(&order, 2, &["mixed.toml:9:", "set `order = \"sound\"`, or leave `mix` out"]);
    let idle = run(&small(&folder, 2, ""), &["-s", "data.train_meta=x"]);
    assert!(idle.code == 2 && idle.err.contains("nothing in this run reads `train_meta`"), "{}", idle.err);
}

/// Labels have to mean the same in all of them.
#[test]
fn corpora_of_other_classes_are_not_mixed() {
    let folder = TempDir::new().unwrap();
    let text = format!(
        "extends = [\"{}\"]\n[profile.ci]\noutput.runs_dir = \"{}\"\ndata.mix = [{{ dir = \"corpora/smoke/events\", train_meta = \"meta.train.nltLa.txt\" }}]\n",
        root().join("experiments/ssamba_speech_commands.toml").display(),
        folder.path().join("runs").display()
    );
    let file = folder.path().join("words.toml");
    fs::write(&file, text).unwrap();
    let said = run(&file.display().to_string(), &[]);
    let files = "what is mixed differs in its class names: `corpora/smoke/words/categories.json` and `corpora/smoke/events/categories.json`";
    assert!(said.code == 1 && said.err.contains(files), "{}: {}", said.code, said.err);
}
