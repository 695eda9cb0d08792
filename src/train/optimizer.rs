//! AdamW over all trainable parameters, with the papers' two groups.

use std::collections::BTreeMap;

use kernels::adamw::AdamW;
use kernels::{Array, Backend, Grads, OpError};

use crate::nn::{Param, Params};
use crate::plan::{Behaviour, Plan};

/// The moments of one parameter.
pub struct Moments<D: Backend> {
    pub first: Array<D>,
    pub second: Array<D>,
    /// Updates this parameter has taken.
    pub steps: u64,
}

/// AdamW's state, by parameter name.
#[derive(Default)]
pub struct Optimizer<D: Backend> {
    pub moments: BTreeMap<String, Moments<D>>,
}

/// How fast each parameter learns in one update.
#[derive(Debug, Clone, Copy)]
pub struct Rates<'a> {
    pub plan: &'a Plan,
    /// Updates taken before this one.
    pub step: u64,
    /// Falls of the rate on a plateau.
    pub falls: u32,
    /// What every rate is multiplied with: below 1 where lost updates have lowered it.
    pub lowered: f64,
}

impl Rates<'_> {
    /// Learning rate and weight decay of a parameter. One with a peak rate of its own does not decay: it is a state matrix.
    fn of(&self, name: &str) -> (f64, f64) {
        let train = &self.plan.train;
        let own = self.plan.model.own_lr(name);
        let lr = train.schedule.lr_of(own.unwrap_or(train.schedule.max_lr), self.step, self.falls);
        let decays = own.is_none() && decays(name, train.weight_decay_groups);
        (lr * self.lowered, if decays { train.weight_decay } else { 0.0 })
    }
}

/// Global norm of the gradients, divided by `divisor`, of all parameters that take part in a step.
///
/// # Errors
/// The device failed.
pub fn grad_norm<D: Backend>(params: &Params<D>, grads: &Grads<D>, divisor: f64) -> Result<f64, OpError> {
    let due = params.iter().filter(|param| is_due(param, grads));
    let there: Vec<&D::Vec> = due.filter_map(|param| grads.there(param.array())).collect();
    Ok(D::sum_squares(&there)?.sqrt() / divisor)
}

impl<D: Backend> Optimizer<D> {
    /// An optimiser that has seen nothing.
    pub fn new() -> Self {
        Optimizer { moments: BTreeMap::new() }
    }

    /// Divides the gradients by `divisor`, clips their norm, which is [`grad_norm`], and takes one step.
    ///
    /// Parameters that backward did not reach, and frozen ones, are not touched: no decay either. False where nothing is: the norm is not
    /// finite, or so large, clipped, that its square would be none in the second moment.
    ///
    /// # Errors
    /// The device failed.
    pub fn step(
        &mut self,
        params: &mut Params<D>,
        grads: &mut Grads<D>,
        [norm, divisor]: [f64; 2],
        rates: &Rates<'_>,
    ) -> Result<bool, OpError> {
        // PyTorch's clip_grad_norm_: the 1e-6 keeps the quotient finite.
        let plan = &rates.plan.train;
        let clip = match plan.max_grad_norm {
            0.0 => 1.0,
            most => (most / (norm + 1e-6)).min(1.0),
        };
        // An infinite second moment would hold its weight still for ever.
        let square = (norm * clip).powi(2);
        if square.is_nan() || square >= f64::from(f32::MAX) {
            return Ok(false);
        }
        // All memory first: where there is no room for it, nothing is changed.
        let reached: Vec<&Param<D>> = params.iter().filter(|param| is_due(param, grads)).collect();
        for param in reached {
            grads.buffer(param.array())?;
            self.moments_of(param.name(), param.array())?;
        }
        for param in params.iter_mut().filter(|param| is_due(param, grads)) {
            let Some(gradient) = grads.there(param.array()) else { continue };
            let (lr, weight_decay) = rates.of(param.name());
            let moments = self.moments_of(param.name(), param.array())?;
            moments.steps += 1;
            let settings = AdamW {
                lr,
                beta1: plan.adam_betas[0],
                beta2: plan.adam_betas[1],
                eps: plan.adam_eps,
                weight_decay,
                step: moments.steps,
                grad_scale: clip / divisor,
            };
            D::adamw_step(param.array_mut(), gradient, &mut moments.first, &mut moments.second, settings)?;
        }
        Ok(true)
    }

    /// The moments of a parameter, which has a first update before it where there are none.
    fn moments_of(&mut self, name: &str, like: &Array<D>) -> Result<&mut Moments<D>, OpError> {
        if !self.moments.contains_key(name) {
            let (device, shape) = (like.device(), like.shape());
            let moments = Moments {
                first: Array::zeros(device, shape)?,
                second: Array::zeros(device, shape)?,
                steps: 0,
            };
            self.moments.insert(name.to_owned(), moments);
        }
        self.moments.get_mut(name).ok_or_else(|| OpError::device("adamw", "no moments"))
    }
}

/// Whether a parameter takes part in a step.
fn is_due<D: Backend>(param: &Param<D>, grads: &Grads<D>) -> bool {
    param.trainable() && grads.reached(param.array())
}

/// Whether weight decay acts on a parameter.
///
/// `reference`: not on biases, nor in a module called `layer_norm`. `sound`: nor on the gain of any norm, on a mixer's `A_log`, `D` and
/// `dt_bias` (as Mamba's authors ask), or on the positional convolution's weight-norm gain.
pub fn decays(name: &str, groups: Behaviour) -> bool {
    let mut parts = name.rsplit('.');
    let (last, module) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let by_reference = last != "bias" && module != "layer_norm";
    let also_spared = ["A_log", "D", "dt_bias", "original0"].contains(&last)
        || ["final_layer_norm", "norm", "embedding"].contains(&module);
    match groups {
        Behaviour::Reference => by_reference,
        Behaviour::Sound => by_reference && !also_spared,
    }
}

#[cfg(test)]
mod tests {
    use kernels::{Cpu, Tape};

    use super::*;
    use crate::nn::{Declaration, Init};
    use crate::plan::{Decay, Objective, OnNonfinite, Recompute, Schedule};

    fn golden(file: &str) -> String {
        std::fs::read_to_string(crate::checkout().join("tests/parity/losses").join(file)).unwrap()
    }

    #[test]
    fn decay_groups() {
        let layer = "wav2vec2.encoder.layers.3.";
        let cases = [
            ("lm_head.weight", true, true),
            ("lm_head.bias", false, false),
            ("wav2vec2.encoder.layers.3.layer_norm.weight", false, false),
            ("wav2vec2.encoder.layers.3.final_layer_norm.weight", true, false),
            ("wav2vec2.masked_spec_embed", true, true),
            ("wav2vec2.encoder.pos_conv_embed.conv.parametrizations.weight.original0", true, false),
            ("wav2vec2.encoder.pos_conv_embed.conv.parametrizations.weight.original1", true, true),
        ];
        for (name, reference, sound) in cases {
            assert_eq!(decays(name, Behaviour::Reference), reference, "{name}");
            assert_eq!(decays(name, Behaviour::Sound), sound, "{name}");
        }
        for leaf in ["A_log", "D", "dt_bias", "norm.weight"] {
            let name = format!("{layer}attention.fw_mamba.{leaf}");
            assert!(decays(&name, Behaviour::Reference) && !decays(&name, Behaviour::Sound), "{name}");
        }
        let in_proj = format!("{layer}attention.fw_mamba.in_proj.weight");
        assert!(decays(&in_proj, Behaviour::Sound));
    }

    /// Every parameter of every kind of model: tests/parity/make_rules.py.
    #[test]
    fn the_reference_decays_exactly_these() {
        let table = crate::checkout().join("tests/parity/decay.tsv");
        let table = std::fs::read_to_string(table).expect("the golden is committed");
        let mut names = 0;
        for line in table.lines().filter(|line| !line.starts_with('#') && !line.contains("TOTAL")) {
            let cells: Vec<&str> = line.split('\t').collect();
            assert_eq!(decays(cells[2], Behaviour::Reference), cells[4] == "1", "{line}");
            names += 1;
        }
        assert!(names > 400, "{names}");
    }

    fn plan() -> crate::plan::TrainPlan {
        crate::plan::TrainPlan {
            max_steps: 100,
            accumulation_steps: 1,
            schedule: Schedule {
                max_lr: 1e-3,
                min_lr: 0.0,
                final_lr: 1e-5,
                warmup_steps: 10,
                warmup_stairs: 1,
                plateau_steps: 5,
                decay_steps: 60,
                decay: Decay::Exp,
                reset_period: 0,
                reset_times: 1,
            },
            weight_decay: 0.05,
            weight_decay_groups: Behaviour::Reference,
            adam_eps: 1e-8,
            adam_betas: [0.9, 0.999],
            max_grad_norm: 0.6,
            objective: Objective {
                padding_loss: Behaviour::Sound,
                first_sample: Behaviour::Sound,
                per_sample: true,
                ctc_weight: 1.0,
                classifier_weight: 1.0,
                classifier_norm: Behaviour::Reference,
                classifier_loss: crate::plan::ClassifierLoss::CrossEntropy,
            },
            nonfinite: OnNonfinite::Skip,
            nonfinite_patience: 10,
            freeze_prefix: None,
            freeze_steps: 0,
            reinit_prefix: None,
            recompute: Recompute::None,
        }
    }

    /// The gradient of update `step` (from 0) before its division by 3.
    fn gradient(name: &str, len: usize, step: usize) -> Vec<f32> {
        (0..len).map(|i| (((step + 1) * (i + 3) + name.len()) % 7) as f32 / 4.0 - 0.75).collect()
    }

    /// tests/parity/make_losses.py: torch's AdamW in single precision, with the schedule, clipping and two groups.
    #[test]
    fn a_hundred_updates_of_two_groups_are_torchs() {
        let (frozen, unreached) = ("wav2vec2.feature_extractor.w", "wav2vec2.masked_spec_embed");
        let mut want: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for line in golden("adamw.tsv").lines().skip(1) {
            let fields: Vec<&str> = line.split('\t').collect();
            want.entry(fields[0].to_owned()).or_default().push(fields[2].parse().unwrap());
        }
        let sizes = want.iter().map(|(name, values)| (name.as_str(), values.len()));
        let declarations: Vec<Declaration> = sizes
            .chain([(frozen, 3), (unreached, 3)])
            .map(|(name, len)| Declaration {
                name: name.into(),
                shape: [len].into(),
                init: Init::Constant(0.0),
            })
            .collect();
        let device = Cpu::default();
        let mut params = Params::draw(&device, &declarations, 0).unwrap();
        for param in params.iter_mut() {
            let start: Vec<f32> = (0..param.array().len()).map(|i| (0.5 - 0.3 * i as f64) as f32).collect();
            param.array_mut().copy_from(&start).unwrap();
        }
        params.set_trainable(|name| name != frozen);
        let mut whole = crate::plan::under_ci("tedlium_direct", &[]);
        whole.train = plan();
        let mut optimizer = Optimizer::<Cpu>::new();
        for step in 0..100 {
            let reached = params.iter().filter(|param| param.name() != unreached);
            let seeds = reached
                .map(|param| {
                    (param.array().clone(), gradient(param.name(), param.array().len(), step as usize))
                })
                .collect();
            let mut grads = Tape::recording().backward(&device, seeds).unwrap();
            let rates = Rates { plan: &whole, step, falls: 0, lowered: 1.0 };
            let norm = grad_norm(&params, &grads, 3.0).unwrap();
            assert!(optimizer.step(&mut params, &mut grads, [norm, 3.0], &rates).unwrap());
        }
        let mut worst = 0.0f64;
        for param in params.iter() {
            let values = param.array().to_vec();
            let Some(want) = want.get(param.name()) else {
                assert_eq!(values, [0.5, 0.2, -0.1], "{} must not be touched", param.name());
                continue;
            };
            for (got, want) in values.iter().zip(want) {
                worst = worst.max((f64::from(*got) - want).abs() / want.abs());
            }
        }
        println!("largest relative difference {worst:e}");
        assert!(worst <= 1e-6, "{worst:e}");
    }
}
