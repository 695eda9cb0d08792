//! `runner forward`: one input, every named activation. The tool for comparing with another implementation.

use std::collections::BTreeMap;

use kernels::{Array, Cpu, Shape, Tape};
use serde_json::json;

use super::Talk;
use super::arguments::ForwardArguments;
use super::failure::{self, Failure};
use super::order::orders;
use crate::audio;
use crate::model::{Activations, Input, Model, weights};
use crate::nn::Pass;

/// Runs the experiment's model on the input, at rest, and writes its activations.
pub fn forward(arguments: &ForwardArguments, talk: Talk) -> Result<u8, Failure> {
    let plan = orders(&arguments.request)?.asked.plan;
    kernels::threads::start(plan.run.threads);
    let device = Cpu::default();
    let model = Model::build(&device, &plan.model, plan.run.seed)?;
    let input = read_input(&device, arguments, plan.data.sample_rate_hz)?;
    let mut tape = Tape::silent();
    let mut pass = Pass::at_rest(&model.params, &mut tape);
    let failed = |error: kernels::OpError| Failure::new(failure::FAILED, error.to_string());
    let out = model.network.forward(&mut pass, &input).map_err(failed)?;
    let tensors = named(&out);
    let notes = BTreeMap::from([("runner".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]);
    let write = || {
        let mut file = std::fs::File::create(&arguments.dump)?;
        weights::write_tensors(&tensors, notes, &mut file)
    };
    write().map_err(|error| {
        Failure::new(failure::IO, format!("cannot write `{}`: {error}", arguments.dump.display()))
    })?;
    let shapes: BTreeMap<&str, String> =
        tensors.iter().map(|(name, shape, _)| (name.as_str(), shape.to_string())).collect();
    if talk.json {
        talk.data(&json!({"dump": arguments.dump, "tensors": shapes}));
    }
    for (name, shape) in shapes {
        talk.say(format_args!("{name} {shape}"));
    }
    Ok(0)
}

fn named(out: &Activations<Cpu>) -> Vec<(String, Shape, Vec<f32>)> {
    let entry = |name: String, array: &Array<Cpu>| (name, array.shape(), array.to_vec());
    let mut tensors = vec![entry("extract_features".into(), &out.extract_features)];
    for (index, state) in out.hidden_states.iter().enumerate() {
        tensors.push(entry(format!("hidden_states.{index}"), state));
    }
    tensors.push(entry("logits".into(), &out.logits));
    for (head, logits) in out.class_logits.iter().enumerate() {
        tensors.push(entry(format!("class_logits.{head}"), logits));
    }
    let frames: Vec<f32> = out.frames.iter().map(|&frames| frames as f32).collect();
    tensors.push(("frames".into(), [frames.len()].into(), frames));
    tensors
}

fn read_input(device: &Cpu, arguments: &ForwardArguments, rate_hz: u32) -> Result<Input<Cpu>, Failure> {
    let path = &arguments.input;
    let is_tensors = path.extension().is_some_and(|extension| extension == "safetensors");
    let (rows, length, values, samples) = if is_tensors {
        let mut tensors = weights::read_tensors(path)?;
        let wrong = |words: &str| Failure::new(failure::FAILED, format!("`{}`: {words}", path.display()));
        let (dims, values) =
            tensors.remove("input_values").ok_or_else(|| wrong("there is no tensor `input_values`"))?;
        let &[rows, length] = &dims[..] else {
            return Err(wrong("`input_values` must have the axes [B, L]"));
        };
        let samples = match tensors.remove("lengths") {
            Some((_, lengths)) => lengths.iter().map(|&length| length as usize).collect(),
            None => vec![length; rows],
        };
        if samples.len() != rows || samples.iter().any(|&valid| valid > length) {
            return Err(wrong("`lengths` must hold one length of at most L per row"));
        }
        (rows, length, values, samples)
    } else {
        let mut waveform = audio::read(path, rate_hz).map_err(|error| {
            let code = if path.exists() { failure::FAILED } else { failure::MISSING };
            Failure::new(code, error.to_string())
        })?;
        audio::normalise(&mut waveform);
        (1, waveform.len(), waveform.clone(), vec![waveform.len()])
    };
    let waveforms = Array::from_vec(device, values, [rows, length, 1])
        .map_err(|error| Failure::new(failure::FAILED, error.to_string()))?;
    Ok(Input { waveforms, samples })
}
