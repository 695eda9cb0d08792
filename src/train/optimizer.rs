//! AdamW over all trainable parameters, with the papers' two groups.

use std::collections::BTreeMap;

use kernels::adamw::AdamW;
use kernels::{Array, Backend, Grads, OpError};

use crate::nn::Params;
use crate::plan::{Behaviour, TrainPlan};

/// Fixed by the papers.
const BETAS: (f64, f64) = (0.9, 0.999);

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

/// What an update did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stepped {
    /// Global norm of the gradients before clipping.
    pub grad_norm: f64,
    /// False where the gradients were not finite and nothing was changed.
    pub taken: bool,
}

impl<D: Backend> Optimizer<D> {
    /// An optimiser that has seen nothing.
    pub fn new() -> Self {
        Optimizer { moments: BTreeMap::new() }
    }

    /// Divides the gradients by `divisor`, clips their global norm and takes one step at `lr`.
    ///
    /// Parameters that backward did not reach, and frozen ones, are not touched: no decay either. Where the norm is not
    /// finite, nothing is.
    ///
    /// # Errors
    /// The device failed.
    pub fn step(
        &mut self,
        params: &mut Params<D>,
        grads: &mut Grads<D>,
        divisor: f64,
        lr: f64,
        plan: &TrainPlan,
    ) -> Result<Stepped, OpError> {
        let mut squares = 0.0;
        for param in params.iter().filter(|param| param.trainable()) {
            if grads.reached(param.array()) {
                squares += D::sum_squares(grads.buffer(param.array())?)?;
            }
        }
        let grad_norm = squares.sqrt() / divisor;
        if !grad_norm.is_finite() {
            return Ok(Stepped { grad_norm, taken: false });
        }
        // PyTorch's clip_grad_norm_: the 1e-6 keeps the quotient finite.
        let clip = (plan.max_grad_norm / (grad_norm + 1e-6)).min(1.0);
        for param in params.iter_mut().filter(|param| param.trainable()) {
            if !grads.reached(param.array()) {
                continue;
            }
            let decays = decays(param.name(), plan.weight_decay_groups);
            let moments = self.moments_of(param.name(), param.array())?;
            moments.steps += 1;
            let settings = AdamW {
                lr,
                beta1: BETAS.0,
                beta2: BETAS.1,
                eps: plan.adam_eps,
                weight_decay: if decays { plan.weight_decay } else { 0.0 },
                step: moments.steps,
                grad_scale: clip / divisor,
            };
            let gradient = grads.buffer(param.array())?;
            D::adamw_step(param.array_mut(), gradient, &mut moments.first, &mut moments.second, settings)?;
        }
        Ok(Stepped { grad_norm, taken: true })
    }

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

/// Whether weight decay acts on a parameter.
///
/// `reference`: not on biases, nor in a module called `layer_norm`. `sound`: nor on the gain of any norm, on a mixer's `A_log`, `D` and
/// `dt_bias` (as Mamba's authors ask), or on the positional convolution's weight-norm gain.
pub fn decays(name: &str, groups: Behaviour) -> bool {
    let mut parts = name.rsplit('.');
    let (last, module) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let by_reference = last != "bias" && module != "layer_norm";
    let also_spared = ["A_log", "D", "dt_bias", "original0"].contains(&last)
        || ["final_layer_norm", "norm"].contains(&module);
    match groups {
        Behaviour::Reference => by_reference,
        Behaviour::Sound => by_reference && !also_spared,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
