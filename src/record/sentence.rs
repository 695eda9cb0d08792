//! Events as sentences: the same words in the log and on the terminal.

use super::event::{
    CheckpointKind, EvalDone, Event, Resumed, RunFinished, RunStarted, RunState, SoundsMade, Values,
};
use super::units;

/// What to say about an event. `None` for updates and what is measured at them: there are too many of them to talk about each.
pub(super) fn sentence(event: &Event) -> Option<String> {
    Some(match event {
        Event::RunStarted(started) => start(started),
        Event::Resumed(resumed) => resume(resumed),
        Event::StepDone(_) | Event::WeightsMeasured(_) => return None,
        Event::TeacherSwitched { step, snapshot_step } => {
            format!(
                "step {}: the teacher's step {} teaches",
                units::count(*step),
                units::count(*snapshot_step)
            )
        }
        Event::EvalStarted { step, split } => format!("step {}: judging on {split}", units::count(*step)),
        Event::EvalDone(done) => judged(done),
        Event::SoundsStarted { step, clips } => {
            format!("step {}: making {}", units::count(*step), clips_of(*clips))
        }
        Event::SoundsMade(made) => heard(made),
        Event::CheckpointSaved(saved) => {
            let best = if saved.kind == CheckpointKind::Best { ", the best so far" } else { "" };
            let (bytes, secs) = (units::bytes(saved.bytes), units::duration(saved.save_secs));
            format!("saved {} ({bytes} in {secs}{best})", saved.path)
        }
        Event::Note { text } => text.clone(),
        Event::Warning { text } => format!("warning: {text}"),
        Event::RunFinished(finished) => finish(finished),
    })
}

fn start(started: &RunStarted) -> String {
    let RunStarted { name, id, role, max_steps, params, trainable_params, .. } = started;
    let frozen = params.saturating_sub(*trainable_params);
    let frozen = if frozen > 0 { format!(" ({} frozen)", units::count(frozen)) } else { String::new() };
    format!(
        "{name}-{id}: {role}, {} parameters{frozen}, {} updates",
        units::count(*params),
        units::count(*max_steps)
    )
}

fn resume(resumed: &Resumed) -> String {
    let saved =
        resumed.age_secs.map(|secs| format!("saved {} ago, ", units::duration(secs))).unwrap_or_default();
    let (step, max_steps) = (units::count(resumed.step), units::count(resumed.max_steps));
    format!("resuming step {step}/{max_steps} from {} ({saved}{})", resumed.from, resumed.why)
}

fn judged(done: &EvalDone) -> String {
    let who = done.subject.as_ref().map(|subject| format!("the {subject}'s ")).unwrap_or_default();
    let (step, secs) = (units::count(done.step), units::duration(done.eval_secs));
    format!("step {step}: {who}{} {} ({secs})", done.split, list(&done.metrics))
}

fn heard(made: &SoundsMade) -> String {
    let samples = made.clips.iter().map(Vec::len).max().unwrap_or(0);
    format!(
        "step {}: {} of {} in `sounds/` ({})",
        units::count(made.step),
        clips_of(made.clips.len()),
        units::duration(samples as f64 / f64::from(made.rate_hz)),
        units::duration(made.make_secs)
    )
}

fn clips_of(count: usize) -> String {
    format!("{} {}", units::count(count as u64), if count == 1 { "clip" } else { "clips" })
}

/// `cer 1.20 %, loss 0.3456, wer 5.60 %`.
fn list(metrics: &Values) -> String {
    let said: Vec<String> =
        metrics.iter().map(|(name, value)| format!("{name} {}", units::metric(name, *value))).collect();
    said.join(", ")
}

fn finish(finished: &RunFinished) -> String {
    let RunFinished { state, step, metrics, cause, wall_secs, secs_per_step, peak_bytes } = finished;
    let cause = cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
    let mut said = format!("{} at step {}{cause}", state.name(), units::count(*step));
    if *state == RunState::Finished && !metrics.is_empty() {
        said.push_str(&format!(": {}", list(metrics)));
    }
    if *wall_secs > 0.0 {
        said.push_str(&format!("; {} in all", units::duration(*wall_secs)));
    }
    if *secs_per_step > 0.0 {
        said.push_str(&format!(", {secs_per_step:.3} s a step"));
    }
    if let Some(peak) = peak_bytes {
        said.push_str(&format!(", peak memory {}", units::bytes(*peak)));
    }
    said
}
