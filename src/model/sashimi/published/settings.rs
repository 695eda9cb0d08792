//! What a checkpoint says about its model in words: simple-sashimi's `cfg_yaml`, Lightning's `hyper_parameters`.
//!
//! Shapes are the truth about sizes; settings are held to them, and bring what no shape shows: the length that C̃ stands for, dropout, what
//! trained, the quantiser. Not for: settings of training.

use serde_json::{Map, Value as Json};

use super::Refusal;
use super::kernel::StepOf;
use super::sizes::Sizes;
use crate::model::yaml;
use crate::plan::{Quantizer, StateMatrix};

/// The settings of a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// The model's own section.
    model: Map<String, Json>,
    pub quantizer: Option<Quantizer>,
    /// The function behind dt, where the file says it.
    pub softplus: Option<bool>,
}

impl Settings {
    /// Finds the settings among what stands beside a model.
    ///
    /// # Errors
    /// `cfg_yaml` is no text of OmegaConf's, or the settings are of a kind of kernel that ours is not.
    pub fn find(beside: &Map<String, Json>) -> Result<Self, Refusal> {
        if let Some(text) = beside.get("cfg_yaml").and_then(Json::as_str) {
            let whole =
                yaml::parse(text).map_err(|why| Refusal::Unknown(format!("of its `cfg_yaml`, {why}")))?;
            return Ok(Settings { model: section(&whole, "model_cfg"), ..Settings::default() });
        }
        let Some(whole) = beside.get("hyper_parameters").and_then(Json::as_object) else {
            return Ok(Settings::default());
        };
        let (mut model, dataset) = (section(whole, "model"), section(whole, "dataset"));
        let layer = section(&model, "layer");
        if let Some(length) = layer.get("l_max").filter(|length| length.is_u64()) {
            model.entry("l_max").or_insert(length.clone());
        }
        let said = |key: &str| layer.get(key).and_then(Json::as_str);
        if let Some(other) = said("real_type").or(said("real_transform")).filter(|kind| *kind != "exp") {
            return Err(Refusal::Needs(vec![format!(
                "real parts of poles as `{other}` of a parameter, not its exponential"
            )]));
        }
        Ok(Settings {
            quantizer: match dataset.get("quantization").and_then(Json::as_str) {
                Some("mu-law") => Some(Quantizer::MuLawMinMax),
                Some("linear") => Some(Quantizer::LinearMinMax),
                _ => None,
            },
            softplus: said("dt_transform").map(|transform| transform == "softplus"),
            model,
        })
    }

    /// The function behind dt: the exponential, as in all that the authors published, unless the settings say the other.
    pub fn step_of(&self) -> StepOf {
        if self.softplus == Some(true) { StepOf::Softplus } else { StepOf::Exp }
    }

    /// The length that kernels were built for, in samples.
    pub fn l_max(&self) -> Option<usize> {
        self.number("l_max")
    }

    /// The chance of dropping a channel; 0 where nothing is said.
    pub fn dropout(&self) -> f32 {
        self.model.get("dropout").and_then(Json::as_f64).unwrap_or_default() as f32
    }

    /// What did not train, of `dt`, `A`, `P` and `B`.
    pub fn frozen(&self) -> Vec<StateMatrix> {
        let trainable = self.model.get("trainable");
        let off = |key: &str| trainable.is_some_and(|trainable| trainable[key] == Json::Bool(false));
        let names = ["dt", "A", "P", "B"].into_iter().zip(StateMatrix::ALL);
        names.filter(|(key, _)| off(key)).map(|(_, matrix)| matrix).collect()
    }

    /// Where settings and shapes are of different models.
    pub fn conflicts(&self, sizes: &Sizes, levels: Option<usize>) -> Vec<String> {
        let mut told: Vec<(&str, Json)> = vec![
            ("d_model", sizes.width.into()),
            ("n_layers", sizes.blocks.into()),
            ("pool", sizes.pool.clone().into()),
            ("expand", sizes.expand.into()),
            ("ff", sizes.feed_forward.into()),
            ("glu", sizes.traits.glu.into()),
            ("unet", sizes.unet.into()),
        ];
        if let Some(levels) = levels {
            // DiffWave is bidirectional whatever this says.
            told.push(("bidirectional", sizes.traits.bidirectional.into()));
            told.push(("mu_levels", levels.into()));
        }
        told.into_iter()
            .filter_map(|(key, shapes)| {
                let said = self.model.get(key).filter(|said| **said != shapes)?;
                Some(format!("its settings say `{key} = {said}`, its shapes {shapes}"))
            })
            .collect()
    }

    fn number(&self, key: &str) -> Option<usize> {
        self.model.get(key).and_then(Json::as_u64).and_then(|number| usize::try_from(number).ok())
    }
}

fn section(whole: &Map<String, Json>, key: &str) -> Map<String, Json> {
    whole.get(key).and_then(Json::as_object).cloned().unwrap_or_default()
}
