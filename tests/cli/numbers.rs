//! When data or numbers are not what training needs: a sentence with what, where and why, the right exit code, and nothing lost.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Said, root, runner, runs_in};

/// A corpus of its own lists over the bundled one's audio.
struct Corpus {
    folder: TempDir,
}

/// Two utterances of the bundled corpus, each with its length.
const ONE: &str = "f01_00000009|30624|two four four three one zero";
const OTHER: &str = "f01_00001072|26009|open the garden window";

const LABELLED: &str = "f01_00000009|30624|two four|number,query|en";

impl Corpus {
    fn new(train: &str, dev: &str, test: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        for entry in fs::read_dir(root().join("corpora/smoke")).expect("the bundled corpus") {
            let path = entry.expect("an entry").path();
            std::os::unix::fs::symlink(&path, folder.path().join(path.file_name().unwrap())).expect("a link");
        }
        for (split, lines) in [("train", train), ("dev", dev), ("test", test)] {
            fs::write(folder.path().join(format!("own.{split}.txt")), format!("{lines}\n")).expect("a list");
        }
        Corpus { folder }
    }

    fn speech(train: &str) -> Self {
        Self::new(train, OTHER, OTHER)
    }

    fn runs(&self) -> PathBuf {
        self.folder.path().join("runs")
    }

    /// `run`, with overrides.
    fn run(&self, experiment: &str, sets: &[&str]) -> Said {
        let (file, dir) =
            (format!("experiments/{experiment}.toml"), format!("data.dir={:?}", self.folder.path()));
        let runs = runs_in(&self.runs());
        let lists = ["train", "dev", "test"].map(|split| format!("data.{split}_meta=\"own.{split}.txt\""));
        let mut arguments = vec!["run", &file, "--profile", "ci", "-s", &dir, "-s", &runs];
        arguments.extend(lists.iter().flat_map(|list| ["-s", list]));
        arguments.extend(sets.iter().flat_map(|set| ["-s", *set]));
        let said = runner(&arguments);
        assert!(!said.err.contains("internal error") && !said.err.contains("panicked"), "{}", said.err);
        said
    }

    /// `run` ends with exit code 1, having said this.
    fn refused(&self, experiment: &str, words: &[&str]) -> Said {
        let said = self.run(experiment, &[]);
        assert_eq!(said.code, 1, "{}", said.err);
        assert!(words.iter().all(|words| said.err.contains(words)), "no {words:?} in\n{}", said.err);
        said
    }

    /// The one run's folder.
    fn run_dir(&self) -> PathBuf {
        let mut entries =
            fs::read_dir(self.runs()).expect("runs").map(|entry| entry.expect("an entry").path());
        entries.find(|path| path.join("run.json").exists()).expect("a run")
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

/// One channel of 32-bit floats at 16 kHz.
fn float_wav(samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data.len() as u32).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x03\0\x01\0");
    bytes.extend(16_000_u32.to_le_bytes());
    bytes.extend(64_000_u32.to_le_bytes());
    bytes.extend(b"\x04\0\x20\0data");
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn a_sound_with_a_sample_that_is_no_number_is_named_with_the_sample() {
    for bad in [f32::NAN, f32::INFINITY] {
        let corpus = Corpus::speech("bad|16000|yes");
        let mut samples = vec![0.1; 16_000];
        samples[4321] = bad;
        fs::write(corpus.folder.path().join("bad.wav"), float_wav(&samples)).expect("a file");
        corpus.refused("tedlium_direct", &["bad.wav`: sample 4321 is not a finite number"]);
    }
}

/// So loud that squares overflow: it is brought to unit variance, as any other.
#[test]
fn a_sound_of_huge_numbers_is_learned_from() {
    let corpus = Corpus::speech("loud|16000|yes");
    let samples: Vec<f32> = (0..16_000).map(|at| (at as f32 * 0.1).sin() * 3e38).collect();
    fs::write(corpus.folder.path().join("loud.wav"), float_wav(&samples)).expect("a file");
    let said = corpus.run("tedlium_direct", &["train.max_steps=2"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(!said.err.contains("changed nothing"), "{}", said.err);
}

#[test]
fn a_corpus_of_one_utterance_is_learned_from() {
    for (experiment, line) in
        [("tedlium_direct", ONE), ("slurp_direct", LABELLED), ("sashimi_sc09", LABELLED)]
    {
        let said = Corpus::new(line, line, line).run(experiment, &["train.max_steps=2"]);
        assert_eq!(said.code, 0, "{experiment}: {}", said.err);
    }
}

#[test]
fn transcripts_that_no_frames_can_spell() {
    let long = "a".repeat(400);
    let impossible = format!("f01_00000009|30624|{long}");
    let said = Corpus::speech(&impossible).refused(
        "tedlium_direct",
        &["none of the 1 transcripts of `", "`f01_00000009` takes 799, but the model makes 94"],
    );
    assert!(said.err.contains("failed at step 0"), "nothing is tried: {}", said.err);

    let some = format!("{impossible}\n{OTHER}");
    let said = Corpus::speech(&some).run("tedlium_direct", &["train.max_steps=2"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let note = "1 of the 2 training utterances count nowhere: CTC cannot spell their transcripts in their frames \
                (`f01_00000009` takes 799 and has 94)";
    assert!(said.err.contains(note), "{}", said.err);
}

#[test]
fn transcripts_without_a_character() {
    Corpus::speech("f01_00000009|30624|")
        .refused("tedlium_direct", &["no transcript of `", "has a character"]);
    let said = Corpus::speech(&format!("f01_00000009|30624|\n{OTHER}"))
        .run("tedlium_direct", &["train.max_steps=4"]);
    assert_eq!(said.code, 0, "{}", said.err);
}

#[test]
fn lists_of_which_nothing_is_left() {
    Corpus::speech("").refused("tedlium_direct", &["lists no utterance"]);
    let said = Corpus::speech(ONE).run("tedlium_direct", &["data.max_input_length=100"]);
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains("none of the 1 utterances of `"), "{}", said.err);
    Corpus::speech("f01_00000009|30|two")
        .refused("tedlium_direct", &["utterance `f01_00000009` has 30 samples"]);
}

#[test]
fn labels_that_no_category_has() {
    let known = LABELLED;
    let unknown = "f01_00000009|30624|two four|cheese,query|en";
    let words = ["none of the 1 utterances of `", "a label that is in no category"];
    Corpus::new(unknown, known, known).refused("slurp_direct", &words);
    // Of those that are judged on, before anything is trained.
    for (dev, test) in [(unknown, known), (known, unknown)] {
        let corpus = Corpus::new(known, dev, test);
        let said = corpus.refused("slurp_direct", &words);
        assert!(!said.err.contains("saved"), "{}", said.err);
    }
}

#[test]
fn a_lost_update_ends_the_run_where_the_experiment_says_so_and_the_state_before_it_is_kept() {
    let corpus = Corpus::speech(&format!("{ONE}\n{OTHER}"));
    let wild = ["train.max_lr=1e30", "train.warmup_steps=0", "train.max_steps=40"];
    let said = corpus.run("tedlium_direct", &[&wild[..], &["train.nonfinite=\"stop\""]].concat());
    assert_eq!(said.code, 1, "{}", said.err);
    let words = [
        " changed nothing: its loss is not finite; batch 1 of 1, first in `",
        "`f01_0",
        "`train.nonfinite = \"skip\"`",
    ];
    assert!(words.iter().all(|words| said.err.contains(words)), "{}", said.err);
    let run = corpus.run_dir();
    let status = json(&run.join("status.json"));
    assert_eq!(status["state"], "failed");
    let step = json(&run.join("checkpoints/latest/state.json"))["step"].as_u64().expect("a step");
    assert!(said.err.contains(&format!("update {} changed nothing", step + 1)), "{step}: {}", said.err);
    let weights = fs::read(run.join("checkpoints/latest/model.safetensors")).expect("weights");
    let header = u64::from_le_bytes(weights[..8].try_into().expect("a length")) as usize;
    let (values, _) = weights[8 + header..].as_chunks::<4>();
    assert!(values.iter().all(|value| f32::from_le_bytes(*value).is_finite()));

    // The same run goes on where lost updates are passed over, until there are too many.
    let said = corpus.run("tedlium_direct", &[&wild[..], &["train.nonfinite_patience=3"]].concat());
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(
        said.err.contains("resuming step")
            && said.err.contains("error: 3 updates in a row changed nothing; update"),
        "{}",
        said.err
    );
    assert!(said.err.contains("(1 in a row; the run gives up at 3)"), "{}", said.err);
}

#[test]
fn a_run_that_cannot_fit_into_memory_is_refused_with_the_batch_that_fits() {
    let folder = TempDir::new().expect("a folder");
    let runs = runs_in(folder.path());
    let run = |sets: &[&str]| {
        let mut arguments = vec!["run", "experiments/tedlium_direct.toml", "--profile", "ci", "-s", &runs];
        arguments.extend(sets.iter().flat_map(|set| ["-s", *set]));
        runner(&arguments)
    };
    let said = run(&["run.max_memory_gb=0.34"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        said.err.contains(
            "of memory are foreseen at the peak of training, but `run.max_memory_gb` allows 340 MB"
        ),
        "{}",
        said.err
    );
    let fits = said
        .err
        .lines()
        .find_map(|line| line.split("`-s ").nth(1).filter(|set| set.starts_with("data.batch_size=")));
    let fits =
        fits.and_then(|set| set.split('`').next()).unwrap_or_else(|| panic!("{}", said.err)).to_owned();
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is written");
    let said = run(&["run.max_memory_gb=0.34", "train.max_steps=2", &fits]);
    assert_eq!(said.code, 0, "{fits}: {}", said.err);
    let said = run(&["run.max_memory_gb=0.3"]);
    assert!(said.err.contains("no batch is small enough"), "{}", said.err);
}

/// The bound is that of the process here, below what was foreseen: an allocation fails in the midst of an update.
#[test]
#[cfg(target_os = "linux")]
fn memory_that_runs_out_ends_a_run_with_its_batch_and_what_fits_and_no_abort() {
    let folder = TempDir::new().expect("a folder");
    let program = env!("CARGO_BIN_EXE_runner");
    let run = |limit: u64, sets: &str| {
        let script = format!(
            "ulimit -v {limit}; exec {program} run experiments/tedlium_direct.toml --profile ci -s run.max_memory_gb=100 -s run.threads=1 \
             -s train.max_steps=2 -s output.runs_dir={} {sets}",
            folder.path().display()
        );
        let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(root()).output();
        crate::support::said(output.expect("a shell"))
    };
    // Address space for the program itself, and too little for the update of a large batch.
    let said = run(
        1_400_000,
        "-s data.batch_size=400 -s data.batch_frame_limit=1e9 -s data.batch_quad_frame_limit=1e15",
    );
    assert_eq!(said.code, 1, "{}", said.err);
    let words = [
        "error: memory ran out in update 1, whose largest batch is ",
        "such utterances fit: `data.batch_size = ",
        "the same command goes on",
    ];
    assert!(words.iter().all(|words| said.err.contains(words)), "{}", said.err);
    let runs = fs::read_dir(folder.path()).expect("runs").flatten().map(|entry| entry.path());
    let status = runs.map(|run| run.join("status.json")).find(|status| status.exists()).expect("a status");
    let status = json(&status);
    assert_eq!(status["state"], "failed");
    assert!(
        status["cause"].as_str().is_some_and(|cause| cause.starts_with("memory ran out in update 1")),
        "{status}"
    );
}
