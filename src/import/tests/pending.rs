//! Programs whose models do not exist here: read completely, then refused.

use super::{complaint, imported};
use crate::import::Input;

#[test]
fn ssamba_is_understood_and_refused_with_its_sweeps() {
    let text = "models=(tiny base)\nfor model in \"${models[@]}\"; do\n  for fold in {1..3}; do\n    python -W ignore ../run_amba.py --use_wandb --lr 1e-4 -b 24 \
                --dataset_mean -4.26 --rms_norm 'false' --warmup False --data-train d_${fold}.json --exp-dir exp/$model\n  done\ndone\n";
    let said = imported(&Input::file("run.sh", text), None).expect_err("a refusal");
    for part in [
        "error[E206]: `run_amba.py` trains SSAMBA, and this version has no `[model.ssamba]`",
        "--> run.sh:4:22",
        "all 8 flags are understood; they come to `train.max_lr = 1e-4`, `data.batch_size = 24`",
        "without effect: --use_wandb, --exp-dir",
        "swept over `model` = tiny, base; swept over `fold` = 1, 2, 3",
        "1 error",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let said =
        complaint("python run_amba.py --rms_norm False --warmup true --task ft_avgtok_1sec --embed_dims 3");
    for part in [
        "`--rms_norm` takes `true` or `false`, not `False`",
        "`--warmup` takes `True` or `False`, as Python writes them, not `true`",
        "`--task` takes `ft_avgtok`, `ft_cls`, `pretrain_mpc`, `pretrain_mpg`, `pretrain_joint`, not `ft_avgtok_1sec`",
        "did you mean `--embed_dim`?",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert!(complaint("python run.py --if_cls_token true").contains("`run.py` has no flag `--if_cls_token`"));
}
