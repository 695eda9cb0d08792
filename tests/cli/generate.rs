//! `runner generate`: clips out of runs, experiments and published checkpoints, and what a run lets be heard while it trains.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use runner::audio::{self, Format};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::support::{Said, command, root, runner, runs_in, said};

const SIMPLE: &str = "tests/parity/sashimi/simple.pt";
const DIFFWAVE: &str = "tests/parity/sashimi/diffwave.pt";

/// Two updates of the digits' experiment, with these overrides, in a folder of runs.
fn trained(runs: &Path, more: &[&str]) -> PathBuf {
    let to = runs_in(runs);
    let mut arguments = vec!["run", "experiments/sashimi_sc09.toml", "--profile", "ci", "--json", "-s", &to];
    let sets = ["train.max_steps=2", "eval.max_eval_batches=1", "eval.test_at_end=false"];
    sets.iter().chain(more).for_each(|set| arguments.extend(["-s", set]));
    let said = runner(&arguments);
    assert_eq!(said.code, 0, "{}", said.err);
    let report: Json = serde_json::from_str(&said.out).unwrap();
    PathBuf::from(report["dir"].as_str().unwrap())
}

/// One run for all tests that only read it.
fn run() -> &'static str {
    static RUN: OnceLock<(TempDir, String)> = OnceLock::new();
    let (_, dir) = RUN.get_or_init(|| {
        let runs = tempfile::tempdir().unwrap();
        let dir = trained(runs.path(), &[]).display().to_string();
        (runs, dir)
    });
    dir
}

/// The clips that `generate` makes with these arguments.
fn clips(arguments: &[&str]) -> Vec<Vec<u8>> {
    let out = tempfile::tempdir().unwrap();
    let to = out.path().join("clips");
    let said = generate(&[arguments, &["-o", &to.display().to_string()]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    let files = (0..).map(|number| to.join(format!("{number:04}.wav"))).take_while(|file| file.exists());
    files.map(|file| fs::read(file).unwrap()).collect()
}

fn generate(arguments: &[&str]) -> Said {
    runner(&[&["generate"], arguments].concat())
}

fn samples(wav: &[u8]) -> Vec<f32> {
    audio::read_bytes("a clip", wav.to_vec(), 16_000).unwrap()
}

#[test]
fn a_clip_is_the_same_bytes_whatever_is_made_beside_it_on_however_many_threads() {
    let of = |seed, count, threads| {
        clips(&[run(), "--seconds", "0.02", "--seed", seed, "-n", count, "--threads", threads])
    };
    let five = of("7", "5", "2");
    assert_eq!(five.len(), 5);
    assert!(five == of("7", "5", "1"), "one thread");
    assert!(five[..2] == of("7", "2", "2"), "fewer beside it");
    assert!(five[0] != five[1], "clips have draws of their own");
    assert!(five[0] != of("8", "1", "2")[0], "another seed");
    let likeliest = clips(&[run(), "--seconds", "0.02", "--seed", "7", "--nucleus-p", "0.5"]);
    assert!(five[0] != likeliest[0], "fewer levels to draw from");
    let facts = audio::facts_bytes("a clip", &five[0]).unwrap();
    assert_eq!(facts, audio::Facts { rate_hz: 16_000, channels: 1, samples: 320, format: Format::Wav });
}

/// S4D: learnt by its sums of powers, and made by its recurrence.
#[test]
fn a_model_of_diagonal_state_spaces_learns_and_makes_sound() {
    let runs = tempfile::tempdir().unwrap();
    for (disc, measure) in [("zoh", "legs"), ("foh", "diag-lin"), ("bilinear", "diag-inv")] {
        let sets = ["mode=\"diag\"".to_owned(), format!("disc=\"{disc}\""), format!("measure=\"{measure}\"")];
        let sets = sets.map(|set| format!("model.sashimi.{set}"));
        let dir = trained(runs.path(), &sets.each_ref().map(String::as_str));
        let weights = dir.join("checkpoints/latest/model.safetensors");
        let tensors = runner::model::weights::read_tensors(&weights).unwrap();
        let kernels = tensors.keys().filter(|name| name.contains(".kernel.kernel."));
        let leaves: std::collections::BTreeSet<&str> =
            kernels.filter_map(|name| name.rsplit('.').next()).collect();
        assert_eq!(leaves.into_iter().collect::<Vec<_>>(), ["C", "log_dt", "log_w_real", "w_imag"]);
        let made = clips(&[&dir.display().to_string(), "--seconds", "0.02", "-n", "2"]);
        assert!(made.len() == 2 && samples(&made[0]).len() == 320 && made[0] != made[1], "{disc}");
    }
    let names = fs::read_dir(runs.path()).unwrap().flatten().filter(|run| run.path().is_dir()).count();
    assert_eq!(names, 3, "each is a run of its own");
}

#[test]
fn a_recording_is_continued() {
    let folder = tempfile::tempdir().unwrap();
    let prompt = folder.path().join("prompt.wav");
    let word = audio::read(&root().join("corpora/smoke/words/f01/f01_00100000.ogg"), 16_000).unwrap();
    audio::write_wav(&prompt, &word[4_000..4_300], 16_000).unwrap();
    let heard = audio::read(&prompt, 16_000).unwrap();
    let prompt = prompt.display().to_string();
    let made = clips(&[run(), "--prompt", &prompt, "--seconds", "0.01", "-n", "2"]);
    let levels = audio::Levels { law: audio::Law::Mu, count: 256 };
    let codes = levels.encode(&heard);
    for clip in &made {
        let clip = samples(clip);
        assert_eq!(clip.len(), heard.len() + 160);
        let rounded =
            |code: &u32| (levels.decode(*code) * 32768.0).round().clamp(-32768.0, 32767.0) / 32768.0;
        assert!(clip.iter().zip(&codes).all(|(sample, code)| *sample == rounded(code)));
    }
    assert_ne!(made[0], made[1]);
}

#[test]
fn programs_get_the_facts_on_standard_output_and_beside_the_clips() {
    let out = tempfile::tempdir().unwrap();
    let to = out.path().join("clips").display().to_string();
    let said = generate(&["--json", run(), "-n", "2", "--seconds", "0.01", "--seed", "3", "-o", &to]);
    assert_eq!(said.code, 0, "{}", said.err);
    let report: Json = serde_json::from_str(&said.out).unwrap();
    let names: Vec<&String> = report.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "model",
            "clips",
            "samples",
            "rate_hz",
            "secs",
            "samples_per_sec",
            "real_time_factor",
            "dir",
            "files",
            "nats"
        ]
    );
    assert_eq!(report["model"], format!("{}@2", run()));
    assert_eq!((&report["clips"], &report["samples"]), (&Json::from(2), &Json::from(160)));
    assert_eq!(report["files"], Json::from(vec![format!("{to}/0000.wav"), format!("{to}/0001.wav")]));
    assert!(report["nats"][1].as_f64().unwrap() > 0.0 && report["samples_per_sec"].as_f64().unwrap() > 0.0);

    let beside: Json =
        serde_json::from_str(&fs::read_to_string(format!("{to}/clips.json")).unwrap()).unwrap();
    assert_eq!((&beside["seed"], &beside["rate_hz"]), (&Json::from(3), &Json::from(16_000)));
    assert_eq!(beside["clips"][1]["file"], "0001.wav");
    assert_eq!(beside["clips"][1]["nats"], report["nats"][1]);

    let speed = generate(&[
        "--json",
        "experiments/sashimi_sc09.toml",
        "--random-init",
        "--profile",
        "ci",
        "--seconds",
        "0.01",
    ]);
    let report: Json = serde_json::from_str(&speed.out).unwrap();
    assert_eq!((&report["dir"], &report["files"]), (&Json::Null, &Json::from(Vec::<String>::new())));
}

#[test]
fn published_checkpoints_make_sound_without_a_run() {
    for file in ["simple.pt", "first.pt", "third.ckpt", "fourth.pt"] {
        let file = format!("tests/parity/sashimi/{file}");
        let made = clips(&["--weights", &file, "-n", "2", "--seconds", "0.01"]);
        assert_eq!(made.iter().map(|clip| samples(clip).len()).collect::<Vec<_>>(), [160, 160], "{file}");
    }
    let noise =
        |more: &[&str]| clips(&[&["--weights", DIFFWAVE, "--seconds", "0.004", "-n", "2"], more].concat());
    let five = noise(&["--steps", "5"]);
    assert_eq!(samples(&five[1]).len(), 64);
    assert_eq!(five, noise(&["--steps", "5", "--threads", "1"]));
    assert_ne!(five, noise(&["--fast"]));
    assert_ne!(five, noise(&["--steps", "5", "--seed", "1"]));
}

/// What `generate` refuses, with which code and words.
#[test]
fn what_cannot_be_made_is_said() {
    let full = tempfile::tempdir().unwrap();
    fs::write(full.path().join("a.txt"), "a").unwrap();
    let (full, free) = (full.path().display().to_string(), full.path().join("new").display().to_string());
    let experiment = "experiments/sashimi_sc09.toml";
    let cases: [(&[&str], i32, String); 13] = [
        (
            &["experiments/tedlium_direct.toml", "--random-init", "--profile", "ci"],
            2,
            "error: a `wav2vec2` model makes no sound\nhelp: `runner predict` transcribes and classifies with it\n".into(),
        ),
        (
            &["-q", "--weights", DIFFWAVE, "--seconds", "0.01"],
            2,
            "error: a clip has 160 samples, but the model makes at most 64 at once\n\
             help: ask for 64 samples or fewer by `--seconds`\n"
                .into(),
        ),
        (
            &["-q", "--weights", DIFFWAVE, "--seconds", "0.004", "--prompt", "corpora/smoke/f01/f01_00001104.ogg"],
            2,
            "error: a model that makes sound out of noise continues no recording\nhelp: leave `--prompt` out\n".into(),
        ),
        (
            &[run(), "--nucleus-p", "0"],
            2,
            "error: `--nucleus-p` is not above 0, so nothing can be drawn\nhelp: choose one up to 1, where it is off\n"
                .into(),
        ),
        (
            &[run(), "--temperature", "0"],
            2,
            "error: `--temperature` is not above 0\nhelp: 1 draws as the model says\n".into(),
        ),
        (
            &[run(), "--seconds", "0"],
            2,
            "error: `--seconds` is not above 0\nhelp: for example `--seconds 1`\n".into(),
        ),
        (&[run(), "-n", "0"], 2, "error: `-n` is 0: there is nothing to make\nhelp: for example `-n 4`\n".into()),
        (
            &[experiment],
            2,
            format!(
                "error: `{experiment}` is an experiment, which has no weights\nhelp: name a run, as \
                 `runner results` lists them, or measure speed with `--random-init`\n"
            ),
        ),
        (
            &["no/run"],
            66,
            "error: `no/run` is no run's folder, and no checkpoint\nhelp: give the name that `runner results` lists, for \
             example `NAME-HASH@best`, or the folder of the run\n"
                .into(),
        ),
        (&[run(), "--prompt", "no.wav"], 66, "error: cannot use audio `no.wav`: there is no such file\n".into()),
        (
            &["--weights", "no.pt"],
            66,
            "error: cannot read weights from `no.pt`: No such file or directory (os error 2)\n".into(),
        ),
        (
            &["--weights", "README.md"],
            1,
            "error: `README.md` is no file of weights: header too large\n".into(),
        ),
        (&[&format!("{}@1", run())], 66, "error: the run has no checkpoint `1`\nhelp: it has 2\n".into()),
    ];
    for (arguments, code, words) in cases {
        let said = generate(&[arguments, &["-o", &free]].concat());
        assert_eq!(
            (said.code, said.err.as_str(), said.out.as_str()),
            (code, words.as_str(), ""),
            "{arguments:?}"
        );
    }
    assert!(!Path::new(&free).exists(), "what is refused leaves nothing");
    let said = generate(&[run(), "-o", &full]);
    let words = format!("error: `{full}` is not empty\nhelp: name a folder that does not exist yet\n");
    assert_eq!((said.code, said.err), (73, words));
    let said = generate(&["--weights", SIMPLE]);
    assert!(said.code == 2 && said.err.contains("--output <DIR>"), "{}", said.err);
}

#[test]
fn a_run_is_heard_at_each_evaluation_and_learns_the_same() {
    let runs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let heard = trained(runs[0].path(), &["eval.sounds=2", "eval.sound_secs=0.02"]);
    let quiet = trained(runs[1].path(), &["eval.sounds=0"]);
    assert_eq!(heard.file_name(), quiet.file_name(), "it is the same run");
    for file in ["metrics.jsonl", "checkpoints/step-2/model.safetensors"] {
        assert!(fs::read(heard.join(file)).unwrap() == fs::read(quiet.join(file)).unwrap(), "{file} differs");
    }
    assert!(!quiet.join("sounds").exists());
    // What was heard is what the checkpoint makes with the run's seed.
    let made = clips(&[&format!("{}@2", heard.display()), "--seconds", "0.02", "--seed", "1775", "-n", "2"]);
    for (number, clip) in made.iter().enumerate() {
        let file = heard.join(format!("sounds/step_00000002_{number}.wav"));
        assert!(*clip == fs::read(&file).unwrap(), "{} differs", file.display());
    }
    let log = fs::read_to_string(heard.join("log.txt")).unwrap();
    assert!(log.contains("step 2: 2 clips of 0.02 s in `sounds/` ("), "{log}");

    // A longer run goes on behind what was heard.
    let longer = trained(runs[0].path(), &["eval.sounds=1", "eval.sound_secs=0.01", "train.max_steps=4"]);
    let mut names: Vec<String> = fs::read_dir(longer.join("sounds"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["step_00000002_0.wav", "step_00000002_1.wav", "step_00000004_0.wav"]);
}

/// An hour of sound takes longer than anybody's patience: the request to stop comes while it is made.
#[cfg(unix)]
#[test]
fn who_stops_a_run_while_it_is_heard_keeps_what_it_has_learnt() {
    let runs = tempfile::tempdir().unwrap();
    let (to, experiment) = (runs_in(runs.path()), "experiments/sashimi_sc09.toml");
    let mut arguments = vec!["--json", "run", experiment, "--profile", "ci", "-s", &to];
    let sets = ["eval.max_eval_batches=1", "eval.test_at_end=false", "eval.sounds=2", "eval.sound_secs=3600"];
    sets.iter().for_each(|set| arguments.extend(["-s", set]));
    let child = command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let started = Instant::now();
    let log = || {
        let run = fs::read_dir(runs.path()).ok()?.next()?.ok()?.path();
        fs::read_to_string(run.join("log.txt")).ok()
    };
    while !log().is_some_and(|log| log.contains("step 2: making 2 clips")) {
        assert!(started.elapsed() < Duration::from_secs(240), "nothing to hear in four minutes");
        std::thread::sleep(Duration::from_millis(20));
    }
    let signalled = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    let said = said(child.wait_with_output().unwrap());
    assert_eq!(said.code, 75, "{}", said.err);
    let report: Json = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&report["state"], &report["step"]), (&Json::from("interrupted"), &Json::from(2)));
    let dir = PathBuf::from(report["dir"].as_str().unwrap());
    assert!(dir.join("checkpoints/step-2/model.safetensors").exists());
    assert!(!dir.join("sounds").exists(), "what is not whole is not there");
}
