//! SSAMBA and SSAST: the published recipes are the shipped experiments.

use super::{complaint, imported};
use crate::config::{Behaviour, ClassifierLoss, DecayType, Experiment, Metric, Model, Ssamba, load_shipped};
use crate::import::{Import, Input};

/// What all of SSAMBA's scripts say of its layers.
const LAYERS: &str = "--patch_size 16 --embed_dim 192 --depth 24 --rms_norm 'false' --residual_in_fp32 'false' --fused_add_norm 'false' \
    --if_rope 'false' --if_rope_residual 'false' --bimamba_type v2 --drop_path_rate 0.1 --stride 16 --channels 1 --num_classes 1000 --drop_rate 0. \
    --norm_epsilon 1e-5 --if_bidirectional 'true' --final_pool_type none --if_abs_pos_embed 'true' --if_bimamba 'false' --if_cls_token 'true' \
    --if_devide_out 'true' --use_double_cls_token 'false' --use_middle_cls_token 'false'";

fn import(command: &str) -> Import {
    let imported = imported(&Input::command(command), None).unwrap_or_else(|said| panic!("{said}"));
    imported.experiments[0].clone()
}

fn experiment(import: &Import) -> Experiment {
    import.experiment().expect("an experiment")
}

fn ssamba(experiment: &Experiment) -> &Ssamba {
    let Model::Ssamba(model) = &experiment.model else { panic!("another family") };
    model
}

#[test]
fn a_recipe_of_esc_50_is_the_shipped_experiment() {
    let command = format!(
        "python -W ignore ../../run_amba.py --use_wandb --dataset esc50 --data-train d/train_1.json --data-val d/eval_1.json --exp-dir exp/esc-fold1 \
         --label-csv c.csv --n_class 50 --lr 1e-4 --n-epochs 50 --batch-size 48 --save_model False --freqm 24 --timem 96 --mixup 0 --bal none \
         --tstride 10 --fstride 10 --fshape 16 --tshape 16 --warmup False --task ft_avgtok --model_size base --adaptschedule False \
         --pretrained_mdl_path checkpoints/ssamba_tiny_400.pth --dataset_mean -6.6268077 --dataset_std 5.358466 --target_length 512 --num_mel_bins 128 \
         --head_lr 1 --noise True --lrscheduler_start 6 --lrscheduler_step 1 --lrscheduler_decay 0.85 --wa False --loss CE --metrics acc {LAYERS}"
    );
    let import = import(&command);
    assert_eq!(import.name, "esc-fold1");
    let (ours, shipped) = (experiment(&import), load_shipped("ssamba_esc50").expect("sound"));
    // What masks would be asked is nobody's business here.
    let model = Ssamba { pretext: ssamba(&shipped).pretext.clone(), ..ssamba(&ours).clone() };
    assert_eq!(&model, ssamba(&shipped));
    let (a, b) = (&ours.train, &shipped.train);
    assert_eq!((a.max_steps, a.plateau_steps, a.decay_steps), (b.max_steps, b.plateau_steps, b.decay_steps));
    assert!((a.final_lr / b.final_lr - 1.0).abs() < 1e-3, "{}", a.final_lr);
    assert_eq!(
        (a.max_lr, a.reg_weight, a.adam_betas, a.warmup_steps),
        (b.max_lr, b.reg_weight, b.adam_betas, 0)
    );
    assert_eq!(
        (a.decay_type, a.classifier_loss, a.max_grad_norm),
        (DecayType::Exp, ClassifierLoss::CrossEntropy, 0.0)
    );
    assert_eq!((ours.eval.eval_interval, ours.eval.select), (33, Metric::ClfAcc));
    assert_eq!((ours.data.batch_size, ours.data.dir.as_str()), (48, "data/esc50"));
    let toml = import.toml("s.json", &[]);
    assert!(toml.contains("max_steps = 1650  # 50 epochs of 1600 clips, four folds of ESC-50"), "{toml}");
}

#[test]
fn a_recipe_of_audioset_says_its_warm_up_averages_and_mixed_clips() {
    let command = format!(
        "python run_amba.py --data-train t.json --exp-dir exp/as --n_class 527 --lr 1e-4 --head_lr 3 --n-epochs 50 -b 24 --freqm 48 --timem 192 \
         --mixup 0.5 --tstride 10 --fstride 10 --fshape 16 --tshape 16 --warmup True --task ft_avgtok --target_length 1024 --dataset_mean -4.26 \
         --dataset_std 4.56 --lrscheduler_start 15 --lrscheduler_step 10 --lrscheduler_decay 0.75 --wa True --wa_start 12 --wa_end 40 {LAYERS}"
    );
    let import = import(&command);
    let ours = experiment(&import);
    assert_eq!((ours.train.max_steps, ours.train.warmup_steps, ours.train.warmup_stairs), (38_450, 1000, 50));
    assert_eq!((ours.train.plateau_steps, ours.train.decay_steps), (10_535, 26_915));
    assert!((ours.train.final_lr / 3.1640625e-5 - 1.0).abs() < 1e-9);
    assert_eq!((ours.data.mixup, ours.eval.select), (0.5, Metric::MeanAveragePrecision));
    assert!((ssamba(&ours).head_lr - 3e-4).abs() < 1e-12);
    assert!(
        import.notes.iter().any(|note| note.contains("epochs 12 to 40 is `runner eval RUN@FIRST..LAST`"))
    );
}

/// Loops around a command are experiments of their own, called by their values.
#[test]
fn pre_training_is_an_experiment_for_each_turn_of_a_loop() {
    let text = format!(
        "for masks in 250 400; do\n  python run_amba.py --exp-dir exp/base --task pretrain_joint --mask_patch $masks --lr 1e-4 --lr_patience 2 \
         --epoch_iter 4000 -b 64 --n-epochs 10 --fshape 16 --tshape 16 --fstride 16 --tstride 16 --target_length 1024 --dataset_mean -4.2677393 \
         --dataset_std 4.5689974 {LAYERS}\ndone\n"
    );
    let imported = imported(&Input::file("run.sh", &text), None).unwrap_or_else(|said| panic!("{said}"));
    let names: Vec<&str> = imported.experiments.iter().map(|import| import.name.as_str()).collect();
    assert_eq!(names, ["base_250", "base_400"]);
    let (ours, shipped) =
        (experiment(&imported.experiments[0]), load_shipped("ssamba_pretrain_tiny").expect("sound"));
    let mut model = ssamba(&shipped).clone();
    model.pretext.mask_patch = 250;
    assert_eq!(ssamba(&ours), &model);
    assert_eq!(ours.eval, shipped.eval);
    let (mut train, like) = (ours.train.clone(), &shipped.train);
    train.max_steps = like.max_steps;
    assert_eq!(&train, like);
    assert_eq!(ssamba(&ours).pretext.contrast, Behaviour::Reference);
}

#[test]
fn ssasts_sizes_have_names() {
    let command = "python run.py --exp-dir exp/x --task ft_avgtok --model_size small --n_class 50 --n-epochs 2 --metrics acc --loss CE --target_length 512 \
                   --fshape 16 --tshape 16 --fstride 10 --tstride 10 --dataset_mean -6.6 --dataset_std 5.3 --warmup False --depth 24";
    let ours = experiment(&import(command));
    let Model::Ssast(model) = &ours.model else { panic!("another family") };
    assert_eq!((model.embed_dim, model.num_heads, model.depth, model.distilled), (384, 6, 12, true));
}

#[test]
fn what_has_no_counterpart_is_refused_where_it_stands() {
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
    let said = complaint(&format!(
        "python run_amba.py --bal bal {}",
        LAYERS.replace("--if_rope 'false'", "--if_rope 'true'")
    ));
    assert!(said.contains("`--bal` is `bal`, which has no counterpart here"), "{said}");
    assert!(said.contains("`--if_rope` is `true`, which has no counterpart here"), "{said}");
    assert!(complaint("python run.py --if_cls_token true").contains("`run.py` has no flag `--if_cls_token`"));
}
