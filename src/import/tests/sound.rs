//! Models of sound itself: the published commands are the shipped experiments.

use super::{complaint, imported, toml};
use crate::config::{Behaviour, Experiment, Model, load_shipped};
use crate::import::Input;

fn experiment(command: &str) -> Experiment {
    let imported = imported(&Input::command(command), None).expect("a sound command");
    imported.experiments[0].experiment().expect("an experiment")
}

/// The shipped experiment but for what no command of theirs says: words, which checkpoints stay, and what is heard on the way.
fn shipped(name: &str, like: &Experiment) -> Experiment {
    let mut shipped = load_shipped(name).expect("sound");
    shipped.name.clone_from(&like.name);
    shipped.description.clone_from(&like.description);
    shipped.output.project_name.clone_from(&like.output.project_name);
    shipped.output.keep_every = like.output.keep_every;
    shipped.eval.sounds = like.eval.sounds;
    shipped
}

#[test]
fn simple_sashimis_command_is_the_shipped_experiment_with_its_loss() {
    let imported = experiment(
        "python train.py train_csv=data/sc09/splits/sc09-train.csv valid_csv=data/sc09/splits/sc09-valid.csv checkpoint_path=runs/sc09",
    );
    assert_eq!(imported.name, "sc09");
    let mut shipped = shipped("sashimi_sc09", &imported);
    let reference = Behaviour::Reference;
    (shipped.train.padding_loss, shipped.train.first_sample) = (reference, reference);
    // All of them are the default.
    shipped.data.clip_samples = 16_000;
    assert_eq!(imported, shipped);
}

#[test]
fn the_authors_command_is_the_shipped_experiment() {
    for command in [
        "python -m train experiment=sashimi-sc09 wandb=null",
        "python -m train wandb=null experiment=audio/sashimi-sc09 loader.batch_size=8",
    ] {
        let imported = experiment(command);
        assert_eq!(imported.name, "sashimi_sc09");
        assert_eq!(imported, shipped("sashimi_sc09_original", &imported), "{command}");
    }
    let larger = experiment(
        "python -m train experiment=sashimi-sc09 loader.batch_size=32 trainer.max_epochs=10 model.n_layers=2",
    );
    assert_eq!((larger.data.batch_size, larger.eval.eval_interval, larger.train.max_steps), (32, 582, 5820));
    for (music, levels) in [("youtubemix", "mu_law_min_max"), ("beethoven", "linear_min_max")] {
        let imported = experiment(&format!("python -m train experiment=sashimi-{music}"));
        let (Model::Sashimi(ours), name) = (&imported.model, format!("sashimi_{music}")) else {
            panic!("another family")
        };
        let shipped = shipped(&name, &imported);
        assert_eq!((&Model::Sashimi(ours.clone()), &imported.data), (&shipped.model, &shipped.data));
        assert!(
            toml(&format!("python -m train experiment=sashimi-{music}"))
                .contains(&format!("quantizer = \"{levels}\"  # experiment"))
        );
    }
}

#[test]
fn the_authors_diffusion_says_its_own_skips_and_its_constant_rate() {
    let said =
        toml("python train.py experiment=sc09 model.d_model=64 train.name=small train.batch_size_per_gpu=2");
    for line in [
        "# small.toml: from the command, diffwave-sashimi/train.py",
        "# the network is DiffWave-unconditional's",
        "dir = \"data/sc09\"  # the program's default",
        "batch_size = 2  # train.batch_size_per_gpu",
        "d_model = 64  # model.d_model",
        "unet_skips = \"pair\"  # as the published code",
        "max_steps = 1000001  # the program's default",
        "min_lr = 2e-4  # the program's default",
        "final_lr = 2e-4  # the program's default",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
}

#[test]
fn what_stays_as_it_was_drawn_is_said_in_one_list() {
    let said = toml(
        "python train.py train_csv=t.csv valid_csv=v.csv checkpoint_path=c model_cfg.trainable.A=false model_cfg.trainable.dt=false grad_clip=1.0",
    );
    for line in ["trainable = [\"P\", \"B\"]", "max_grad_norm = 1.0  # grad_clip", "dir = \".\"  # train_csv"]
    {
        assert!(said.contains(line), "{line}\n{said}");
    }
}

#[test]
fn what_has_no_counterpart_is_refused() {
    for (command, parts) in [
        (
            "python train.py train_csv=a.csv valid_csv=b.csv d_model=128 fp16=true batch_size=x model_cfg.diffwave=true",
            &[
                "`sashimi/train.py` has no option `d_model`",
                "did you mean `model_cfg.d_model`?",
                "`fp16` is `true`, which is done in no way here",
                "`model_cfg.diffwave` is `true`, which is done in no way here",
                "`batch_size` takes a whole number, not `x`",
                "`sashimi/train.py` needs `checkpoint_path`",
                "5 errors",
            ][..],
        ),
        (
            "python -m train experiment=sashimi-sc10 wandb=null trainer.gpus=4",
            &["did you mean `sashimi-sc09`?", "`trainer.gpus` is `4`, which is done in no way here"],
        ),
        (
            "python train.py experiment=ljspeech model=wavenet model.unconditional=false",
            &["`experiment` is `ljspeech`", "`model` is `wavenet`", "3 errors"],
        ),
    ] {
        let said = complaint(command);
        for part in parts {
            assert!(said.contains(part), "{part}\n{said}");
        }
    }
}
