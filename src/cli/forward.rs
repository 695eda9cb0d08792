//! `runner forward`: one input, every named activation. The tool for comparing with another implementation.

use std::collections::BTreeMap;
use std::path::Path;

use kernels::{Array, Backend, OpError, Shape, Tape};
use serde_json::json;

use super::Talk;
use super::arguments::ForwardArguments;
use super::failure::{self, Failure};
use super::order::orders;
use crate::audio;
use crate::data::Spoken;
use crate::model::tacomamba::Texts;
use crate::model::weights::Tensors;
use crate::model::{Activations, Diffwave, Input, Model, Network, Sashimi, Tacomamba, weights};
use crate::nn::Pass;
use crate::plan::{Body, Plan};
use crate::task::levels;
use crate::train::{Wanted, on_device};

/// A name, and what goes into the file under it.
type Named = (String, Shape, Vec<f32>);

/// Runs the experiment's model on the input, at rest, and writes its activations.
pub fn forward(arguments: &ForwardArguments, talk: Talk) -> Result<u8, Failure> {
    let plan = orders(&arguments.request)?.asked.plan;
    kernels::threads::start(plan.run.threads);
    let tensors = on_device!(Wanted::of(&plan), |device| activations(device, &plan, &arguments.input))?;
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

/// What the plan's model makes of the file at `path`.
fn activations<D: Backend>(device: &D, plan: &Plan, path: &Path) -> Result<Vec<Named>, Failure> {
    let model = Model::build(device, &plan.model, plan.run.seed)?;
    match &model.network {
        Network::Recogniser(network) => {
            waveforms(device, &model, path, plan.data.sample_rate_hz, |pass, input| {
                network.forward(pass, input)
            })
        }
        Network::Patches(network) => {
            waveforms(device, &model, path, plan.data.sample_rate_hz, |pass, input| {
                network.forward(pass, input)
            })
        }
        Network::Sashimi(network) => codes(&model, network, path, plan),
        Network::Diffwave(network) => noisy(device, &model, network, path),
        Network::Tacomamba(network) => told(&model, network, path),
        Network::Prefix(_) => {
            let message = "a model that says itself when a sentence ends has no activations of a text alone";
            Err(Failure::new(failure::REQUEST, message).help("choose another `design`"))
        }
        Network::CodecLm(_) => {
            let message = "a model of codes has no activations of a text alone";
            Err(Failure::new(failure::REQUEST, message).help("`runner generate --text` has it speak"))
        }
    }
}

fn entry<D: Backend>(name: impl Into<String>, array: &Array<D>) -> Result<Named, OpError> {
    Ok((name.into(), array.shape(), array.download()?))
}

/// Sound to scores, with everything in between.
fn waveforms<D: Backend>(
    device: &D,
    model: &Model<D>,
    path: &Path,
    rate_hz: u32,
    run: impl Fn(&mut Pass<'_, D>, &Input<D>) -> Result<Activations<D>, OpError>,
) -> Result<Vec<Named>, Failure> {
    let input = read_waveforms(device, path, rate_hz, model.plan.normalises())?;
    let mut tape = Tape::silent();
    let mut pass = Pass::at_rest(&model.params, &mut tape);
    Ok(named(&run(&mut pass, &input)?)?)
}

/// The text of a file to a vector, a mean frame and ln of a duration for each symbol.
fn told<D: Backend>(model: &Model<D>, network: &Tacomamba, path: &Path) -> Result<Vec<Named>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let code = if path.exists() { failure::FAILED } else { failure::MISSING };
        Failure::new(code, format!("cannot read `{}`: {error}", path.display()))
            .help("`--input` is a file with the text that the model is to speak")
    })?;
    let symbols = Spoken::of(network.plan()).symbols(text.trim());
    let speakers = network.plan().speakers.map(|_| 0);
    let texts = Texts::new(&[&symbols], speakers.into_iter().collect());
    let mut tape = Tape::silent();
    let mut pass = Pass::at_rest(&model.params, &mut tape);
    let h = network.encode(&mut pass, &texts)?;
    let means = network.means(&mut pass, &h)?;
    let durations = network.log_durations(&mut pass, &h, &texts)?;
    Ok(vec![entry("encoder", &h)?, entry("mean", &means)?, entry("log_durations", &durations)?])
}

/// Levels of samples to scores of the next ones.
fn codes<D: Backend>(
    model: &Model<D>,
    network: &Sashimi,
    path: &Path,
    plan: &Plan,
) -> Result<Vec<Named>, Failure> {
    let Body::Sashimi(sashimi) = &model.plan.body else { return Err(failed_family()) };
    let (rows, codes) = if is_tensors(path) {
        let mut tensors = weights::read_tensors(path)?;
        let (rows, _, values) = rows_of(&mut tensors, "codes", path)?;
        (rows, values.iter().map(|&code| code as u32).collect())
    } else {
        let waveform = read_sound(path, plan.data.sample_rate_hz)?;
        let mut codes = levels(sashimi).encode(&waveform);
        codes.truncate(codes.len() / sashimi.tiers.hop_samples() * sashimi.tiers.hop_samples());
        (1, codes)
    };
    let mut tape = Tape::silent();
    let mut pass = Pass::at_rest(&model.params, &mut tape);
    let logits = network.forward(&mut pass, &codes, [rows, codes.len() / rows])?;
    Ok(vec![entry("logits", &logits)?])
}

/// Noisy sound to its noise.
fn noisy<D: Backend>(
    device: &D,
    model: &Model<D>,
    network: &Diffwave,
    path: &Path,
) -> Result<Vec<Named>, Failure> {
    if !is_tensors(path) {
        let message = format!("`{}` is no safetensors file", path.display());
        return Err(Failure::new(failure::REQUEST, message)
            .help("give one with `audio` [B, L] and the diffusion steps, `steps` [B]"));
    }
    let mut tensors = weights::read_tensors(path)?;
    let (rows, len, audio) = rows_of(&mut tensors, "audio", path)?;
    let steps: Vec<f32> = match tensors.remove("steps") {
        Some((_, steps)) if steps.len() == rows => steps,
        _ => return Err(wrong(path, "`steps` must hold one diffusion step per row")),
    };
    let audio = Array::from_vec(device, audio, [rows, len])?;
    let mut tape = Tape::silent();
    let mut pass = Pass::at_rest(&model.params, &mut tape);
    let noise = network.forward(&mut pass, &audio, &steps)?;
    Ok(vec![entry("noise", &noise)?])
}

fn failed_family() -> Failure {
    Failure::new(failure::INTERNAL, "a network of another family than the plan's")
}

fn named<D: Backend>(out: &Activations<D>) -> Result<Vec<Named>, OpError> {
    let states = out.hidden_states.iter().enumerate();
    let states = states.map(|(index, state)| (format!("hidden_states.{index}"), state));
    let pooled = out.pooled.iter().map(|pooled| ("pooled".to_owned(), pooled));
    let logits = out.logits.iter().map(|logits| ("logits".to_owned(), logits));
    let classes = out.class_logits.iter().enumerate();
    let classes = classes.map(|(head, logits)| (format!("class_logits.{head}"), logits));
    let all = std::iter::once(("extract_features".to_owned(), &out.extract_features));
    let all = all.chain(states).chain(pooled).chain(logits).chain(classes);
    let mut tensors = all.map(|(name, array)| entry(name, array)).collect::<Result<Vec<_>, _>>()?;
    let frames: Vec<f32> = out.frames.iter().map(|&frames| frames as f32).collect();
    tensors.push(("frames".into(), [frames.len()].into(), frames));
    Ok(tensors)
}

fn is_tensors(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "safetensors")
}

fn wrong(path: &Path, words: &str) -> Failure {
    Failure::new(failure::FAILED, format!("`{}`: {words}", path.display()))
}

/// The tensor `name` with the axes [B, L]: both extents and the values.
fn rows_of(tensors: &mut Tensors, name: &str, path: &Path) -> Result<(usize, usize, Vec<f32>), Failure> {
    let (dims, values) =
        tensors.remove(name).ok_or_else(|| wrong(path, &format!("there is no tensor `{name}`")))?;
    match dims[..] {
        [rows, length] => Ok((rows, length, values)),
        _ => Err(wrong(path, &format!("`{name}` must have the axes [B, L]"))),
    }
}

fn read_sound(path: &Path, rate_hz: u32) -> Result<Vec<f32>, Failure> {
    audio::read(path, rate_hz).map_err(|error| {
        let code = if path.exists() { failure::FAILED } else { failure::MISSING };
        Failure::new(code, error.to_string())
    })
}

fn read_waveforms<D: Backend>(
    device: &D,
    path: &Path,
    rate_hz: u32,
    normalises: bool,
) -> Result<Input<D>, Failure> {
    let (rows, length, values, samples) = if is_tensors(path) {
        let mut tensors = weights::read_tensors(path)?;
        let (rows, length, values) = rows_of(&mut tensors, "input_values", path)?;
        let samples = match tensors.remove("lengths") {
            Some((_, lengths)) => lengths.iter().map(|&length| length as usize).collect(),
            None => vec![length; rows],
        };
        if samples.len() != rows || samples.iter().any(|&valid| valid > length) {
            return Err(wrong(path, "`lengths` must hold one length of at most L per row"));
        }
        (rows, length, values, samples)
    } else {
        let mut waveform = read_sound(path, rate_hz)?;
        if normalises {
            audio::normalise(&mut waveform);
        }
        (1, waveform.len(), waveform.clone(), vec![waveform.len()])
    };
    let waveforms = Array::from_vec(device, values, [rows, length, 1])?;
    Ok(Input::of(waveforms, samples))
}
