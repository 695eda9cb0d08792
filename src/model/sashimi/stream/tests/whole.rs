//! The network over whole sequences, in plain f64 loops: S4 by its kernel, tiers by reshaping.

use kernels::s4_kernel::{self, s4_kernel};
use kernels::s4d_kernel::{self, s4d_kernel};
use kernels::{Array, Cpu, Tape};

use super::drawn::Drawn;
use crate::model::sashimi::block::rule;
use crate::plan::{BlockNorm, SashimiPlan, Skips, TiersPlan};

/// A sequence of vectors.
type Sequence = Vec<Vec<f64>>;

/// The logits after each code. The number of codes is a multiple of the tiers' hop.
pub fn logits(plan: &SashimiPlan, drawn: &Drawn, codes: &[u32]) -> Sequence {
    let network = Network { plan: &plan.tiers, drawn };
    let width = plan.tiers.width;
    let embedding = &drawn.0["mu_embedder.weight"].1;
    let embed = |code: &u32| f64s(&embedding[*code as usize * width..][..width]);
    let x = network.tiers(codes.iter().map(embed).collect());
    let x = x.iter().map(|x| layer_norm(drawn, "sashimi.norm", x)).collect();
    network.linear("head", &x)
}

struct Network<'a> {
    plan: &'a TiersPlan,
    drawn: &'a Drawn,
}

impl Network<'_> {
    fn tiers(&self, mut x: Sequence) -> Sequence {
        let (plan, mut kept, mut falling) = (self.plan, vec![x.clone()], 0);
        for (tier, factor) in plan.pool.iter().enumerate() {
            if plan.unet {
                falling +=
                    self.blocks("sashimi.d_layers", falling, tier, &mut x, &mut |x| kept.push(x.clone()));
            }
            x = self.normed_linear(&format!("sashimi.d_layers.{falling}.linear"), &gather(&x, *factor));
            kept.push(x.clone());
            falling += 1;
        }
        self.blocks("sashimi.c_layers", 0, plan.pool.len(), &mut x, &mut |_| {});
        add(&mut x, &kept.pop().unwrap());
        for (tier, factor) in plan.pool.iter().enumerate().rev() {
            let list = format!("sashimi.u_layers.{}", plan.pool.len() - 1 - tier);
            x = spread(&self.normed_linear(&format!("{list}.0.linear"), &x), *factor);
            add(&mut x, &kept.pop().unwrap());
            let residual = x.clone();
            if plan.unet {
                self.blocks(&list, 1, tier, &mut x, &mut |x| add(x, &kept.pop().unwrap()));
            } else {
                self.blocks(&list, 1, tier, &mut x, &mut |_| {});
                add(&mut x, &residual);
            }
        }
        assert!(kept.is_empty());
        x
    }

    /// One side of a tier, `behind` called where a UNet keeps or takes something; how many modules it is.
    fn blocks(
        &self,
        list: &str,
        first: usize,
        tier: usize,
        x: &mut Sequence,
        behind: &mut dyn FnMut(&mut Sequence),
    ) -> usize {
        let mut index = first;
        for _ in 0..self.plan.blocks {
            self.s4(&format!("{list}.{index}"), tier, x);
            index += 1;
            if self.plan.feed_forward > 0 {
                if self.plan.skips == Skips::Layer {
                    behind(x);
                }
                let block = format!("{list}.{index}");
                let inner = self.linear(&format!("{block}.layer.ff.0.0"), &self.norm(&block, x));
                add(x, &self.linear(&format!("{block}.layer.ff.2"), &each(&inner, gelu)));
                index += 1;
            }
            behind(x);
        }
        index - first
    }

    fn s4(&self, block: &str, tier: usize, x: &mut Sequence) {
        let (u, width) = (self.norm(block, x), self.plan.width_of(tier));
        let kernel = self.kernel(block, tier, x.len());
        let d = &self.drawn.0[&format!("{block}.layer.D")].1;
        let y = |t: usize, h: usize| {
            let past: f64 = (0..=t).map(|s| kernel[h * x.len() + t - s] * u[s][h]).sum();
            past + f64::from(d[h]) * u[t][h]
        };
        let y: Sequence = (0..x.len()).map(|t| (0..width).map(|h| gelu(y(t, h))).collect()).collect();
        if !self.plan.glu {
            return add(x, &self.linear(&format!("{block}.layer.output_linear"), &y));
        }
        let both = self.linear(&format!("{block}.layer.output_linear.0"), &y);
        let gated = both.iter().map(|both| {
            let (a, b) = both.split_at(width);
            a.iter().zip(b).map(|(a, b)| a / (1.0 + (-b).exp())).collect()
        });
        add(x, &gated.collect());
    }

    /// [width, len].
    fn kernel(&self, block: &str, tier: usize, len: usize) -> Vec<f64> {
        let (width, pairs) = (self.plan.width_of(tier), self.plan.s4.pairs);
        let groups = if self.plan.s4.tied { 1 } else { width };
        let device = Cpu::default();
        let values = |name: &str| self.drawn.0[&format!("{block}.layer.kernel.kernel.{name}")].1.to_vec();
        let poles = |name| Array::from_vec(&device, values(name), [groups, pairs]).unwrap();
        let complex = |name| Array::from_vec(&device, values(name), [groups, pairs, 2]).unwrap();
        let (log_dt, log_w_real) =
            (&Array::from_vec(&device, values("log_dt"), [width]).unwrap(), &poles("log_w_real"));
        let (w_imag, c) =
            (&poles("w_imag"), &Array::from_vec(&device, values("C"), [1, width, pairs, 2]).unwrap());
        if let Some(diagonal) = self.plan.s4.diagonal {
            let parameters = s4d_kernel::Parameters { log_dt, log_w_real, w_imag, c };
            let made = s4d_kernel(&mut Tape::silent(), parameters, rule(diagonal.disc), len);
            return f64s(&made.unwrap().to_vec());
        }
        let (p, b) = (&complex("P"), &complex("B"));
        let parameters = s4_kernel::Parameters { log_dt, log_w_real, w_imag, p, b, c };
        let period = self.plan.period_of(tier);
        f64s(&s4_kernel(&mut Tape::silent(), parameters, period, len).unwrap().to_vec())
    }

    fn norm(&self, block: &str, x: &Sequence) -> Sequence {
        let one = |x: &Vec<f64>| match self.plan.norm {
            BlockNorm::Layer => layer_norm(self.drawn, &format!("{block}.norm"), x),
            BlockNorm::Scalar => {
                let value = |name: &str| f64::from(self.drawn.0[&format!("{block}.norm.{name}")].1[0]);
                let (mean, variance) = moments(x);
                x.iter().map(|x| value("s") / variance.sqrt() * (x - mean + value("m"))).collect()
            }
        };
        x.iter().map(one).collect()
    }

    fn linear(&self, name: &str, x: &Sequence) -> Sequence {
        multiply(&f64s(&self.drawn.0[&format!("{name}.weight")].1), &self.bias(name), x)
    }

    fn normed_linear(&self, name: &str, x: &Sequence) -> Sequence {
        let bias = self.bias(name);
        let v = f64s(&self.drawn.0[&format!("{name}.weight_v")].1);
        let g = f64s(&self.drawn.0[&format!("{name}.weight_g")].1);
        let rows = v.chunks(v.len() / bias.len()).zip(g);
        let weight = rows.flat_map(|(row, g)| {
            let norm = row.iter().map(|v| v * v).sum::<f64>().sqrt();
            row.iter().map(|v| g * v / norm).collect::<Vec<f64>>()
        });
        multiply(&weight.collect::<Vec<f64>>(), &bias, x)
    }

    fn bias(&self, name: &str) -> Vec<f64> {
        f64s(&self.drawn.0[&format!("{name}.bias")].1)
    }
}

fn f64s(values: &[f32]) -> Vec<f64> {
    values.iter().map(|x| f64::from(*x)).collect()
}

fn multiply(weight: &[f64], bias: &[f64], x: &Sequence) -> Sequence {
    let row =
        |x: &[f64], (row, bias): (&[f64], &f64)| bias + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
    let rows = |x: &Vec<f64>| weight.chunks(x.len()).zip(bias).map(|each| row(x, each)).collect();
    x.iter().map(rows).collect()
}

/// Each `factor` vectors as one, channels outside, sub-samples inside.
fn gather(x: &Sequence, factor: usize) -> Sequence {
    let one = |x: &[Vec<f64>]| (0..x[0].len() * factor).map(|i| x[i % factor][i / factor]).collect();
    x.chunks(factor).map(one).collect()
}

/// Each vector as `factor` of them, one vector late.
fn spread(x: &Sequence, factor: usize) -> Sequence {
    let width = x[0].len() / factor;
    let mut all = vec![vec![0.0; width]; factor];
    for x in &x[..x.len() - 1] {
        all.extend((0..factor).map(|s| (0..width).map(|h| x[h * factor + s]).collect()));
    }
    all
}

fn add(x: &mut Sequence, other: &Sequence) {
    assert_eq!(x.len(), other.len());
    x.iter_mut().flatten().zip(other.iter().flatten()).for_each(|(x, other)| *x += other);
}

fn each(x: &Sequence, of: fn(f64) -> f64) -> Sequence {
    x.iter().map(|x| x.iter().map(|x| of(*x)).collect()).collect()
}

fn moments(x: &[f64]) -> (f64, f64) {
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    (mean, x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64)
}

fn layer_norm(drawn: &Drawn, name: &str, x: &[f64]) -> Vec<f64> {
    let (mean, variance) = moments(x);
    let (gain, shift) = (&drawn.0[&format!("{name}.weight")].1, &drawn.0[&format!("{name}.bias")].1);
    let rate = 1.0 / (variance + 1e-5).sqrt();
    x.iter()
        .zip(gain)
        .zip(shift)
        .map(|((x, gain), shift)| (x - mean) * rate * f64::from(*gain) + f64::from(*shift))
        .collect()
}

/// x Φ(x), the normal distribution by its series.
fn gelu(x: f64) -> f64 {
    if x.abs() > 7.0 {
        return x.max(0.0);
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= x * x / f64::from(2 * n + 1);
        sum += term;
    }
    x * (0.5 + (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt() * sum)
}
