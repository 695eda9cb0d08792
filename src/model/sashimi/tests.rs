//! Sizes of published models, and what holds whatever the weights are.

use kernels::{Array, Cpu, Tape};
use rand_pcg::Pcg64Mcg;

use super::*;
use crate::nn::{Declaration, Params, Pass, Scope};
use crate::plan::{BlockNorm, DiffwavePlan, SashimiPlan, TiersPlan};

/// The published noise predictor.
fn published_diffwave() -> DiffwavePlan {
    let mut tiers =
        TiersPlan { width: 128, blocks: 6, unet: true, bidirectional: true, ..SashimiPlan::default().tiers };
    tiers.s4.tied = false;
    DiffwavePlan { tiers, step_embedding: 128, step_width: 512, betas: Vec::new(), fast_betas: Vec::new() }
}

/// Something of a few thousand parameters.
fn small() -> SashimiPlan {
    let mut plan = SashimiPlan::default();
    plan.tiers = TiersPlan { width: 4, blocks: 1, pool: vec![2, 2], ..plan.tiers };
    (plan.tiers.s4.pairs, plan.tiers.s4.period, plan.levels) = (2, 16, 8);
    plan
}

fn declared<N>(declare: impl FnOnce(&mut Scope<'_>) -> N) -> (N, Vec<Declaration>) {
    let mut declarations = Vec::new();
    let network = declare(&mut Scope::root(&mut declarations));
    (network, declarations)
}

fn count(declarations: &[Declaration]) -> usize {
    declarations.iter().map(|declaration| declaration.shape.len()).sum()
}

#[test]
fn published_sizes() {
    let size = |change: fn(&mut TiersPlan)| {
        let mut plan = SashimiPlan::default();
        change(&mut plan.tiers);
        count(&declared(|scope| Sashimi::declare(scope, &plan)).1)
    };
    assert_eq!(size(|_| ()), 4_765_312);
    assert_eq!(size(|tiers| tiers.s4.tied = false), 5_448_832);
    assert_eq!(size(|tiers| tiers.glu = false), 4_073_600);
    assert_eq!(size(|tiers| (tiers.glu, tiers.norm) = (false, BlockNorm::Scalar)), 4_059_360);
    let size = |tied| {
        let mut plan = published_diffwave();
        plan.tiers.s4.tied = tied;
        count(&declared(|scope| Diffwave::declare(scope, &plan)).1)
    };
    assert_eq!((size(false), size(true)), (23_478_785, 22_009_985));
}

/// Names and shapes, these without axes of 1, of the released checkpoints.
#[test]
fn published_names() {
    let (_, declarations) = declared(|scope| Sashimi::declare(scope, &SashimiPlan::default()));
    assert_eq!(declarations.len(), 425);
    let has = |declarations: &[Declaration], name: &str, shape: &[usize]| {
        let found = declarations.iter().find(|declaration| declaration.name == name);
        assert_eq!(found.map(|found| found.shape.dims()), Some(shape), "{name}");
    };
    for (name, shape) in [
        ("mu_embedder.weight", &[256, 64][..]),
        ("head.bias", &[256]),
        ("sashimi.norm.weight", &[64]),
        ("sashimi.d_layers.0.linear.weight_v", &[128, 256]),
        ("sashimi.d_layers.1.linear.weight_g", &[256]),
        ("sashimi.u_layers.0.0.linear.weight_v", &[512, 256]),
        ("sashimi.u_layers.1.0.linear.bias", &[256]),
        ("sashimi.c_layers.14.norm.bias", &[256]),
        ("sashimi.c_layers.0.layer.D", &[256]),
        ("sashimi.c_layers.0.layer.kernel.kernel.C", &[1, 256, 32, 2]),
        ("sashimi.u_layers.0.1.layer.kernel.kernel.log_dt", &[128]),
        ("sashimi.u_layers.1.15.layer.kernel.kernel.P", &[1, 32, 2]),
        ("sashimi.u_layers.1.15.layer.kernel.kernel.log_w_real", &[1, 32]),
        ("sashimi.c_layers.2.layer.output_linear.0.weight", &[512, 256]),
        ("sashimi.c_layers.15.layer.ff.0.0.weight", &[512, 256]),
        ("sashimi.u_layers.1.16.layer.ff.2.bias", &[64]),
    ] {
        has(&declarations, name, shape);
    }
    let (_, declarations) = declared(|scope| Diffwave::declare(scope, &published_diffwave()));
    // The 656 tensors of the checkpoint less two buffers of each of 30 layers.
    assert_eq!(declarations.len(), 596);
    for (name, shape) in [
        ("sashimi.init_conv.0.conv.weight_v", &[128, 1][..]),
        ("sashimi.fc_t1.weight", &[512, 128]),
        ("sashimi.d_layers.12.linear.weight_v", &[256, 512]),
        ("sashimi.d_layers.13.fc_t.weight", &[256, 512]),
        ("sashimi.d_layers.24.layer.ff.2.weight", &[256, 512]),
        ("sashimi.d_layers.25.linear.bias", &[512]),
        ("sashimi.c_layers.10.layer.kernel.kernel.C", &[2, 512, 32, 2]),
        ("sashimi.u_layers.1.11.layer.kernel.kernel.B", &[128, 32, 2]),
        ("sashimi.final_conv.2.conv.weight", &[1, 128]),
    ] {
        has(&declarations, name, shape);
    }
}

fn codes(count: usize) -> Vec<u32> {
    (0..count as u32).map(|i| (i * 5 + i * i) % 8).collect()
}

fn scores(plan: &SashimiPlan, codes: &[u32], extents: [usize; 2]) -> Vec<f32> {
    let (network, declarations) = declared(|scope| Sashimi::declare(scope, plan));
    let params = Params::draw(&Cpu::default(), &declarations, 3).unwrap();
    let mut tape = Tape::silent();
    network.forward(&mut Pass::at_rest(&params, &mut tape), codes, extents).unwrap().to_vec()
}

#[test]
fn no_score_hears_of_later_codes_unless_asked_to() {
    let unet = TiersPlan { unet: true, ..small().tiers };
    for plan in [small(), SashimiPlan { tiers: unet, ..small() }] {
        let before = codes(16);
        for t in [5, 8, 15] {
            let mut after = before.clone();
            after[t] = (after[t] + 1) % 8;
            let [a, b] = [&before, &after].map(|codes| scores(&plan, codes, [1, 16]));
            let moved = |t: usize| a[t * 8..][..8] != b[t * 8..][..8];
            let largest = (0..t * 8).map(|i| (a[i] - b[i]).abs()).fold(0.0, f32::max);
            assert!(largest < 1e-5, "a code at {t} changed an earlier score by {largest:e}");
            assert!((t..16).all(moved), "a code at {t} was not heard everywhere behind");
            let both = TiersPlan { bidirectional: true, ..plan.tiers.clone() };
            let both = SashimiPlan { tiers: both, ..plan.clone() };
            let [a, b] = [&before, &after].map(|codes| scores(&both, codes, [1, 16]));
            assert!((a[0] - b[0]).abs() > 1e-5, "both directions hear a code at {t} at once");
        }
    }
}

#[test]
fn sequences_of_a_batch_know_nothing_of_each_other() {
    let all = codes(24);
    let together = scores(&small(), &all, [3, 8]);
    for (codes, together) in all.chunks(8).zip(together.chunks(64)) {
        let alone = scores(&small(), codes, [1, 8]);
        assert!(alone.iter().zip(together).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}

/// Scores and the gradient of the embedding, in train mode with dropout.
fn trained(plan: &SashimiPlan, recomputes: bool) -> (Vec<f32>, Vec<Vec<f32>>) {
    let (network, declarations) = declared(|scope| Sashimi::declare(scope, plan));
    let device = Cpu::default();
    let params = Params::draw(&device, &declarations, 3).unwrap();
    let mut tape = Tape::recording();
    let mut pass = Pass::training(&params, &mut tape, Pcg64Mcg::new(5)).recomputing(recomputes);
    let y = network.forward(&mut pass, &codes(16), [2, 8]).unwrap();
    let scores = y.to_vec();
    let dy = (0..y.len()).map(|i| (i as f32).sin()).collect();
    let mut grads = tape.backward(&device, vec![(y, dy)]).unwrap();
    (scores, params.iter().map(|param| grads.to_vec(param.array()).unwrap()).collect())
}

#[test]
fn recomputing_changes_no_byte_and_dropout_acts_in_training() {
    let mut plan = small();
    plan.tiers.dropout = 0.3;
    assert!(trained(&plan, false) == trained(&plan, true));
    assert_ne!(trained(&plan, false).0, trained(&small(), false).0);
    assert_eq!(scores(&plan, &codes(16), [2, 8]), scores(&small(), &codes(16), [2, 8]));
}

#[test]
fn a_new_noise_predictor_says_nothing_and_recomputes_with_its_step() {
    let tiers = TiersPlan { unet: true, bidirectional: true, ..small().tiers };
    let plan =
        DiffwavePlan { tiers, step_embedding: 4, step_width: 6, betas: Vec::new(), fast_betas: Vec::new() };
    let (network, declarations) = declared(|scope| Diffwave::declare(scope, &plan));
    let device = Cpu::default();
    let mut params = Params::draw(&device, &declarations, 3).unwrap();
    let x = Array::from_vec(&device, (0..16).map(|i| (i as f32).sin()).collect(), [2, 8]).unwrap();
    let mut tape = Tape::silent();
    let y = network.forward(&mut Pass::at_rest(&params, &mut tape), &x, &[0.0, 199.0]).unwrap();
    assert_eq!((y.shape(), y.to_vec()), ([2, 8].into(), vec![0.0; 16]));
    let last = params.by_name_mut("sashimi.final_conv.2.conv.weight").unwrap();
    last.array_mut().copy_from(&[1.0, -0.5, 0.25, 2.0]).unwrap();
    let gradients = |recomputes| {
        let mut tape = Tape::recording();
        let mut pass = Pass::training(&params, &mut tape, Pcg64Mcg::new(5)).recomputing(recomputes);
        let y = network.forward(&mut pass, &x, &[0.0, 199.0]).unwrap();
        let mut grads = tape.backward(&device, vec![(y, vec![1.0; 16])]).unwrap();
        params.iter().map(|param| grads.to_vec(param.array()).unwrap()).collect::<Vec<_>>()
    };
    let without = gradients(false);
    assert!(without == gradients(true));
    for (param, gradient) in params.iter().zip(&without) {
        let largest = gradient.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        match param.name() {
            // A single input has no direction but its sign: what is left is rounding.
            "sashimi.init_conv.0.conv.weight_v" => assert!(largest < 1e-5, "{largest:e}"),
            name => assert!(largest > 0.0, "{name}"),
        }
    }
}

#[test]
fn misfits_are_named() {
    let (network, declarations) = declared(|scope| Sashimi::declare(scope, &small()));
    let params = Params::draw(&Cpu::default(), &declarations, 3).unwrap();
    let refusal = |codes: &[u32], extents| {
        let mut tape = Tape::silent();
        network.forward(&mut Pass::at_rest(&params, &mut tape), codes, extents).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(&codes(6), [1, 6]),
        "tiers: x has shape [1, 6, 4], but its length has to be a multiple of 4"
    );
    assert_eq!(
        refusal(&[0, 1, 2, 8], [1, 4]),
        "embedding: the table has shape [8, 4], but the code 8 names no row of it"
    );
    assert_eq!(
        refusal(&codes(20), [1, 20]),
        "s4_kernel: c has shape [1, 4, 2, 2], but a period of 16 samples, which gives no 20: it is even and no shorter"
    );
}

/// C̃ belongs to the first values of its own layer: the response is that of a state space whose C is complex normal.
#[test]
fn first_values_fit_each_other() {
    let (_, declarations) = declared(|scope| Sashimi::declare(scope, &small()));
    let params = Params::draw(&Cpu::default(), &declarations, 3).unwrap();
    let values = |name: &str| params.by_name(name).unwrap().array().to_vec();
    let rows = values("sashimi.d_layers.0.linear.weight_v");
    for (row, norm) in rows.chunks(8).zip(values("sashimi.d_layers.0.linear.weight_g")) {
        assert!((row.iter().map(|v| v * v).sum::<f32>().sqrt() - norm).abs() < 1e-6);
    }
    let layer = "sashimi.u_layers.1.1.layer.kernel.kernel";
    let leaf = |leaf: &str| values(&format!("{layer}.{leaf}"));
    assert!(leaf("log_dt").iter().all(|log| (1e-3..=0.1).contains(&log.exp())));
    assert!(leaf("log_w_real").iter().all(|log| (log.exp() - 0.501).abs() < 1e-6));
    assert!(leaf("B").iter().zip(leaf("P")).all(|(b, p)| (b / 2f32.sqrt() - p).abs() < 1e-6));
    let (log_dt, log_w_real, w_imag) = (leaf("log_dt"), leaf("log_w_real"), leaf("w_imag"));
    let (p, b, c) = (leaf("P"), leaf("B"), leaf("C"));
    let heads = kernels::s4_step::Heads {
        pairs: 2,
        log_dt: &log_dt,
        log_w_real: &log_w_real,
        w_imag: &w_imag,
        p: &p,
        b: &b,
        c: &c,
    };
    // What was drawn: a complex normal stream of the parameter's own name.
    let mut drawn = Vec::new();
    for head in 0..heads.count() {
        let system = heads.system(head);
        drawn.extend(system.from_periodic(&system.c, 16).unwrap());
    }
    let redrawn = Params::draw(&Cpu::default(), &declarations, 3).unwrap();
    assert_eq!(redrawn.by_name(&format!("{layer}.C")).unwrap().array().to_vec(), c);
    let variance = drawn.iter().map(|c| c.norm_sqr()).sum::<f64>() / drawn.len() as f64;
    assert!((0.3..3.0).contains(&variance), "{variance}");
    let mut again = Params::draw(&Cpu::default(), &declarations, 4).unwrap();
    again.redraw(&declarations, 3, |_| true).unwrap();
    assert_eq!(again.by_name(&format!("{layer}.C")).unwrap().array().to_vec(), c);
}
