//! Files in the published layouts (tests/parity/make_sashimi_files.py) become plans and tensors; what cannot is refused by name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::*;
use crate::model::yaml;
use crate::plan::{BlockNorm, StateMatrix};

fn folder() -> PathBuf {
    crate::checkout().join("tests/parity/sashimi")
}

fn file(name: &str) -> Found {
    read(&folder().join(name)).unwrap_or_else(|error| panic!("{error}"))
}

fn checkpoint(name: &str) -> Checkpoint {
    torch::read(&folder().join(name)).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(checkpoint: Checkpoint) -> String {
    match found(checkpoint) {
        Ok(found) => panic!("read as {:?}", found.model),
        Err(refusal) => refusal.of(Path::new("x.pt")).to_string(),
    }
}

/// The sizes of the small files.
fn small() -> TiersPlan {
    TiersPlan {
        width: 4,
        blocks: 1,
        pool: vec![4, 4],
        expand: 2,
        feed_forward: 2,
        glu: true,
        unet: false,
        skips: Skips::Layer,
        bidirectional: false,
        norm: BlockNorm::Scalar,
        dropout: 0.0,
        s4: S4Plan {
            diagonal: None,
            pairs: 4,
            tied: true,
            dt_range: [1e-3, 1e-1],
            period: 64,
            periods: Periods::OfTier,
            frozen: Vec::new(),
        },
    }
}

fn tiers(found: &Found) -> &TiersPlan {
    match &found.model {
        Model::Autoregressive(plan) => &plan.tiers,
        Model::Diffusion(plan) => &plan.tiers,
    }
}

/// Every value follows from name and place: the formula of the script.
fn check_values(found: &Found) {
    for (name, (dims, values)) in &found.tensors {
        assert_eq!(values.len(), dims.iter().product::<usize>(), "{name}");
        for (index, value) in values.iter().enumerate() {
            let want = ((37 * index + 11 * name.len()) % 101) as f32 / 64.0 - 50.0 / 64.0;
            assert!((value - want).abs() <= 1e-6, "{name}[{index}] is {value}, not {want}");
        }
    }
}

#[test]
fn simple_sashimis_checkpoint_brings_plan_and_parameters() {
    let found = file("simple.pt");
    assert_eq!((found.layout, found.step), (Layout::SimpleSashimi, Some(2500)));
    assert_eq!(found.assumed, Vec::<String>::new());
    let mut want = small();
    want.norm = BlockNorm::Layer;
    want.s4.periods = Periods::Same;
    let plan = SashimiPlan { tiers: want, levels: 256, quantizer: Quantizer::MuLaw, state_lr: 1e-3 };
    assert_eq!(found.model, Model::Autoregressive(plan));
    // Three blocks of S4 (11 each), three of feed-forward (6), four pools (3), a norm, embedding and head.
    assert_eq!(found.tensors.len(), 3 * 11 + 3 * 6 + 4 * 3 + 2 + 3);
    check_values(&found);
}

#[test]
fn settings_and_counters_stand_beside_the_model() {
    let beside = checkpoint("simple.pt").beside;
    assert_eq!(
        (&beside["steps"], &beside["epoch"], &beside["scaler_state_dict"]),
        (&json!(2500), &json!(3), &json!(null))
    );
    assert_eq!(beside["optim_state_dict"]["param_groups"][1]["lr"], json!(0.001));
    assert_eq!(beside["scheduler_state_dict"]["patience"], json!(20));
    let settings = yaml::parse(beside["cfg_yaml"].as_str().unwrap()).unwrap();
    let model = json!({
        "mu_levels": 256, "glu": true, "d_model": 4, "n_layers": 1, "pool": [4, 4], "expand": 2, "ff": 2, "bidirectional": false,
        "unet": false, "diffwave": false, "dropout": 0.0, "trainable": {"dt": true, "A": true, "P": true, "B": true}, "lr": 0.001,
        "l_max": 64,
    });
    assert_eq!(settings["model_cfg"], model);
    assert_eq!(settings["resume_checkpoint"], json!(""));
    assert_eq!(settings["distributed"]["dist_url"], json!("tcp://localhost:54321"));
    let path =
        "runs/an experiment: with a name so long that it is folded into two lines, or more than two of them";
    assert_eq!(settings["checkpoint_path"], json!(path));
    assert_eq!(settings["batch_size_per_gpu"], json!(8));
}

#[test]
fn omegaconfs_text_is_read_as_it_was_meant() {
    let text = |name: &str| std::fs::read_to_string(folder().join(name)).expect("the golden is committed");
    let want: serde_json::Value = serde_json::from_str(&text("settings.json")).unwrap();
    assert_eq!(serde_json::Value::Object(yaml::parse(&text("settings.yaml")).unwrap()), want);
    for (text, why) in [
        ("a: [1, [2]]", "line 1 says `[1, [2]]`, which OmegaConf does not write"),
        ("a:\n  b: *x", "line 2 says `*x`, which OmegaConf does not write"),
        ("a: 1\n  b: 2\nc", "line 3 has no key that OmegaConf writes"),
        ("a: 1\n- 2", "line 2 stands where nothing was expected"),
        ("a: \"\\q\"", "line 1 says `\"\\q\"`, which OmegaConf does not write"),
    ] {
        assert_eq!(yaml::parse(text), Err(why.into()), "{text}");
    }
    let deep: String = (0..40).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert_eq!(yaml::parse(&deep), Err("line 34 is nested too deeply".into()));
    assert_eq!(yaml::parse(""), Ok(serde_json::Map::new()));
    let lists = json!({"a": [1.5, "b"], "c": []});
    assert_eq!(yaml::parse("a: [1.5, b]\nc: []").map(serde_json::Value::Object), Ok(lists));
}

#[test]
fn diffwaves_noise_predictor_brings_plan_and_parameters() {
    let found = file("diffwave.pt");
    assert_eq!((found.layout, found.step), (Layout::DiffwaveUnconditional, Some(10000)));
    let Model::Diffusion(plan) = &found.model else { panic!("{:?}", found.model) };
    let mut want = small();
    (want.unet, want.bidirectional, want.norm, want.pool) = (true, true, BlockNorm::Layer, vec![4]);
    (want.s4.tied, want.s4.periods) = (false, Periods::Same);
    assert_eq!((&plan.tiers, plan.step_embedding, plan.step_width), (&want, 6, 8));
    assert_eq!((plan.betas.len(), plan.betas[0]), (200, 1e-4));
    assert!((plan.betas[199] - 0.02).abs() < 1e-15);
    assert_eq!(
        found.assumed,
        ["the noise schedule, taken to be the published one: 200 steps, β from 0.0001 to 0.02"]
    );
    // Three blocks of S4 with a layer of the step's (13 each), three of feed-forward, two pools, a norm, what is around them.
    assert_eq!(found.tensors.len(), 3 * 13 + 3 * 6 + 2 * 3 + 2 + 3 + 4 + 5);
    check_values(&found);
}

#[test]
fn the_authors_checkpoints_of_every_version_become_ours() {
    let (mut first, third, mut fourth) = (small(), small(), small());
    first.glu = false;
    (fourth.s4.tied, fourth.s4.periods) = (false, Periods::Same);
    let third = TiersPlan { dropout: 0.1, ..third };
    let cases = [
        ("first.pt", first, Quantizer::MuLawMinMax, None, 1),
        ("third.ckpt", third, Quantizer::LinearMinMax, Some(1234), 0),
        ("fourth.pt", fourth, Quantizer::MuLawMinMax, None, 2),
    ];
    for (name, tiers, quantizer, step, assumed) in cases {
        let found = file(name);
        assert_eq!((found.layout, found.step), (Layout::StateSpaces, step), "{name}");
        assert_eq!(
            found.model,
            Model::Autoregressive(SashimiPlan { tiers, levels: 256, quantizer, state_lr: 1e-3 }),
            "{name}"
        );
        assert_eq!(found.assumed.len(), assumed, "{name}: {:?}", found.assumed);
        assert_eq!(found.tensors.len(), 3 * 11 + 3 * 6 + 4 * 3 + 2 + 3, "{name}");
        assert!(found.tensors.contains_key("sashimi.c_layers.0.norm.s"), "{name}");
        check_values(&found);
    }
}

#[test]
fn what_no_plan_stands_for_is_refused_with_what_it_would_take() {
    let change = |file: &str, name: &str, to: fn(&mut (Vec<usize>, Vec<f32>))| {
        let mut changed = checkpoint(file);
        to(changed.tensors.get_mut(name).unwrap_or_else(|| panic!("no `{name}`")));
        refused(changed)
    };
    let kernel = "model.c_layers.0.layer.kernel.kernel.";
    let apart = change("first.pt", &format!("{kernel}Q"), |(_, values)| values[3] += 0.25);
    assert_eq!(
        apart,
        "`x.pt` is a SaShiMi that cannot be represented here; it would need a system A = diag(Λ) − P Qᵀ with a Q of its own (it is up to 2.5e-1 \
         from P's conjugate, whose largest number is 6.7e-1), in `sashimi.c_layers.0.layer.kernel.kernel`"
    );
    let growing = change("first.pt", &format!("{kernel}w"), |(_, values)| values[0] = 0.5);
    assert!(
        growing.contains("poles that do not decay (1 of 4 have a real part that is not below 0)"),
        "{growing}"
    );
    let rank = change("first.pt", &format!("{kernel}P"), |(dims, values)| {
        dims[0] = 2;
        values.extend(values.clone());
    });
    assert!(rank.contains("a low-rank part of rank 2"), "{rank}");
    let fresh = change("third.ckpt", &format!("{kernel}L"), |(_, values)| values[0] = 0.0);
    assert!(fresh.contains("a C that stands for no length yet (`L` is 0)"), "{fresh}");
    let lengths = change("third.ckpt", &format!("{kernel}L"), |(_, values)| values[0] = 6.0);
    assert!(lengths.contains("a length of its own for each kernel (6 in tier 2, "), "{lengths}");
    let sets = change("fourth.pt", "model.c_layers.0.layer.layer.kernel.A_real", |(dims, values)| {
        dims[0] = 2;
        values.truncate(8);
    });
    assert!(sets.contains("2 sets of poles for 16 heads (ours: one for all, or one for each)"), "{sets}");
    let steps = change("fourth.pt", "model.c_layers.0.layer.layer.kernel.inv_dt", |(dims, values)| {
        dims[1] = 2;
        values.extend(values.clone());
    });
    assert!(steps.contains("a step size for each of 2 states (`dt_tie = false`)"), "{steps}");
    let mut conditioned = checkpoint("diffwave.pt");
    conditioned.tensors.insert("sashimi.d_layers.0.mel_conv.conv.bias".into(), (vec![4], vec![0.0; 4]));
    assert!(refused(conditioned).contains("a mel spectrogram as a condition"));
}

#[test]
fn what_is_no_sashimi_is_refused_by_what_is_odd_about_it() {
    let without = |part: &str| {
        let mut less = checkpoint("simple.pt");
        less.tensors.retain(|name, _| !name.contains(part));
        refused(less)
    };
    assert!(without("c_layers.").contains("none of its tensors is in `c_layers.0`"));
    assert!(without("mu_embedder").contains("it has no embedding of levels"));
    assert!(
        without("u_layers.1.0.").contains("`sashimi.u_layers.1.0` does not undo `d_layers`' pooling by 4")
    );
    assert!(
        without("u_layers.1.2.")
            .contains("`sashimi.u_layers.1.1` is an S4 block without a feed-forward block")
    );
    assert!(
        without("c_layers.0.layer.kernel.kernel.w_imag")
            .contains("it has no `sashimi.c_layers.0.layer.kernel.kernel.w_imag`")
    );
    let mut more = checkpoint("simple.pt");
    more.tensors.insert("sashimi.c_layers.7.norm.bias".into(), (vec![16], vec![0.0; 16]));
    assert!(
        refused(more).contains("its `sashimi.c_layers.7.norm.bias` belongs to no layer that can be told")
    );
    let mut strange = checkpoint("simple.pt");
    strange.tensors.insert("sashimi.attention.weight".into(), (vec![1], vec![0.0]));
    assert!(refused(strange).contains("no model here has its `sashimi.attention.weight`"));
    let wav2vec2 = read(&crate::checkout().join("tests/parity/torch/bare.bin")).unwrap_err();
    assert!(wav2vec2.to_string().contains("is no checkpoint of SaShiMi that is known here"), "{wav2vec2}");
    assert!(wav2vec2.help().is_some_and(|help| help.contains("ckpt_*.pt")));
}

#[test]
fn settings_that_contradict_the_shapes_are_named() {
    let mut other = checkpoint("simple.pt");
    let text = other.beside["cfg_yaml"]
        .as_str()
        .unwrap()
        .replace("n_layers: 1", "n_layers: 8")
        .replace("glu: true", "glu: false");
    other.beside.insert("cfg_yaml".into(), text.into());
    assert_eq!(
        refused(other),
        "`x.pt` contradicts itself: its settings say `n_layers = 8`, its shapes 1; its settings say `glu = false`, its shapes true"
    );
    let mut frozen = checkpoint("simple.pt");
    let text = frozen.beside["cfg_yaml"]
        .as_str()
        .unwrap()
        .replace("P: true", "P: false")
        .replace("dt: true", "dt: false");
    frozen.beside.insert("cfg_yaml".into(), text.into());
    assert_eq!(tiers(&found(frozen).unwrap()).s4.frozen, [StateMatrix::Dt, StateMatrix::P]);
    let mut broken = checkpoint("simple.pt");
    broken.beside.insert("cfg_yaml".into(), "model_cfg: &all\n  d_model: 4\n".into());
    assert!(
        refused(broken).contains("of its `cfg_yaml`, line 1 says `&all`, which OmegaConf does not write")
    );
}

#[test]
fn a_softplus_behind_the_step_size_is_undone() {
    let mut later = checkpoint("fourth.pt");
    let mut settings =
        json!({"model": {"layer": {"dt_transform": "softplus"}}, "dataset": {"quantization": "mu-law"}});
    later.beside.insert("hyper_parameters".into(), settings.take());
    let kernel = "model.c_layers.0.layer.layer.kernel.inv_dt";
    later.tensors.get_mut(kernel).unwrap().1[0] = -5.0;
    let found = found(later).unwrap();
    let steps = &found.tensors["sashimi.c_layers.0.layer.kernel.kernel.log_dt"].1;
    // ln(ln(1 + e⁻⁵))
    assert!((steps[0] - -5.003_358).abs() < 1e-5, "{}", steps[0]);
    assert_eq!(found.assumed, Vec::<String>::new());
}

#[test]
fn files_without_nodes_are_of_the_length_their_settings_say() {
    let mut stripped = checkpoint("simple.pt");
    stripped.tensors.retain(|name, _| !name.ends_with(".omega") && !name.ends_with(".z"));
    assert_eq!(tiers(&found(stripped.clone()).unwrap()).s4.period, 64);
    stripped.beside.clear();
    assert!(refused(stripped).contains("what length C̃ stands for is nowhere in it"));
}

/// The parameters of a golden list.
fn listed(name: &str) -> BTreeSet<(String, Vec<usize>)> {
    let text = std::fs::read_to_string(folder().join(name)).expect("the golden is committed");
    let lines = text.lines().map(|line| {
        let (name, extents) = line.split_once('\t').expect("a name and its extents");
        (name.to_owned(), extents.split(' ').map(|extent| extent.parse().unwrap()).collect())
    });
    lines.collect()
}

#[test]
fn the_published_models_have_the_parameters_of_their_papers() {
    let count = |name: &str| -> usize {
        listed(name).iter().map(|(_, extents)| extents.iter().product::<usize>()).sum()
    };
    assert_eq!((listed("sashimi_sc09.tsv").len(), count("sashimi_sc09.tsv")), (425, 4_765_312));
    assert_eq!((listed("diffwave_sc09.tsv").len(), count("diffwave_sc09.tsv")), (596, 23_478_785));
}

/// Files of the published sizes: 473 tensors of which 425 are parameters, 656 of which 596 are.
#[test]
#[ignore = "reads files of the published sizes, which make_sashimi_files.py --full writes into the folder that RUNNER_SASHIMI_FILES names"]
fn files_of_the_published_sizes_are_read() {
    let full = PathBuf::from(
        std::env::var_os("RUNNER_SASHIMI_FILES").expect("RUNNER_SASHIMI_FILES names the folder"),
    );
    let parameters = |found: &Found| -> BTreeSet<(String, Vec<usize>)> {
        found.tensors.iter().map(|(name, (dims, _))| (name.clone(), dims.clone())).collect()
    };
    let cases = [("ckpt_01100000.pt", 473, "sashimi_sc09.tsv"), ("800000.pt", 656, "diffwave_sc09.tsv")];
    for (name, tensors, list) in cases {
        let path = full.join(name);
        assert_eq!(torch::read(&path).unwrap().tensors.len(), tensors, "{name}");
        let found = read(&path).unwrap();
        assert_eq!(parameters(&found), listed(list), "{name}");
        check_values(&found);
    }
    let theirs = read(&full.join("sashimi_sc09.pt")).unwrap();
    let tiers = tiers(&theirs);
    assert_eq!((tiers.width, tiers.blocks, tiers.s4.pairs, tiers.s4.period), (64, 8, 32, 16000));
    assert_eq!((tiers.s4.periods, tiers.norm, tiers.glu), (Periods::OfTier, BlockNorm::Scalar, true));
    assert_eq!(theirs.tensors.len(), 425);
    check_values(&theirs);
}

/// What a plan's network declares, extents of 1 left out: shapes of ours have none of them.
fn declared(model: &Model) -> Vec<crate::nn::Declaration> {
    let mut declarations = Vec::new();
    let scope = &mut crate::nn::Scope::root(&mut declarations);
    match model {
        Model::Autoregressive(plan) => _ = crate::model::sashimi::Sashimi::declare(scope, plan),
        Model::Diffusion(plan) => _ = crate::model::sashimi::Diffwave::declare(scope, plan),
    }
    declarations
}

fn long(extents: &[usize]) -> Vec<usize> {
    extents.iter().copied().filter(|extent| *extent != 1).collect()
}

#[test]
fn the_networks_of_all_files_take_all_their_tensors() {
    for name in ["simple.pt", "diffwave.pt", "first.pt", "third.ckpt", "fourth.pt"] {
        let found = file(name);
        let mut params =
            crate::nn::Params::draw(&kernels::Cpu::default(), &declared(&found.model), 0).unwrap();
        let taken = weights::take(&mut params, &found.tensors, Path::new(name), weights::Match::Strict);
        assert_eq!(taken.unwrap_or_else(|error| panic!("{error}")), found.tensors.len(), "{name}");
        let (_, values) = &found.tensors["sashimi.c_layers.0.layer.kernel.kernel.C"];
        assert_eq!(
            &params.by_name("sashimi.c_layers.0.layer.kernel.kernel.C").unwrap().array().to_vec(),
            values
        );
    }
}

#[test]
fn the_published_models_declare_what_their_checkpoints_hold() {
    let mut published = small();
    (published.width, published.blocks, published.norm) = (64, 8, BlockNorm::Layer);
    (published.s4.pairs, published.s4.period, published.s4.periods) = (32, 16_000, Periods::Same);
    let mut noise = TiersPlan { width: 128, blocks: 6, unet: true, bidirectional: true, ..published.clone() };
    noise.s4.tied = false;
    let noise = DiffwavePlan {
        tiers: noise,
        step_embedding: 128,
        step_width: 512,
        betas: Vec::new(),
        fast_betas: Vec::new(),
    };
    let sc09 = SashimiPlan { tiers: published, levels: 256, quantizer: Quantizer::MuLaw, state_lr: 1e-3 };
    for (list, model) in
        [("sashimi_sc09.tsv", Model::Autoregressive(sc09)), ("diffwave_sc09.tsv", Model::Diffusion(noise))]
    {
        let ours: BTreeSet<_> = declared(&model)
            .into_iter()
            .map(|declared| (declared.name, long(declared.shape.dims())))
            .collect();
        let theirs: BTreeSet<_> =
            listed(list).into_iter().map(|(name, extents)| (name, long(&extents))).collect();
        assert_eq!(ours, theirs, "{list}");
    }
}
