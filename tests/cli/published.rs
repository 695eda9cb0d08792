//! Run folders of CALD's published programs: judged, exported and learned from as they lie (tests/parity/make_published.py).

use std::fs;

use serde_json::Value as Json;

use crate::support::{root, runner, runs_in};

const FOLDER: &str = "tests/parity/published";

fn golden() -> Json {
    serde_json::from_str(&fs::read_to_string(root().join(FOLDER).join("golden.json")).unwrap()).unwrap()
}

/// What `eval` prints and predicts for `model`.
fn judged(model: &str, more: &[&str]) -> (Json, Vec<Json>) {
    let out = tempfile::tempdir().unwrap();
    let to = out.path().display().to_string();
    let meta = format!("{FOLDER}/meta.txt");
    let mut arguments = vec!["--json", "eval", model, "--data", "corpora/smoke", "--meta", &meta, "-o", &to];
    arguments.extend(more);
    let said = runner(&arguments);
    assert_eq!(said.code, 0, "{}", said.err);
    let preds = fs::read_to_string(out.path().join("preds.jsonl")).unwrap();
    let lines = preds.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (serde_json::from_str(&said.out).unwrap(), lines)
}

#[test]
fn a_published_checkpoint_is_judged_to_the_letter_as_transformers_judges_it() {
    let golden = golden();
    for name in ["model.ckpt-3", "model.ckpt-5-wer-1.0000"] {
        let (report, preds) = judged(&format!("{FOLDER}/{name}"), &[]);
        let want = &golden[name];
        assert_eq!(preds.len(), 8);
        for pred in &preds {
            assert_eq!(
                pred["pred"],
                want["preds"][pred["name"].as_str().unwrap()],
                "{name} {}",
                pred["name"]
            );
        }
        for metric in ["wer", "cer"] {
            let (got, want) = (report["metrics"][format!("meta/{metric}")].as_f64(), want[metric].as_f64());
            let got = got.or(report["metrics"][format!("test/{metric}")].as_f64()).unwrap();
            assert!((got - want.unwrap()).abs() < 1e-12, "{name} {metric}: {got}");
        }
    }
}

#[test]
fn a_folder_means_its_newest_checkpoint_and_a_step_that_one() {
    let (newest, _) = judged(FOLDER, &[]);
    assert_eq!((newest["step"].as_u64(), newest["name"].as_str()), (Some(5), Some("published")));
    let (third, _) = judged(&format!("{FOLDER}@3"), &[]);
    assert_eq!(third["step"], 3);
    let said = runner(&["eval", &format!("{FOLDER}@4"), "--data", "corpora/smoke"]);
    assert_eq!(said.code, 66);
    assert_eq!(said.err, "error: `tests/parity/published` has no checkpoint `4`\nhelp: it has 3, 5\n");
}

#[test]
fn hparams_go_over_those_beside_the_checkpoint() {
    // The published evaluation command; switching flash attention off changes no number here.
    judged(FOLDER, &["--hparams", "asr_use_flash_attn=False,batch_size=8"]);
    let model = format!("{FOLDER}/model.ckpt-3");
    let with = |hparams: &str| runner(&["eval", &model, "--data", "corpora/smoke", "--hparams", hparams]);
    let wider = with("asr_vocab_size=40");
    assert_eq!(wider.code, 1, "{}", wider.err);
    assert!(wider.err.contains("`lm_head.weight` is [32, 24] there and [40, 24] here"), "{}", wider.err);
    let unknown = with("asr_use_mambo=True");
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("help: did you mean `asr_use_mamba`?"), "{}", unknown.err);
    let decoder = with("use_decoder=True");
    assert_eq!(decoder.code, 2);
    assert!(decoder.err.contains("there is no text decoder here"), "{}", decoder.err);
}

#[test]
fn what_is_missing_is_said() {
    let said = runner(&["eval", &format!("{FOLDER}/model.ckpt-3")]);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("help: name the prepared corpus whose vocabulary it has: `--data DIR`"),
        "{}",
        said.err
    );
    let bare = tempfile::tempdir().unwrap();
    let alone = bare.path().join("model.ckpt-3");
    fs::copy(root().join(FOLDER).join("model.ckpt-3"), &alone).unwrap();
    let said = runner(&["eval", &alone.display().to_string(), "--data", "corpora/smoke"]);
    assert_eq!(said.code, 66);
    assert!(said.err.contains("hparams.json`, which says what model it is"), "{}", said.err);
    fs::write(bare.path().join("hparams.json"), "{\"sr\": \"fast\"").unwrap();
    let said = runner(&["eval", &alone.display().to_string(), "--data", "corpora/smoke"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("does not hold hparams: EOF"), "{}", said.err);
}

#[test]
fn a_published_checkpoint_can_be_exported_and_asked() {
    let out = tempfile::tempdir().unwrap();
    let to = out.path().join("model").display().to_string();
    let said = runner(&["export", FOLDER, "--data", "corpora/smoke", "-o", &to]);
    assert_eq!(said.code, 0, "{}", said.err);
    let sound = "corpora/smoke/f01/f01_00001104.ogg";
    let exported = runner(&["predict", &to, sound]);
    let published = runner(&["predict", FOLDER, "--data", "corpora/smoke", sound]);
    assert_eq!((exported.code, published.code), (0, 0), "{}{}", exported.err, published.err);
    assert_eq!(exported.out, published.out);
}

#[test]
fn a_student_learns_from_published_waypoints_as_from_ours() {
    let runs = tempfile::tempdir().unwrap();
    let experiment = runs.path().join("student.toml");
    fs::write(
        &experiment,
        format!(
            "extends = [\"{root}/tests/parity/wav2vec2_large.toml\"]\n\n[data]\nsample_partial_data = 8.0\n\n\
             [model.wav2vec2]\npretrained = \"random:1\"\nasr_use_mamba = true\nmamba_headdim = 24\n\n[train]\nmax_steps = 4\n\n\
             [distill]\nteacher = \"{root}/{FOLDER}\"\nguidance = \"waypoint\"\nteacher_snapshot_cycle = 1\n\n\
             [eval]\nmax_eval_batches = 1\n",
            root = root().display()
        ),
    )
    .unwrap();
    let said = runner(&["run", &experiment.display().to_string(), "-s", &runs_in(runs.path())]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.err.contains("step 0: the teacher's step 3 teaches"), "{}", said.err);
    assert!(said.err.contains("step 3: the teacher's step 5 teaches"), "{}", said.err);
}
