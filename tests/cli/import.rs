//! `runner import`: the papers' own commands come to the shipped experiments.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Said, command, root, runner, said};

const README: &str = "tests/import/cald_readme.md";
const DIRECT: &str = "python train.py --model-dir=output/tedlium/direct --data-dir=data/tedlium --mixed_precision bf16 --accumulation_steps 3 \
    --hparams=asr_use_flash_attn=True,batch_size=24,data_warmup_steps=10000 --checkpoint_interval 2000 --max_steps 90000";

fn id(experiment: &Path) -> String {
    let said = runner(&["id", &experiment.display().to_string()]);
    assert_eq!(said.code, 0, "{}", said.err);
    said.out.trim().to_owned()
}

fn shipped(name: &str) -> String {
    id(&root().join(format!("experiments/{name}.toml")))
}

/// Imports `from` into a folder of its own.
fn into_folder(from: &str) -> (tempfile::TempDir, Said) {
    let dir = tempfile::tempdir().unwrap();
    let said = runner(&["import", from, "-o", &dir.path().display().to_string()]);
    assert_eq!(said.code, 0, "{}", said.err);
    (dir, said)
}

#[test]
fn the_twelve_published_commands_come_to_the_shipped_runs() {
    let (dir, said) = into_folder(README);
    let mut count = 0;
    for corpus in ["tedlium", "slurp", "voxceleb"] {
        for family in ["direct", "target", "waypoint", "unguided"] {
            let name = format!("{corpus}_{family}");
            assert_eq!(id(&dir.path().join(format!("{name}.toml"))), shipped(&name), "{name}");
            count += 1;
        }
    }
    let files = fs::read_dir(dir.path()).unwrap().filter(|file| {
        file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "toml")
    });
    assert_eq!((count, files.count()), (12, 12));
    let evaluations: Vec<&str> = said.out.lines().collect();
    assert_eq!(evaluations[0], "runner eval results/runs/RUN@best --split test -o output/tedlium/test");
    assert_eq!(evaluations.len(), 3);
    let again = runner(&["import", README, "-o", &dir.path().display().to_string()]);
    assert_eq!(again.code, 73, "{}", again.err);
}

#[test]
fn another_value_in_a_command_is_another_run() {
    let readme = fs::read_to_string(root().join(README)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("alpha_layer_distill_loss=15", "alpha_layer_distill_loss=14"),
        ("asr_mamba_residual_inside=False", "asr_mamba_residual_inside=True"),
        ("--mixed_precision bf16", "--mixed_precision no"),
        (" --use_teacher_snapshots", ""),
    ] {
        assert!(readme.contains(from), "{from}");
        let path = dir.path().join("readme.md");
        fs::write(&path, readme.replace(from, to)).unwrap();
        let (changed, _) = into_folder(&path.display().to_string());
        assert_ne!(id(&changed.path().join("tedlium_waypoint.toml")), shipped("tedlium_waypoint"), "{to}");
    }
}

#[test]
fn going_on_from_the_target_guided_run_is_the_shipped_hybrid() {
    let readme = fs::read_to_string(root().join(README)).unwrap();
    let line = readme.lines().find(|line| line.contains("output/tedlium/target_guided")).unwrap();
    let hybrid = line
        .replace("output/tedlium/target_guided", "output/tedlium/hybrid")
        .replace("alpha_layer_distill_loss=15", "alpha_layer_distill_loss=0")
        + " --restore_from output/tedlium/target_guided/model.ckpt-40000";
    let (dir, _) = into_folder(&hybrid);
    assert_eq!(id(&dir.path().join("tedlium_hybrid.toml")), shipped("tedlium_hybrid"));
}

#[test]
fn a_command_is_printed_as_a_file_that_is_in_order() {
    let said = runner(&["import", DIRECT]);
    assert_eq!(said.code, 0, "{}", said.err);
    let mut lines = said.out.lines();
    assert_eq!(lines.next(), Some("#:schema ../schemas/experiment.schema.json"));
    assert!(said.out.contains("\n# tedlium_direct.toml: from the command, train.py\n"), "{}", said.out);
    assert!(said.out.contains("\naccumulation_steps = 3  # --accumulation_steps\n"), "{}", said.out);
    assert!(
        said.err.contains("note: --hparams asr_use_flash_attn: without effect; attention is exact"),
        "{}",
        said.err
    );
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.toml");
    fs::write(&file, &said.out).unwrap();
    let checked = runner(&["check", &file.display().to_string()]);
    assert_eq!(checked.code, 0, "{}", checked.err);
    assert_eq!(id(&file), shipped("tedlium_direct"));
    assert_eq!(runner(&["-q", "import", DIRECT]).err, "");
}

#[test]
fn standard_input_is_read_too() {
    let mut child = command(&["import", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(DIRECT.as_bytes()).unwrap();
    let piped = said(child.wait_with_output().unwrap());
    assert_eq!(piped.code, 0, "{}", piped.err);
    assert!(piped.out.contains("# tedlium_direct.toml: from <stdin>:1, train.py"), "{}", piped.out);
}

#[test]
fn options_that_nothing_would_read_are_left_out_with_a_note() {
    let said = runner(&[
        "import",
        "python train.py --model-dir=a/b --data-dir=d --hparams=classifier_pooling=first,freeze_steps=5",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(!said.out.contains("classifier_pooling ="), "{}", said.out);
    let note = "note: --hparams classifier_pooling: without effect; nothing in this run reads it";
    assert!(said.err.contains(note), "{}", said.err);
}

#[test]
fn an_evaluation_names_the_run_s_folder() {
    let said = runner(&[
        "import",
        "python infer.py --model-path output/slurp/direct/{BEST_CKPT} --output-path out --data-dir=data/slurp_full --eval_meta meta.test.txt",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    let expected = format!(
        "runner eval results/runs/slurp_direct-{}@best --split test -o out\n",
        shipped("slurp_direct")
    );
    assert_eq!(said.out, expected);
}

#[test]
fn mistakes_have_a_place_and_a_code_and_exit_2() {
    let dir = tempfile::tempdir().unwrap();
    let readme = dir.path().join("README.md");
    fs::write(
        &readme,
        "# Runs\n\n```sh\npython train.py --model-dir=a/b --data-dir=d --hparams max_lrr=1\n```\n",
    )
    .unwrap();
    let path = readme.display().to_string();
    let said = runner(&["import", &path]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains(&format!("{path}:4:56")), "{}", said.err);
    assert!(said.err.contains("error[E202]: `train.py` has no hparam `max_lrr`"), "{}", said.err);
    assert!(said.err.contains("did you mean `max_lr`?"), "{}", said.err);
    let said = runner(&["--json", "import", &path]);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["problems"][0]["code"], "E202");
    let missing = runner(&["import", "no_such.md"]);
    assert_eq!(missing.code, 66, "{}", missing.err);
    let layers = "--embed_dim 192 --depth 24 --rms_norm false --if_bimamba false --if_abs_pos_embed true --if_cls_token true --if_devide_out true";
    let command = format!(
        "python run_amba.py --exp-dir exp/esc --dataset esc50 --n_class 50 --n-epochs 50 -b 48 --lr 1e-4 --warmup False --loss CE --metrics acc \
         --task ft_avgtok --fshape 16 --tshape 16 --fstride 10 --tstride 10 --target_length 512 --dataset_mean -6.6 --dataset_std 5.3 {layers}"
    );
    let imported = runner(&["import", &command, "-o", &dir.path().display().to_string()]);
    assert_eq!(imported.code, 0, "{}", imported.err);
    let checked = runner(&["check", &dir.path().join("esc.toml").display().to_string()]);
    assert_eq!(checked.code, 0, "{}", checked.err);
    let refused = runner(&["import", "python run_amba.py --lr 1e-4"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(
        refused.err.contains("`--if_cls_token` is not given, which has no counterpart"),
        "{}",
        refused.err
    );
}

#[test]
fn json_holds_experiments_and_evaluations() {
    let said = runner(&["--json", "import", README]);
    assert_eq!(said.code, 0, "{}", said.err);
    let json: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(json["experiments"].as_array().unwrap().len(), 12);
    assert_eq!(json["experiments"][0]["name"], "tedlium_direct");
    assert!(json["experiments"][0]["toml"].as_str().unwrap().starts_with("#:schema "));
    assert!(
        json["experiments"][0]["notes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|note| note.as_str().unwrap().contains("flash"))
    );
    assert_eq!(json["evals"].as_array().unwrap().len(), 3);
}

#[test]
fn explain_lists_a_program_s_flags() {
    let said = runner(&["explain", "train_distill.py"]);
    assert_eq!(said.code, 0, "{}", said.err);
    for part in [
        "--accumulation_steps",
        "`train.accumulation_steps` [1]",
        "inside `--hparams`",
        "`distill.alpha_layer_distill_loss` [1]",
    ] {
        assert!(said.out.contains(part), "{part}\n{}", said.out);
    }
}
