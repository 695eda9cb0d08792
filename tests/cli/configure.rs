//! Configuration as people use it: all mistakes at once, one identity however it is written, and every answer from the terminal.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::support::{Said, command, runner, said};

const SEVEN: &str = r#"extends = ["base.toml"]
continue_from = "nobody@100"

[data]
batch_sise = 8
bucket_size = "many"
data_format = "ntl"

[model.wav2vec2]
hidden_size = 112
num_attention_heads = 3
hidden_dropout = 1.5
"#;

fn seven() -> (TempDir, String) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("x.toml");
    fs::write(&file, SEVEN).expect("a file");
    // No layer sets `data.dir`, and so one more is missing.
    fs::write(folder.path().join("base.toml"), "").expect("a file");
    let path = file.to_str().expect("UTF-8").to_owned();
    (folder, path)
}

#[test]
fn seven_mistakes_are_seven_findings_in_the_order_of_the_file() {
    let (folder, file) = seven();
    let said = runner(&["check", &file]);
    let text = said.err.replace(&format!("{}/", folder.path().display()), "");
    let expected = "\
error[E102]: there is no experiment or run called `nobody`
 --> x.toml:2:1
  |
2 | continue_from = \"nobody@100\"
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: name an experiment of this folder, a run folder, or a checkpoint

error[E007]: `dir` in `[data]` is not set
 --> x.toml:4:2
  |
4 | [data]
  |  ^^^^
  = help: `dir`: Folder of the prepared corpus (the paper's `--data-dir`), relative to the working directory

error[E002]: unknown key `batch_sise` in `[data]`
 --> x.toml:5:1
  |
5 | batch_sise = 8
  | ^^^^^^^^^^
  = help: did you mean `batch_size`?

error[E003]: `bucket_size` in `[data]` takes an integer, not the string `\"many\"`
 --> x.toml:6:15
  |
6 | bucket_size = \"many\"
  |               ^^^^^^
  = help: `bucket_size`: Utterances drawn together, sorted by length and then packed into batches

error[E005]: `data_format` in `[data]` is `\"ntl\"`, which is none of `nlt` and `nltLa`
 --> x.toml:7:15
  |
7 | data_format = \"ntl\"
  |               ^^^^^
  = help: did you mean `\"nlt\"`?

error[E101]: `num_attention_heads` is 3, which does not divide hidden_size (112)
  --> x.toml:11:1
   |
11 | num_attention_heads = 3
   | ^^^^^^^^^^^^^^^^^^^^^^^
   = help: the nearest divisor is `num_attention_heads = 2`

error[E004]: `hidden_dropout` in `[model.wav2vec2]` must be at most 1, but is 1.5
  --> x.toml:12:18
   |
12 | hidden_dropout = 1.5
   |                  ^^^
   = help: `hidden_dropout`: Dropout at the encoder's input, after each mixer and after each feed-forward block

7 errors
";
    assert_eq!(text, expected);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
}

#[test]
fn machines_get_the_same_seven() {
    let (_folder, file) = seven();
    let said = runner(&["check", "--json", &file]);
    let value: Value = serde_json::from_str(&said.out).expect("JSON alone on standard output");
    let problems = value["problems"].as_array().expect("a list");
    let codes: Vec<&str> = problems.iter().filter_map(|problem| problem["code"].as_str()).collect();
    assert_eq!(codes, ["E102", "E007", "E002", "E003", "E005", "E101", "E004"]);
    assert_eq!(value["ok"], false);
    let third = &problems[2];
    assert_eq!((&third["line"], &third["col"], &third["len"]), (&5.into(), &1.into(), &10.into()));
    assert_eq!((&third["path"], &third["file"]), (&"data.batch_sise".into(), &file.as_str().into()));
    assert_eq!(third["help"], "did you mean `batch_size`?");
}

/// The identity of an experiment written so.
fn id(text: &str, more: &[&str]) -> String {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("x.toml");
    fs::write(&file, text).expect("a file");
    let said = runner(&[&["id", file.to_str().expect("UTF-8")], more].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    said.out.trim().to_owned()
}

#[test]
fn one_experiment_has_one_identity_however_it_is_written() {
    let plain = id("[data]\ndir = \"d\"\nbatch_size = 8\n[train]\nmax_lr = 1e-3\n", &[]);
    assert_eq!(plain.len(), 8);
    for same in [
        "[train]\nmax_lr = 1e-3\n[data]\nbatch_size = 8\ndir = \"d\"\n",
        "# words\ndata = { dir = \"d\",   batch_size = 8 }\ntrain.max_lr = 0.001\n",
        "[data]\ndir = \"d\"\nbatch_size = 8\nbucket_size = 1024\n[train]\nmax_lr = 1e-3\nmin_lr = 0.0\n",
        "name = \"y\"\ndescription = \"z\"\n[data]\ndir = \"elsewhere\"\nbatch_size = 8\n[train]\nmax_lr = 1e-3\n",
        "[run]\nthreads = 7\ndevice = \"cpu\"\n[data]\ndir = \"d\"\nbatch_size = 8\n[train]\nmax_lr = 1e-3\n",
    ] {
        assert_eq!(id(same, &[]), plain, "{same}");
    }
    assert_eq!(id("[data]\ndir = \"d\"\n", &["-s", "train.max_lr=1e-3", "-s", "data.batch_size=8"]), plain);
    assert_eq!(id("[data]\ndir = \"d\"\n", &["--hparams", "batch_size=8,max_lr=1e-3"]), plain);
    assert_ne!(id("[data]\ndir = \"d\"\nbatch_size = 8\n[train]\nmax_lr = 2e-3\n", &[]), plain);
    assert_ne!(
        id("[data]\ndir = \"d\"\nbatch_size = 8\n[train]\nmax_lr = 1e-3\n[run]\nseed = 1\n", &[]),
        plain
    );
}

#[test]
fn an_option_that_nothing_reads_is_refused_with_what_would_have_it_read() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("x.toml");
    fs::write(&file, "[data]\ndir = \"d\"\n").expect("a file");
    let file = file.to_str().expect("UTF-8");
    let said = runner(&["check", file, "-s", "model.wav2vec2.mamba_headdim=32"]);
    let expected = "\
error[E104]: nothing in this run reads `mamba_headdim`
 --> -s model.wav2vec2.mamba_headdim
  |
  | -s model.wav2vec2.mamba_headdim=32
  |                   ^^^^^^^^^^^^^^^^
  = help: it would count with `model.wav2vec2.asr_use_mamba = true`; else take it out

1 error
";
    assert_eq!((said.code, said.err.as_str()), (2, expected));
    // Bases, profiles and pasted hparams may speak of more than one run.
    assert_eq!(runner(&["check", file, "--hparams", "mamba_headdim=32"]).code, 0);
}

#[test]
fn an_argument_of_the_wrong_type_says_so() {
    let said = runner(&["check", "experiments/tedlium_direct.toml", "-s", "train.max_lr=fast"]);
    assert_eq!(said.code, 2);
    let first = said.err.lines().next().unwrap_or_default();
    assert_eq!(first, "error[E003]: `max_lr` in `[train]` takes a number, not the string `\"fast\"`");
    assert!(said.err.contains(" --> -s train.max_lr\n"), "{}", said.err);
}

#[test]
fn options_explain_themselves() {
    let said = runner(&["explain", "mamba_headdim"]);
    let expected = "\
model.wav2vec2.mamba_headdim
  Channels per head of a Mamba-2 mixer; must divide `hidden_size × mamba_expand`.

  takes     integer, at least 1, at most 65536
  default   64
  read by   the model
            not by default; for one, with `model.wav2vec2.asr_use_mamba = true`
  identity  another value makes another run
  write     mamba_headdim = 64    under [model.wav2vec2]
            -s model.wav2vec2.mamba_headdim=64
            RUNNER__MODEL__WAV2VEC2__MAMBA_HEADDIM=64
";
    assert_eq!((said.code, said.out.as_str()), (0, expected));
    let said = runner(&["explain", "E002"]);
    assert!(said.out.starts_with("E002  No option of this name exists in this place.\n\n"), "{}", said.out);
    let said = runner(&["explain", "mamba_headdm"]);
    assert_eq!(said.code, 2);
    assert!(said.err.ends_with("help: did you mean `mamba_headdim`?\n"), "{}", said.err);
    let listed = runner(&["explain"]).out;
    assert!(listed.lines().all(|line| line.starts_with('E')) && listed.contains("E104  "), "{listed}");
}

#[test]
fn a_template_passes_check_and_is_the_run_it_was_made_from() {
    for name in ["tedlium_direct", "tedlium_hybrid", "tedlium_waypoint"] {
        let folder = TempDir::new().expect("a folder");
        let here = |arguments: &[&str]| -> Said {
            said(command(arguments).current_dir(folder.path()).output().expect("the program starts"))
        };
        let made = here(&["init", "--from", name]);
        assert_eq!(made.code, 0, "{}", made.err);
        let file = format!("{name}.toml");
        let text = fs::read_to_string(folder.path().join(&file)).expect("the file");
        assert_eq!(text.lines().next(), Some("#:schema ./experiment.schema.json"));
        let original = format!("experiments/{file}");
        for profile in [&[][..], &["--profile", "smoke"], &["--profile", "ci"]] {
            let checked = here(&[&["check", &file], profile].concat());
            assert_eq!(checked.code, 0, "{}", checked.err);
            let copy = here(&[&["id", &file], profile].concat()).out;
            assert_eq!(copy, runner(&[&["id", &original], profile].concat()).out, "{name} {profile:?}");
        }
        let again = here(&["init", "--from", name]);
        assert_eq!(again.code, 73, "{}", again.err);
    }
}

#[test]
fn experiments_are_compared_by_what_counts() {
    let (left, right) = ("experiments/tedlium_direct.toml", "experiments/tedlium_unguided.toml");
    let said = runner(&["diff", left, right, "--json"]);
    let value: Value = serde_json::from_str(&said.out).expect("JSON");
    let paths: Vec<&str> = value["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|row| row["path"].as_str())
        .collect();
    assert_eq!(value["same"], false);
    assert!(paths.contains(&"model.wav2vec2.asr_use_mamba"), "{paths:?}");
    assert!(!paths.contains(&"description"), "{paths:?}");
    let said = runner(&["diff", left, left]);
    assert!(said.out.is_empty() && said.err.starts_with("the same run, "), "{}", said.err);
}

#[test]
fn shells_complete_options_and_their_choices() {
    for shell in ["bash", "zsh", "fish"] {
        let said = runner(&["completions", shell]);
        assert!(said.code == 0 && said.out.contains("COMPLETE"), "{shell}: {}", said.out);
    }
    let completed = |words: &[&str]| {
        let mut command = command(&["--", "runner"]);
        command.args(words).env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", words.len().to_string());
        command
            .env("_CLAP_COMPLETE_COMP_TYPE", "9")
            .env("_CLAP_COMPLETE_SPACE", "true")
            .env("_CLAP_IFS", "\n");
        said(command.output().expect("the program starts")).out
    };
    assert!(completed(&["run", "x.toml", "-s", "train.max_l"]).contains("train.max_lr="));
    let choices = completed(&["run", "x.toml", "-s", "distill.guidance="]);
    assert!(
        choices.contains("distill.guidance=fixed") && choices.contains("distill.guidance=waypoint"),
        "{choices}"
    );
    assert!(completed(&["expl"]).contains("explain"));
    assert!(completed(&["data", "fetch", "mini"]).contains("mini-librispeech"));
    let models = completed(&["data", "fetch", "--model", "wav2"]);
    assert!(models.contains("wav2vec2-base") && models.contains("wav2vec2-large-lv60"), "{models}");
}

#[test]
fn the_manual_and_the_doctor_answer() {
    let page = runner(&["man"]).out;
    assert!(page.starts_with(".ie") || page.starts_with(".TH"), "{page}");
    assert!(page.contains("Exit codes"), "{page}");
    let said = runner(&["doctor", "--json"]);
    let value: Value = serde_json::from_str(&said.out).expect("JSON");
    let names: Vec<&str> = value["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|finding| finding["name"].as_str())
        .collect();
    let all =
        ["CPU", "vectors", "memory", "disk", "GPU", "CUDA", "NVRTC", "espeak-ng", "model cache", "Slurm"];
    assert_eq!(names, all);
}

#[test]
fn colours_come_only_where_they_are_wanted() {
    let misspelt = ["check", "experiments/tedlium_direct.toml", "-s", "train.max_stepz=1"];
    assert!(!runner(&misspelt).err.contains('\u{1b}'));
    assert!(
        runner(&[&misspelt[..], &["--color", "always"]].concat()).err.contains("\u{1b}[1;31merror[E002]")
    );
}

#[test]
fn a_look_at_the_corpus_tries_an_update() {
    let file = "experiments/tedlium_direct.toml";
    let said = runner(&["check", file, "--profile", "smoke", "--data"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("files there") && said.err.contains("has loss"), "{}", said.err);
    let folder = TempDir::new().expect("a folder");
    for name in ["meta.train.txt", "meta.dev.txt", "meta.test.txt", "vocab.json"] {
        fs::copy(super::support::root().join("corpora/smoke").join(name), folder.path().join(name))
            .expect("a copy");
    }
    let dir = format!("data.dir={:?}", folder.path());
    let said = runner(&["check", file, "--profile", "smoke", "--data", "-s", &dir]);
    assert_eq!(said.code, 66, "{}", said.err);
    assert!(said.err.contains("there is no sound for ") && said.err.contains(", …"), "{}", said.err);
}

/// A program without CUDA: with it, these depend on the machine.
#[test]
#[cfg(not(feature = "cuda"))]
fn a_device_that_is_not_there_is_refused_before_anything_is_written() {
    let folder = TempDir::new().expect("a folder");
    let runs = format!("output.runs_dir={:?}", folder.path());
    let of = |verb: &str, device: &str| {
        let set = format!("run.device={device}");
        runner(&[verb, "experiments/tedlium_direct.toml", "--profile", "ci", "-s", &set, "-s", &runs])
    };
    for (verb, device) in [("run", "cuda"), ("run", "cuda:3"), ("plan", "cuda:3"), ("profile", "cuda:0")] {
        let said = of(verb, device);
        let shown = if device == "cuda:0" { "cuda" } else { device };
        assert_eq!(
            (said.code, said.err.as_str()),
            (
                2,
                format!(
                    "error: `run.device = \"{shown}\"`, but this program was built without CUDA\n\
                     help: take `run.device = \"auto\"`, or build with `--features cuda`\n"
                )
                .as_str()
            ),
            "{verb}"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is written");
    let generate = |device: &str| {
        let model = ["experiments/sashimi_sc09.toml", "--profile", "ci"];
        runner(
            &[&["generate", "--random-init", "--seconds", "0.01", "--device", device], &model[..]].concat(),
        )
    };
    let said = generate("cuda:1");
    assert_eq!(
        (said.code, said.err.as_str()),
        (
            2,
            "error: `--device cuda:1`, but this program was built without CUDA\n\
             help: take `--device auto`, or build with `--features cuda`\n"
        )
    );
    let said = generate("tpu");
    assert_eq!(said.code, 2);
    assert!(said.err.contains("`tpu` is no device: `auto`, `cpu`, `cuda` and `cuda:N` are"), "{}", said.err);
    assert_eq!(generate("cpu").code, 0);
    let said = of("plan", "gpu");
    assert_eq!(said.code, 2);
    assert!(said.err.contains("which is none of `auto`, `cpu`, `cuda` and `cuda:N`"), "{}", said.err);
    let said = of("plan", "auto");
    assert!(said.out.contains("  device cpu, precision f32, seed "), "{}", said.out);
}

/// It is part of what a run is, and the CPU makes of it what it can.
#[test]
fn precision_is_told_as_it_was_asked_for_and_as_it_is() {
    let plan = |precision: &str| {
        let set = format!("run.precision={precision}");
        let said = runner(&[
            "plan",
            "experiments/tedlium_direct.toml",
            "--profile",
            "ci",
            "--json",
            "-s",
            &set,
            "-s",
            "run.device=cpu",
        ]);
        serde_json::from_str::<Value>(&said.out).expect("JSON")
    };
    let [f32, tf32, bf16] = ["f32", "tf32", "bf16"].map(plan);
    let tiles = if kernels::matmul::bf16::available() { "bf16" } else { "bf16 → f32" };
    assert_eq!([&f32, &tf32, &bf16].map(|plan| &plan["precision"]), ["f32", "tf32 → f32", tiles]);
    assert!(f32["id"] != tf32["id"] && tf32["id"] != bf16["id"]);
    assert_eq!(f32["device"], serde_json::json!({"requested": "cpu", "effective": "cpu"}));
    assert!(f32["gpu"].is_null());
}

#[test]
fn a_plan_says_what_will_happen_and_where_it_goes() {
    let said = runner(&["plan", "experiments/tedlium_waypoint.toml", "--profile", "smoke"]).out;
    for line in [
        "  time masks, share of frames: 0.1",
        "training: 600 updates of 1 batches; an epoch is about 265 updates",
        "memory: about 354 MB at the peak of training; a checkpoint takes 15 MB",
    ] {
        assert!(said.lines().any(|other| other == line), "no `{line}` in\n{said}");
    }
    let said = runner(&["plan", "experiments/tedlium_waypoint.toml", "--json"]);
    let value: Value = serde_json::from_str(&said.out).expect("JSON");
    for field in [
        "id",
        "params",
        "layers",
        "data",
        "schedule",
        "memory_bytes",
        "recompute",
        "augmentations",
        "checkpoint_bytes",
        "dir",
    ] {
        assert!(!value[field].is_null(), "{field}");
    }
    let batches = &value["micro_batches"];
    assert_eq!(batches["requested"], "auto");
    assert!(batches["at_a_time"].as_u64().is_some() && batches["effective"].is_string(), "{batches}");
    // The paper's corpus is not here, and a plan needs none.
    assert!(value["steps_per_epoch"].is_null());
}

#[test]
fn how_batches_of_an_update_run_is_said_and_refused_where_there_is_one() {
    let plan = |more: &[&str]| {
        let common = ["plan", "experiments/tedlium_direct.toml", "--profile", "smoke", "-s", "run.threads=2"];
        let sets = more.iter().flat_map(|set| ["-s", set]);
        runner(&common.into_iter().chain(sets).collect::<Vec<_>>())
    };
    let (two, side_by_side) = ("train.accumulation_steps=2", "run.micro_batches=\"side_by_side\"");
    for (sets, line) in [
        (&[two, side_by_side][..], "side by side, 2 at a time, each on one thread"),
        (
            &[two, "run.micro_batches=\"in_turn\""],
            "in turn, each on all threads: `run.micro_batches = \"in_turn\"`",
        ),
        (&[two, side_by_side, "run.threads=1"], "in turn, each on all threads: there is one thread"),
    ] {
        let said = plan(sets);
        let line = format!("  batches of an update run {line}");
        assert!(said.out.lines().any(|other| other == line), "no `{line}` in\n{}{}", said.out, said.err);
    }
    assert!(!plan(&[]).out.contains("batches of an update"));
    let refused = plan(&[side_by_side]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("train.accumulation_steps = 2"), "{}", refused.err);
}
