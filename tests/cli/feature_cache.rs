//! `data.feature_cache`: results are the same with and without, and nothing out of date is ever heard.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::support::{Said, command, root, runner, runs_in, said};

/// What was learned, counted and predicted.
const RESULTS: [&str; 4] = [
    "metrics.jsonl",
    "preds.jsonl",
    "checkpoints/latest/model.safetensors",
    "checkpoints/latest/optimizer.safetensors",
];

/// A run of a shipped experiment under `ci` in a folder of its own.
struct Scene {
    folder: tempfile::TempDir,
    experiment: &'static str,
    sets: Vec<String>,
}

impl Scene {
    fn new(experiment: &'static str, sets: &[&str]) -> Self {
        let sets = sets.iter().map(|set| (*set).to_owned()).collect();
        Scene { folder: tempfile::tempdir().unwrap(), experiment, sets }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("features")
    }

    fn arguments(&self, runs: &str, cached: bool) -> Vec<String> {
        let experiment = root().join(format!("experiments/{}.toml", self.experiment)).display().to_string();
        let mut words: Vec<String> =
            ["run", &experiment, "--profile", "ci", "--json"].map(str::to_owned).to_vec();
        let mut set = |text: String| words.extend(["-s".to_owned(), text]);
        set(runs_in(&self.folder.path().join(runs)));
        self.sets.iter().cloned().for_each(&mut set);
        if cached {
            set(format!("data.feature_cache=\"{}\"", self.cache().display()));
        }
        words
    }

    fn said(&self, runs: &str, cached: bool) -> Said {
        let arguments = self.arguments(runs, cached);
        runner(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn ran(&self, runs: &str, cached: bool) -> (PathBuf, String) {
        let said = self.said(runs, cached);
        assert_eq!(said.code, 0, "{runs}: {}", said.err);
        (dir_of(&said), said.err)
    }

    /// Every entry, in the order of their names.
    fn entries(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for front_end in fs::read_dir(self.cache()).unwrap().flatten() {
            for shelf in fs::read_dir(front_end.path()).unwrap().flatten().filter(|at| at.path().is_dir()) {
                let entries = fs::read_dir(shelf.path()).unwrap().flatten().map(|entry| entry.path());
                assert!(shelf.file_name() != "unfinished" || entries.count() == 0, "something is unfinished");
                files.extend(fs::read_dir(shelf.path()).unwrap().flatten().map(|entry| entry.path()));
            }
        }
        files.sort();
        files
    }
}

fn dir_of(said: &Said) -> PathBuf {
    let report: Value = serde_json::from_str(&said.out).unwrap();
    report["dir"].as_str().unwrap().into()
}

fn agree(a: &Path, b: &Path, what: &str) {
    for file in RESULTS {
        let bytes = |run: &Path| fs::read(run.join(file)).unwrap_or_default();
        assert!(bytes(a) == bytes(b), "{what}: {file} differs");
    }
    assert_eq!(a.file_name(), b.file_name(), "{what}: it is another run");
}

/// A corpus of one's own, whose files may be changed: the bundled words of one speaker.
fn corpus(folder: &Path) -> PathBuf {
    let (from, to) = (root().join("corpora/smoke/words"), folder.join("corpus"));
    fs::create_dir_all(to.join("f01")).unwrap();
    for sound in fs::read_dir(from.join("f01")).unwrap().flatten() {
        fs::copy(sound.path(), to.join("f01").join(sound.file_name())).unwrap();
    }
    for list in ["meta.train.digits.nltLa.txt", "categories.digits.json"] {
        let text = fs::read_to_string(from.join(list)).unwrap();
        let kept = |line: &&str| !list.starts_with("meta") || line.starts_with("f01_");
        let lines: Vec<&str> = text.lines().filter(kept).collect();
        fs::write(to.join(list), lines.join("\n") + "\n").unwrap();
    }
    to
}

#[test]
fn results_are_the_same_with_and_without_and_from_what_was_kept() {
    // Masks and noise on the spectrogram, and one of three clips mixed with another.
    let augmented = [
        "data.mixup=0.3",
        "model.ssamba.features.freqm=20",
        "model.ssamba.features.timem=20",
        "model.ssamba.features.noise=true",
    ];
    for (experiment, sets) in [
        ("ssamba_speech_commands", &augmented[..]),
        ("ssast_pretrain_tiny", &[]),
        ("speech_commands_classifier", &["run.threads=1"]),
        ("tacomamba_ljspeech", &["eval.sounds=0"]),
    ] {
        let scene = Scene::new(experiment, sets);
        let (without, _) = scene.ran("without", false);
        let (made, _) = scene.ran("made", true);
        let entries = scene.entries();
        assert!(!entries.is_empty(), "{experiment} keeps features");
        let written: Vec<_> =
            entries.iter().map(|entry| entry.metadata().unwrap().modified().unwrap()).collect();
        let (read, _) = scene.ran("read", true);
        agree(&made, &without, &format!("{experiment}, features made"));
        agree(&read, &without, &format!("{experiment}, features read"));
        let now: Vec<_> =
            scene.entries().iter().map(|entry| entry.metadata().unwrap().modified().unwrap()).collect();
        assert_eq!(now, written, "{experiment}: what is there is not made again");
    }
}

#[test]
fn other_parameters_have_features_of_their_own_and_those_behind_the_front_end_do_not() {
    let folders = |scene: &Scene| fs::read_dir(scene.cache()).unwrap().count();
    let mut scene = Scene::new("ssamba_speech_commands", &[]);
    scene.ran("usual", true);
    assert_eq!(folders(&scene), 1);
    scene.sets =
        vec!["model.ssamba.features.dataset_mean=-3.0".into(), "model.ssamba.features.freqm=8".into()];
    scene.ran("scaled", true);
    assert_eq!(folders(&scene), 1);
    scene.sets = vec!["model.ssamba.features.target_length=96".into()];
    let (cached, _) = scene.ran("shorter", true);
    assert_eq!(folders(&scene), 2);
    agree(&cached, &scene.ran("shorter_without", false).0, "another length");
}

#[test]
fn a_file_that_changed_and_an_entry_that_is_damaged_are_noticed() {
    let mut scene = Scene::new("speech_commands_classifier", &[]);
    let corpus = corpus(scene.folder.path());
    scene.sets = vec![format!("data.dir=\"{}\"", corpus.display())];
    scene.sets.extend(
        ["train", "dev", "test"].map(|list| format!("data.{list}_meta=\"meta.train.digits.nltLa.txt\"")),
    );
    let (usual, said) = scene.ran("usual", true);
    assert!(!said.contains("damaged"), "{said}");

    let entries = scene.entries();
    let (truncated, flipped) = (&entries[0], &entries[1]);
    let whole = fs::read(truncated).unwrap();
    fs::write(truncated, &whole[..whole.len() / 2]).unwrap();
    let mut bytes = fs::read(flipped).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(flipped, bytes).unwrap();
    let (mended, said) = scene.ran("mended", true);
    for entry in [truncated, flipped] {
        let line = format!("warning: `{}` is damaged; its features are made anew", entry.display());
        assert!(said.contains(&line), "{said}");
    }
    agree(&mended, &usual, "damaged entries");
    assert_eq!(fs::read(truncated).unwrap(), whole, "the entry is whole again");

    // Two recordings change places: lengths and times of writing may be those of before.
    let line = fs::read_to_string(corpus.join("meta.train.digits.nltLa.txt")).unwrap();
    let names: Vec<&str> = line.lines().filter_map(|line| line.split('|').next()).collect();
    let sound = |at: usize| corpus.join("f01").join(format!("{}.ogg", names[at]));
    let lengths: Vec<&str> = line.lines().filter_map(|line| line.split('|').nth(1)).collect();
    let written = sound(0).metadata().unwrap().modified().unwrap();
    // Of the listed length, and silent: a wav in the place of the Ogg Vorbis file.
    let silence = vec![0.0; lengths[0].parse().unwrap()];
    fs::write(sound(0), runner::audio::wav_bytes(&silence, 16_000)).unwrap();
    fs::File::open(sound(0)).unwrap().set_modified(written).unwrap();
    let (cached, _) = scene.ran("changed", true);
    let (without, _) = scene.ran("changed_without", false);
    agree(&cached, &without, "a changed file");
    let model = |run: &Path| fs::read(run.join("checkpoints/latest/model.safetensors")).unwrap();
    assert!(model(&cached) != model(&usual), "the silence was heard");
}

#[test]
fn two_processes_may_fill_one_cache_at_once() {
    let scene = Scene::new("speech_commands_classifier", &["run.threads=1"]);
    let (without, _) = scene.ran("without", false);
    let start = |runs: &str| {
        let arguments = scene.arguments(runs, true);
        let mut command = command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let both = [start("first"), start("second")];
    for child in both {
        let said = said(child.wait_with_output().unwrap());
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(!said.err.contains("warning"), "{}", said.err);
        agree(&dir_of(&said), &without, "beside another process");
    }
    scene.entries();
}

#[test]
fn a_place_that_cannot_be_written_and_a_model_without_such_features_are_refused() {
    let scene = Scene::new("speech_commands_classifier", &[]);
    fs::write(scene.cache(), "a file").unwrap();
    let said = scene.said("runs", true);
    assert_eq!(said.code, 74, "{}", said.err);
    assert!(said.err.contains("features cannot be kept in"), "{}", said.err);
    assert!(
        said.err.contains("help: name a folder that can be written in `data.feature_cache`"),
        "{}",
        said.err
    );
    let said = runner(&[
        "check",
        "experiments/tedlium_direct.toml",
        "--profile",
        "ci",
        "-s",
        "data.feature_cache=\"x\"",
    ]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("nothing in this run reads `feature_cache`"), "{}", said.err);
}

#[test]
fn the_plan_says_how_large_it_gets() {
    let scene = Scene::new("speech_commands_classifier", &[]);
    let mut arguments = scene.arguments("runs", true);
    arguments[0] = "plan".into();
    arguments.retain(|word| word != "--json");
    let said = runner(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.contains(&format!("features are kept in {}: ", scene.cache().display())),
        "{}",
        said.out
    );
}

#[test]
fn features_are_made_before_a_run_by_several_processes_and_none_twice() {
    let scene = Scene::new("tacomamba_ljspeech", &["eval.sounds=0"]);
    let folder = format!("data.feature_cache=\"{}\"", scene.cache().display());
    let words = ["experiments/tacomamba_ljspeech.toml", "--profile", "ci", "-s", &folder];
    let fill = |part: &str| {
        let said = runner(&[&["data", "features"], &words[..], &["--part", part, "--json"]].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        let data: Value = serde_json::from_str(&said.out).unwrap();
        (data["made"].as_u64().unwrap(), data["there"].as_u64().unwrap(), said.err)
    };
    let (first, none, said) = fill("1/2");
    assert!(said.contains(" clips: ") && said.contains(" of features in `"), "{said}");
    let (second, none_either, _) = fill("2/2");
    assert_eq!((none, none_either), (0, 0));
    assert!(first.abs_diff(second) <= 1, "{first} and {second} are halves");
    let (made, there, _) = fill("1/1");
    assert_eq!((made, there), (0, first + second));

    let entries = scene.entries();
    let (cached, _) = scene.ran("cached", true);
    assert_eq!(scene.entries(), entries, "a run finds all there");
    agree(&cached, &scene.ran("without", false).0, "mels made before");
}

#[test]
fn features_without_a_folder_or_a_part_that_there_is_not_are_refused() {
    let said = runner(&["data", "features", "experiments/tacomamba_ljspeech.toml", "--profile", "ci"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("error: `data.feature_cache` names no folder for features"), "{}", said.err);
    assert!(said.err.contains("-s 'data.feature_cache=\"data/features\"'"), "{}", said.err);
    for part in ["0/2", "3/2", "1", "a/b"] {
        let said = runner(&["data", "features", "experiments/tacomamba_ljspeech.toml", "--part", part]);
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains("it must be a part of so many, as 1/4 or 4/4"), "{}", said.err);
    }
}
