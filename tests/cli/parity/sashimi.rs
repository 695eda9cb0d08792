//! SaShiMi and DiffWave with its tiers: whole networks against make_sashimi.py, outputs and the gradients of all parameters.

use kernels::{Array, Cpu, Tape};
use runner::model::sashimi::{Diffwave, Sashimi};
use runner::model::weights::Tensors;
use runner::nn::{Declaration, Params, Pass, Scope};
use runner::plan::{BlockNorm, DiffwavePlan, Periods, Quantizer, S4Plan, SashimiPlan, Skips, TiersPlan};

use super::pattern::{fill, noise};
use super::{closeness, golden_tensors};

const BATCH: usize = 2;
const LEN: usize = 32;
const LEVELS: usize = 16;

/// The goldens' plain case; the others say what differs.
fn tiers(width: usize, blocks: usize, pool: &[usize]) -> TiersPlan {
    TiersPlan {
        width,
        blocks,
        pool: pool.to_vec(),
        expand: 2,
        feed_forward: 2,
        glu: true,
        unet: false,
        skips: Skips::Layer,
        bidirectional: false,
        norm: BlockNorm::Layer,
        dropout: 0.0,
        s4: S4Plan {
            diagonal: None,
            pairs: 3,
            tied: true,
            dt_range: [1e-3, 0.1],
            period: LEN,
            periods: Periods::OfTier,
            frozen: Vec::new(),
        },
    }
}

/// Declares a network, gives it the goldens' weights, and holds what it makes and all gradients to the case's.
fn compare<N>(
    golden: &Tensors,
    case: &str,
    declare: impl FnOnce(&mut Scope<'_>) -> N,
    run: impl FnOnce(&N, &mut Pass<'_, Cpu>) -> Array<Cpu>,
) {
    let device = Cpu::default();
    let mut declarations: Vec<Declaration> = Vec::new();
    let network = declare(&mut Scope::root(&mut declarations));
    let mut params = Params::draw(&device, &declarations, 0).expect("room");
    fill(&mut params);
    let mut tape = Tape::recording();
    let y = run(&network, &mut Pass::at_rest(&params, &mut tape));
    let want = &golden[&format!("{case}.y")];
    assert_eq!(y.shape().dims(), want.0, "{case}");
    closeness(&format!("{case} forward"), &y.to_vec(), &want.1, 1e-5);
    let dy = noise("dy", y.shape()).to_vec();
    let mut grads = tape.backward(&device, vec![(y, dy)]).expect("it runs");
    for param in params.iter() {
        let want = &golden[&format!("{case}.grad.{}", param.name())];
        assert_eq!(param.array().shape().dims(), want.0, "{case}: {}", param.name());
        let got = grads.to_vec(param.array()).expect("it runs");
        if param.name() == "sashimi.init_conv.0.conv.weight_v" {
            // A single input has no direction but its sign: there is nothing to compare but the rounding of what its gain's gradient is made of.
            let gain = &golden[&format!("{case}.grad.sashimi.init_conv.0.conv.weight_g")].1;
            let scale = gain.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
            let rounding = got.iter().chain(&want.1).fold(0.0f32, |largest, value| largest.max(value.abs()));
            assert!(rounding <= 1e-5 * scale, "{case}: {rounding:e} beside {scale}");
            continue;
        }
        // A single number is a sum over everything, much of which cancels.
        let tolerance = if got.len() == 1 { 1e-3 } else { 1e-4 };
        closeness(&format!("{case} gradient of {}", param.name()), &got, &want.1, tolerance);
    }
    let goldens = golden.keys().filter(|name| name.starts_with(&format!("{case}.grad."))).count();
    assert_eq!(params.iter().len(), goldens, "{case}: other parameters than the golden's");
}

#[test]
fn autoregressive_networks_are_the_formulas() {
    let golden = golden_tensors("sashimi.safetensors");
    let noise = noise("codes", [BATCH, LEN]).to_vec();
    let codes: Vec<u32> = noise.iter().map(|x| ((x + 1.0) / 2.0 * LEVELS as f32) as u32).collect();
    let mut of_one_period = tiers(4, 2, &[2, 2]);
    (of_one_period.s4.period, of_one_period.s4.periods) = (48, Periods::Same);
    let mut plain = TiersPlan { glu: false, norm: BlockNorm::Scalar, ..tiers(6, 1, &[4]) };
    plain.s4.tied = false;
    let alone = TiersPlan { feed_forward: 0, bidirectional: true, ..tiers(4, 1, &[2]) };
    let unet = TiersPlan { unet: true, ..tiers(4, 2, &[2]) };
    for (case, tiers) in [("ar", of_one_period), ("ar_plain", plain), ("ar_alone", alone), ("ar_unet", unet)]
    {
        let plan = SashimiPlan { tiers, levels: LEVELS, quantizer: Quantizer::MuLaw, state_lr: 1e-3 };
        compare(
            &golden,
            case,
            |scope| Sashimi::declare(scope, &plan),
            |network, pass| network.forward(pass, &codes, [BATCH, LEN]).expect("it runs"),
        );
    }
}

#[test]
fn noise_predictors_are_the_formulas() {
    let golden = golden_tensors("sashimi.safetensors");
    let of_layers = TiersPlan { unet: true, bidirectional: true, ..tiers(4, 1, &[2, 2]) };
    let s4 = S4Plan { tied: false, periods: Periods::Same, ..of_layers.s4.clone() };
    let of_layers = TiersPlan { s4, ..of_layers };
    let of_pairs = TiersPlan {
        unet: true,
        bidirectional: true,
        skips: Skips::Pair,
        norm: BlockNorm::Scalar,
        ..tiers(6, 2, &[2])
    };
    for (case, tiers) in [("diffwave", of_layers), ("diffwave_pair", of_pairs)] {
        let plan = DiffwavePlan {
            tiers,
            step_embedding: 8,
            step_width: 6,
            betas: Vec::new(),
            fast_betas: Vec::new(),
        };
        compare(
            &golden,
            case,
            |scope| Diffwave::declare(scope, &plan),
            |network, pass| network.forward(pass, &noise("x", [BATCH, LEN]), &[3.0, 171.0]).expect("it runs"),
        );
    }
}
