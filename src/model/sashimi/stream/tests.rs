//! Stepping is the convolution, whatever the company: the whole network against plain f64 loops over whole sequences.

mod drawing;
mod drawn;
mod whole;

use std::sync::Arc;

use crate::plan::{
    BlockNorm, DiagonalPlan, Discretization, Measure, Periods, Quantizer, S4Plan, SashimiPlan, Skips,
    TiersPlan,
};
use crate::seed::{Purpose, stream};

use super::*;
use drawn::Drawn;

/// Small: two tiers below the top one, at rates of 1/2 and 1/6.
fn plan() -> SashimiPlan {
    let s4 = S4Plan {
        diagonal: None,
        pairs: 4,
        tied: true,
        dt_range: [0.001, 0.1],
        period: 96,
        periods: Periods::Same,
        frozen: Vec::new(),
    };
    let tiers = TiersPlan {
        width: 6,
        blocks: 2,
        pool: vec![2, 3],
        expand: 2,
        feed_forward: 2,
        glu: true,
        unet: false,
        skips: Skips::Layer,
        bidirectional: false,
        norm: BlockNorm::Layer,
        dropout: 0.0,
        s4,
    };
    SashimiPlan { tiers, levels: 20, quantizer: Quantizer::MuLaw, state_lr: 1e-3 }
}

fn diagonal(tiers: &mut TiersPlan, disc: Discretization) {
    tiers.s4.diagonal = Some(DiagonalPlan { disc, measure: Measure::DiagLin });
}

/// Each option the other way at least once.
fn plans() -> Vec<(&'static str, SashimiPlan)> {
    let with = |change: fn(&mut TiersPlan)| {
        let mut plan = plan();
        change(&mut plan.tiers);
        plan
    };
    vec![
        ("as published", plan()),
        (
            "untied, scalar norm, no gate",
            with(|tiers| {
                tiers.s4.tied = false;
                tiers.norm = BlockNorm::Scalar;
                tiers.glu = false;
            }),
        ),
        ("diagonal, held", with(|tiers| diagonal(tiers, Discretization::Zoh))),
        ("diagonal, straight lines", with(|tiers| diagonal(tiers, Discretization::Foh))),
        (
            "diagonal, bilinear, untied",
            with(|tiers| {
                diagonal(tiers, Discretization::Bilinear);
                tiers.s4.tied = false;
            }),
        ),
        ("periods of their tiers", with(|tiers| tiers.s4.periods = Periods::OfTier)),
        ("no feed-forward blocks", with(|tiers| tiers.feed_forward = 0)),
        ("one tier", with(|tiers| tiers.pool = Vec::new())),
        (
            "two tiers, odd width",
            with(|tiers| {
                tiers.pool = vec![3];
                tiers.width = 5;
                tiers.expand = 1;
            }),
        ),
        (
            "a UNet of three blocks",
            with(|tiers| {
                tiers.unet = true;
                tiers.blocks = 3;
            }),
        ),
        (
            "a UNet with skips of pairs",
            with(|tiers| {
                tiers.unet = true;
                tiers.skips = Skips::Pair;
            }),
        ),
        (
            "a UNet without feed-forward blocks",
            with(|tiers| {
                tiers.unet = true;
                tiers.feed_forward = 0;
            }),
        ),
    ]
}

fn weights(plan: &SashimiPlan) -> Arc<StepWeights> {
    let drawn = Drawn::new(plan);
    Arc::new(StepWeights::new(plan, &|name| drawn.found(name), &|_, _| {}).unwrap())
}

fn codes(count: usize, levels: usize, seed: u64) -> Vec<u32> {
    use rand::Rng;
    let mut draws = stream(seed, Purpose::Order, 0, 0);
    (0..count).map(|_| (draws.next_u64() % levels as u64) as u32).collect()
}

#[test]
fn stepping_is_the_convolution() {
    for (name, plan) in plans() {
        let codes = codes(48, plan.levels, 1);
        let want = whole::logits(&plan, &Drawn::new(&plan), &codes);
        let mut stepper = Stepper::new(&weights(&plan), 1, 1).unwrap();
        for (t, (code, want)) in codes.iter().zip(want).enumerate() {
            let got = stepper.step(&[*code]).unwrap();
            for (got, want) in got.iter().zip(want) {
                let distance = (f64::from(*got) - want).abs();
                assert!(distance < 2e-4, "{name}, sample {t}: {got}, want {want}");
            }
        }
    }
}

/// The logits of some lanes over time, each lane's in one vector.
fn lanes(stepper: &mut Stepper, codes: &[Vec<u32>]) -> Vec<Vec<f32>> {
    let mut all = vec![Vec::new(); codes.len()];
    for t in 0..codes[0].len() {
        let now: Vec<u32> = codes.iter().map(|codes| codes[t]).collect();
        let levels = stepper.levels();
        let logits = stepper.step(&now).unwrap();
        all.iter_mut().zip(logits.chunks(levels)).for_each(|(all, logits)| all.extend_from_slice(logits));
    }
    all
}

#[test]
fn a_lane_has_the_same_bytes_in_any_company_and_on_two_threads() {
    for (name, plan) in plans() {
        let weights = weights(&plan);
        let codes: Vec<Vec<u32>> = (0..7).map(|lane| codes(30, plan.levels, lane)).collect();
        let alone: Vec<Vec<f32>> = codes
            .iter()
            .map(|codes| {
                lanes(&mut Stepper::new(&weights, 1, 1).unwrap(), std::slice::from_ref(codes)).remove(0)
            })
            .collect();
        for (count, threads) in [(7, 1), (7, 2), (1, 2), (4, 2), (3, 5)] {
            let mut stepper = Stepper::new(&weights, count, threads).unwrap();
            for turn in 0..2 {
                let got = lanes(&mut stepper, &codes[..count]);
                assert!(got == alone[..count], "{name}: {count} lanes on {threads} threads, turn {turn}");
                stepper.reset();
            }
        }
    }
}

/// Long enough for both ways of sharing the work to be tried.
#[test]
fn work_goes_from_two_threads_to_one_and_back_within_a_recording() {
    for plan in [plan(), plans().remove(6).1] {
        let weights = weights(&plan);
        let codes = [codes(420, plan.levels, 1), codes(420, plan.levels, 2)];
        let [one, two] =
            [1, 2].map(|threads| lanes(&mut Stepper::new(&weights, 2, threads).unwrap(), &codes));
        assert!(one == two);
    }
}

/// A tier's samples reach the tier above one of its own samples later: what is asked at a sample does not depend on codes after it.
#[test]
fn nothing_is_heard_before_its_time() {
    let plan = plan();
    let weights = weights(&plan);
    let first = codes(24, plan.levels, 1);
    let mut second = first.clone();
    second[13] = (second[13] + 1) % plan.levels as u32;
    let [a, b] = [&first, &second].map(|codes| {
        lanes(&mut Stepper::new(&weights, 1, 1).unwrap(), std::slice::from_ref(codes)).remove(0)
    });
    assert_eq!(a[..13 * plan.levels], b[..13 * plan.levels]);
    assert_ne!(a[13 * plan.levels..14 * plan.levels], b[13 * plan.levels..14 * plan.levels]);
}

#[test]
fn axes_of_one_may_be_missing() {
    let plan = plan();
    let drawn = Drawn::new(&plan);
    let squeezed = |name: &str| {
        let (shape, values) = drawn.found(name)?;
        Some((shape.into_iter().filter(|axis| *axis != 1).collect(), values))
    };
    let squeezed = Arc::new(StepWeights::new(&plan, &squeezed, &|_, _| {}).unwrap());
    let codes = [codes(12, plan.levels, 1)];
    let [a, b] =
        [squeezed, weights(&plan)].map(|weights| lanes(&mut Stepper::new(&weights, 1, 1).unwrap(), &codes));
    assert_eq!(a, b);
}

#[test]
fn what_is_missing_or_misshapen_is_named() {
    let plan = plan();
    let drawn = Drawn::new(&plan);
    let said = |lookup: &dyn Fn(&str) -> Found| {
        StepWeights::new(&plan, lookup, &|_, _| {}).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let without =
        |name: &str| if name == "sashimi.c_layers.1.layer.ff.2.bias" { None } else { drawn.found(name) };
    assert_eq!(said(&without), "the weights have no `sashimi.c_layers.1.layer.ff.2.bias`");
    let other = |name: &str| match name {
        "head.weight" => Some((vec![3, 4], vec![0.0; 12])),
        _ => drawn.found(name),
    };
    assert_eq!(said(&other), "`head.weight` is [3, 4] in the weights and [20, 6] in the model");
    let mut both = plan.clone();
    both.tiers.bidirectional = true;
    let error = StepWeights::new(&both, &|name| drawn.found(name), &|_, _| {}).err().unwrap();
    assert_eq!(error.to_string(), "a model that sees the future, `bidirectional`, cannot be stepped");
}

#[test]
fn progress_counts_every_head() {
    let mut plan = plan();
    plan.tiers.unet = true;
    let drawn = Drawn::new(&plan);
    let seen = std::sync::Mutex::new(Vec::new());
    StepWeights::new(&plan, &|name| drawn.found(name), &|done, of| seen.lock().unwrap().push((done, of)))
        .unwrap();
    let mut seen = seen.into_inner().unwrap();
    seen.sort_unstable();
    // Two blocks a side: of 6 and 12 heads on both sides, of 24 in the centre.
    let all = 2 * (2 * (6 + 12) + 24);
    assert_eq!(seen, (1..=all).map(|done| (done, all)).collect::<Vec<_>>());
}

#[test]
fn codes_that_do_not_fit_are_refused_and_move_nothing() {
    let plan = plan();
    let weights = weights(&plan);
    let (mut stepper, mut other) =
        (Stepper::new(&weights, 2, 2).unwrap(), Stepper::new(&weights, 2, 1).unwrap());
    assert_eq!(stepper.step(&[1]).unwrap_err().to_string(), "1 codes were given for 2 lanes");
    assert_eq!(stepper.step(&[1, 20]).unwrap_err().to_string(), "code 20 was given to a model of 20 levels");
    assert_eq!(stepper.step(&[1, 2]).unwrap(), other.step(&[1, 2]).unwrap());
}
