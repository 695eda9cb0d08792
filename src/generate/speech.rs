//! Speech out of texts: durations, mel frames one after another, a waveform by Griffin and Lim.
//!
//! Sentences are decoded some at a time, so that weights are read once for all of them; what is made of one does not depend on the others.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kernels::{Array, Backend, Tape, threads};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use super::{GenerateError, Progress, prefix};
use crate::audio::synthesis::{GriffinLim, to_loudness};
use crate::model::tacomamba::{SpeechStep, Tacomamba, Texts};
use crate::model::{Model, Network};
use crate::nn::Pass;
use crate::seed::{Purpose, stream};
use crate::task::{Speaking, frames_of};

/// Sentences that are decoded together.
const TOGETHER: usize = 8;

/// What is to be said.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// As [`crate::text::spoken::sentence`] has them.
    pub symbols: Vec<u32>,
    /// Which voice, where the model has several.
    pub speaker: u32,
    /// Frames of each symbol, where they are told and not to be found.
    pub durations: Option<Vec<usize>>,
}

/// How much is said, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct SpeechRequest {
    pub lines: Vec<Line>,
    /// Names what is dropped of the frame before, with a line's number.
    pub seed: u64,
    /// Every duration is multiplied by it: above 1 is slower.
    pub length_scale: f32,
    pub griffin_lim: GriffinLim,
    /// Loudness of the waveforms, in decibels below full scale.
    pub rms_dbfs: f32,
}

/// Loudness of what is said, in decibels below full scale: that of broadcasting, as near as RMS says it.
pub const RMS_DBFS: f32 = -23.0;

impl SpeechRequest {
    /// These lines at the model's own pace.
    pub fn of(lines: Vec<Line>, seed: u64) -> Self {
        let griffin_lim = GriffinLim::default();
        SpeechRequest { lines, seed, length_scale: 1.0, griffin_lim, rms_dbfs: RMS_DBFS }
    }
}

/// What was said.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub waveform: Vec<f32>,
    /// Mel values [frames, bands] that it was made of.
    pub mel: Vec<f32>,
    /// Frames of each symbol; none where the model tells none.
    pub durations: Vec<usize>,
}

/// Sentences on their way.
struct Group {
    /// Their numbers, the longest first.
    lines: Vec<usize>,
    durations: Vec<Vec<usize>>,
    /// [lines, frames of the longest, width]
    conditions: Vec<f32>,
    /// Frames of each.
    frames: Vec<usize>,
    /// [frames, bands] of each, as far as they are made.
    made: Vec<Vec<f32>>,
}

/// Speaks every line. `watch` hears how many frames are made, from any thread, and may break off.
///
/// # Errors
/// The model does not speak, a symbol or a voice is unknown to it, the device failed, or the watcher broke off.
pub fn speak<D: Backend>(
    device: &D,
    model: &Model<D>,
    task: &Speaking,
    request: &SpeechRequest,
    watch: &(dyn Fn(Progress) -> ControlFlow<()> + Sync),
) -> Result<Vec<Said>, GenerateError> {
    let network = match &model.network {
        Network::Tacomamba(network) => network,
        Network::Prefix(network) => {
            let made = prefix::frames(model, network, request, watch)?;
            let said = made.into_iter().map(|frames| sounded(task, request, frames, Vec::new()));
            return Ok(said.collect());
        }
        _ => return Err(GenerateError::Mute(model.plan.family())),
    };
    let mut order: Vec<usize> = (0..request.lines.len()).collect();
    order.sort_by_key(|&line| std::cmp::Reverse(request.lines[line].symbols.len()));
    let mut groups = Vec::new();
    // As many groups as threads, where there are lines for them.
    let together = order.len().div_ceil(threads::count()).clamp(1, TOGETHER);
    for lines in order.chunks(together) {
        groups.push(told(model, network, request, lines)?);
    }
    decode(device, model, network, request, &mut groups, watch)?;
    let mut said: Vec<Option<Said>> = vec![None; request.lines.len()];
    for group in groups {
        for ((line, durations), made) in group.lines.into_iter().zip(group.durations).zip(group.made) {
            let made = refined(device, model, network, made)?;
            said[line] = Some(sounded(task, request, made, durations));
        }
    }
    Ok(said.into_iter().flatten().collect())
}

/// A sentence's sound of its frames as the network has them.
fn sounded(task: &Speaking, request: &SpeechRequest, frames: Vec<f32>, durations: Vec<usize>) -> Said {
    let mel = task.restored(&frames);
    let mut waveform = task.mel().waveform(&mel, &request.griffin_lim);
    to_loudness(&mut waveform, request.rms_dbfs);
    Said { waveform, mel, durations }
}

/// Encodes texts, and says how long each symbol lasts.
fn told<D: Backend>(
    model: &Model<D>,
    network: &Tacomamba,
    request: &SpeechRequest,
    lines: &[usize],
) -> Result<Group, GenerateError> {
    let symbols: Vec<&[u32]> = lines.iter().map(|&line| &request.lines[line].symbols[..]).collect();
    let speakers = lines.iter().map(|&line| request.lines[line].speaker);
    let speakers = if network.plan().speakers.is_some() { speakers.collect() } else { Vec::new() };
    let texts = Texts::new(&symbols, speakers);
    let mut tape = Tape::silent();
    let mut pass = Pass::at_rest(&model.params, &mut tape);
    let h = network.encode(&mut pass, &texts)?;
    let logs = network.log_durations(&mut pass, &h, &texts)?.download()?;
    let durations = |(row, &line): (usize, &usize)| match &request.lines[line].durations {
        Some(durations) => durations.clone(),
        None => logs[row * texts.padded..][..texts.lens[row]]
            .iter()
            .map(|told| frames_of(*told, request.length_scale))
            .collect(),
    };
    let durations: Vec<Vec<usize>> = lines.iter().enumerate().map(durations).collect();
    let conditions = network.conditions(&mut pass, &h, &durations)?.download()?;
    let of_one = conditions.len() / lines.len().max(1);
    let frames = |row: usize| durations[row].iter().sum::<usize>();
    // The longest first: those that are done go from behind.
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by_key(|&row| std::cmp::Reverse(frames(row)));
    Ok(Group {
        lines: order.iter().map(|&row| lines[row]).collect(),
        frames: order.iter().map(|&row| frames(row)).collect(),
        conditions: order.iter().flat_map(|&row| &conditions[row * of_one..][..of_one]).copied().collect(),
        made: vec![Vec::new(); lines.len()],
        durations: order.iter().map(|&row| durations[row].clone()).collect(),
    })
}

/// Makes the mel frames of all groups.
fn decode<D: Backend>(
    device: &D,
    model: &Model<D>,
    network: &Tacomamba,
    request: &SpeechRequest,
    groups: &mut [Group],
    watch: &(dyn Fn(Progress) -> ControlFlow<()> + Sync),
) -> Result<(), GenerateError> {
    let of = groups.iter().flat_map(|group| &group.frames).sum();
    let (done, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let tell = |more: usize| {
        let done = done.fetch_add(more, Ordering::Relaxed) + more;
        if watch(Progress::Making { done, of }).is_break() {
            stopped.store(true, Ordering::Relaxed);
        }
        !stopped.load(Ordering::Relaxed)
    };
    match network.plan().prenet {
        Some(_) => {
            let step = SpeechStep::of(network, &model.params)?;
            threads::for_each(groups.iter_mut().collect(), |group: &mut Group| {
                group.step(&step, request.seed, &tell);
            });
        }
        None => {
            for group in groups {
                group.at_once(device, model, network)?;
                tell(group.frames.iter().sum());
            }
        }
    }
    if stopped.load(Ordering::Relaxed) { Err(GenerateError::Stopped) } else { Ok(()) }
}

impl Group {
    /// Frame by frame, each hearing the one before; until `tell` has heard enough.
    fn step(&mut self, step: &SpeechStep, seed: u64, tell: &dyn Fn(usize) -> bool) {
        let longest = self.frames.first().copied().unwrap_or(0);
        let width = self.conditions.len() / (longest * self.lines.len()).max(1);
        let mut states = step.states(self.lines.len());
        let mut before = vec![0.0; self.lines.len() * step.bands()];
        let mut draws: Vec<Pcg64Mcg> =
            self.lines.iter().map(|&line| stream(seed, Purpose::Generation, line as u64, 0)).collect();
        for t in 0..longest {
            let going = self.frames.iter().take_while(|&&frames| t < frames).count();
            states.keep_first(going);
            before.truncate(going * step.bands());
            let row = |line: usize| &self.conditions[(line * longest + t) * width..][..width];
            let conditions: Vec<f32> = (0..going).flat_map(row).copied().collect();
            before = step.step(&conditions, &before, &mut states, &mut |line| draws[line].random::<f32>());
            for (made, frame) in self.made.iter_mut().zip(before.chunks_exact(step.bands())) {
                made.extend(frame);
            }
            if !tell(going) {
                return;
            }
        }
    }

    /// All frames together.
    fn at_once<D: Backend>(
        &mut self,
        device: &D,
        model: &Model<D>,
        network: &Tacomamba,
    ) -> Result<(), GenerateError> {
        let longest = self.frames.first().copied().unwrap_or(0);
        let shape = [self.lines.len(), longest, network.plan().width];
        let conditions = Array::from_vec(device, std::mem::take(&mut self.conditions), shape)?;
        let mut tape = Tape::silent();
        let frames =
            network.at_once(&mut Pass::at_rest(&model.params, &mut tape), &conditions)?.download()?;
        let bands = network.plan().mel.bands;
        for ((made, row), frames) in
            self.made.iter_mut().zip(frames.chunks(longest * bands)).zip(&self.frames)
        {
            *made = row[..frames * bands].to_vec();
        }
        Ok(())
    }
}

/// One sentence's frames behind the postnet.
fn refined<D: Backend>(
    device: &D,
    model: &Model<D>,
    network: &Tacomamba,
    made: Vec<f32>,
) -> Result<Vec<f32>, GenerateError> {
    let bands = network.plan().mel.bands;
    let frames = made.len() / bands;
    let made = Array::from_vec(device, made, [1, frames, bands])?;
    let mut tape = Tape::silent();
    Ok(network.refine(&mut Pass::at_rest(&model.params, &mut tape), &made, &[frames])?.download()?)
}
