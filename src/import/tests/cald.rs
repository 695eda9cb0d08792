//! CALD's commands.

use std::path::Path;

use super::{complaint, imported, nothing, toml};
use crate::import::{Input, Options, import, script};

const TRAIN: &str =
    "python train.py --model-dir=output/tedlium/direct --data-dir=data/tedlium --max_steps 90000";

/// The training command with more arguments.
fn train(more: &str) -> String {
    format!("{TRAIN} {more}")
}

#[test]
fn all_73_hparams_and_all_flags_are_known() {
    let count = |name| script(name).map(|script| (script.flags().count(), script.hparams.len()));
    assert_eq!(count("train.py"), Some((25, 73)));
    assert_eq!(count("train_distill.py"), Some((30, 73)));
    assert_eq!(count("infer.py"), Some((7, 73)));
}

#[test]
fn every_value_says_where_it_came_from() {
    let said = toml(&train("--hparams=max_lr=1e-4,batch_size=8 --accumulation_steps 4 --use_tf32"));
    for line in [
        "#:schema x",
        "# tedlium_direct.toml: from the command, train.py",
        "# --use_tf32: without effect; `run.precision` says how products are computed",
        "dir = \"data/tedlium\"  # --data-dir",
        "max_lr = 1e-4  # --hparams max_lr",
        "accumulation_steps = 4  # --accumulation_steps",
        "weight_decay_groups = \"reference\"  # as the published code",
    ] {
        assert!(said.lines().any(|other| other == line), "{line}\n{said}");
    }
}

#[test]
fn quotes_prefixes_and_continuations_are_followed() {
    let plain = toml(&train("--hparams=batch_size=8,max_lr=1e-4 --mixed_precision bf16"));
    for same in [
        "CUDA_VISIBLE_DEVICES=0 python3 -u train.py --model-dir 'output/tedlium/direct' --data-dir=\"data/tedlium\" \\\n  --max_steps 90000 \
         --hparams=\"batch_size=8,max_lr=1e-4\" --mixed_precision bf16 2>&1 | tee log.txt",
        "accelerate launch train.py --model-dir=output/tedlium/direct --data-dir=data/tedlium --max_steps=90000 \
         --hparams 'batch_size=8,max_lr=1e-4' --mixed_precision=bf16",
        "torchrun --nproc_per_node 1 train.py --model-dir=output/tedlium/direct --data-dir=data/tedlium --max_steps=90000 \
         --hparams batch_size=8,max_lr=1e-4 --mixed bf16",
    ] {
        assert_eq!(toml(same), plain, "{same}");
    }
    let launched = "accelerate launch --mixed_precision bf16 train.py --model-dir=a/b --data-dir=data/b";
    assert!(toml(launched).contains("precision = \"bf16\"  # accelerate launch --mixed_precision"));
}

#[test]
fn a_flag_that_does_not_exist_is_an_error_with_the_nearest_one() {
    assert_eq!(
        complaint("python train.py --model-dir=a/b --data-dir=c --acumulation_steps 4"),
        [
            "error[E201]: `train.py` has no flag `--acumulation_steps`",
            " --> the command",
            "  |",
            "  | python train.py --model-dir=a/b --data-dir=c --acumulation_steps 4",
            "  |                                              ^^^^^^^^^^^^^^^^^^^",
            "  = help: did you mean `--accumulation_steps`?",
            "",
            "1 error",
        ]
        .join("\n")
    );
}

#[test]
fn every_mistake_is_found_at_once() {
    let said = complaint(
        "python train_distill.py --model-dir=a/b --hparams=batch_sise=8,alpha_layer_distill_loss=0.5,max_lr=-1,use_decoder=True \
         --teacher_path output/tedlium/direct/{BEST_CKPT} --batch_size 4 --mixed_precision fp32 --ddp stray",
    );
    for line in [
        "`train_distill.py` has no hparam `batch_sise`",
        "did you mean `batch_size`?",
        "`alpha_layer_distill_loss` takes a whole number, not `0.5`",
        "`train.max_lr` must be more than 0, but is -1",
        "`use_decoder` is `True`, which is done in no way here",
        "`train_distill.py` has no flag `--batch_size`",
        "it is an hparam: `--hparams=batch_size=…`",
        "`--mixed_precision` takes `no`, `bf16`, `fp16`, not `fp32`",
        "`--ddp` has no counterpart here",
        "`train_distill.py` takes no argument without a flag, but is given `stray`",
        "`train_distill.py` needs `--data-dir`",
        "9 errors",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
}

#[test]
fn abbreviations_are_as_argparse_has_them() {
    assert!(toml(&train("--accum 4")).contains("accumulation_steps = 4"));
    assert!(complaint(&train("--re x")).contains("`--re` may be"));
}

#[test]
fn hparams_are_read_as_the_published_program_reads_them() {
    assert!(complaint(&train("--hparams batch_size=8,batch_size=9")).contains("`batch_size` is given twice"));
    assert!(
        complaint(&train("--hparams batch_size")).contains("`batch_size` is not of the form `name=value`")
    );
    assert!(complaint(&train("--hparams classifier_num_targets=18,46")).contains("write `name=[1,2]`"));
    assert!(
        toml(&train("--hparams classifier_num_targets=[18,46]"))
            .contains("classifier_num_targets = [18, 46]")
    );
    let read = |path: &Path| match path.to_str() {
        Some("h.json") => {
            Ok("{\"max_lr\": 1e-3, \"classifier_num_targets\": \"2,3\", \"asr_use_mamba\": true}".to_owned())
        }
        _ => nothing(path),
    };
    let command = Input::command(&train("--hparams h.json"));
    let imported = import(&command, &Options { name: None, read: &read }).expect("a sound command");
    let said = imported.experiments[0].toml("x", &[]);
    assert!(said.contains("max_lr = 0.001") && said.contains("classifier_num_targets = [2, 3]"), "{said}");
    assert!(complaint(&train("--hparams none.json")).contains("cannot read the hparams `none.json`"));
}

#[test]
fn a_name_left_open_is_asked_for() {
    let open = "python train.py --model-dir=output/slurp/{EXP_NAME} --data-dir=data/slurp_full --hparams asr_use_mamba=True";
    let said = complaint(open);
    assert!(said.contains("`output/slurp/{EXP_NAME}` leaves open what the experiment is called"), "{said}");
    assert!(said.contains("add `--name slurp_unguided` to `runner import`"), "{said}");
    let named = imported(&Input::command(open), Some("mine")).expect("a sound command");
    assert_eq!(named.experiments[0].name, "mine");
    let said = imported(&Input::command(open), Some("a/b")).expect_err("a complaint");
    assert!(said.contains("`a/b` is no name"), "{said}");
    let readme =
        imported(&Input::file("README.md", &format!("``\n{open}\n``\n")), None).expect("a sound README");
    assert_eq!(readme.experiments[0].name, "slurp_unguided");
}

#[test]
fn going_on_with_another_loss_is_the_hybrid() {
    let said = toml(
        "python train_distill.py --model-dir=output/tedlium/hybrid --data-dir=data/tedlium --teacher_path output/tedlium/direct/{BEST_CKPT} \
         --hparams alpha_layer_distill_loss=0 --restore_from output/tedlium/target_guided/model.ckpt-40000",
    );
    assert!(said.contains("\ncontinue_from = \"tedlium_target@40000\"  # --restore_from\n"), "{said}");
    assert!(said.contains("alpha_layer_distill_loss = 0  #"), "{said}");
    assert!(said.contains("# without `--max_steps` the published program never stops"), "{said}");
}

#[test]
fn infer_becomes_an_evaluation() {
    let command = |more: &str| {
        let text = format!("python infer.py --output-path out/test --data-dir=data/tedlium {more}");
        let imported = imported(&Input::command(&text), None).expect("a sound command");
        imported.evaluations[0].command("results/runs/x")
    };
    let best = "--model-path output/tedlium/direct/model.ckpt-84000-wer-0.0712";
    for (more, said) in [
        ("--eval_meta meta.test.txt", "runner eval results/runs/x@best --split test -o out/test"),
        ("", "runner eval results/runs/x@best --split dev -o out/test"),
        (
            "--eval_meta data/tedlium/meta.long.txt",
            "runner eval results/runs/x@best --meta meta.long.txt -o out/test",
        ),
        (
            "--use_hf_dataset --eval_meta validation",
            "runner eval results/runs/x@best --split dev -o out/test",
        ),
    ] {
        assert_eq!(command(&format!("{best} {more}")), said);
    }
    let at = command("--model-path output/tedlium/direct/model.ckpt-40000 --eval_meta meta.test.txt");
    assert_eq!(at, "runner eval results/runs/x@40000 --split test -o out/test");
    let open = "python infer.py --model-path output/tedlium/{EXP_NAME}/{CHECKPOINT_PATH} --output-path o --data-dir d";
    assert!(complaint(open).contains("add `--name tedlium_direct`"));
}
