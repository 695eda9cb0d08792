//! What models of sound made at their evaluations, newest first.

use super::html::{Tag, tag};
use super::media::Clip;
use super::{Page, Section, mark};
use crate::audio;
use crate::record::sounds::Sound;

pub(super) fn section(page: &Page, names: &[String]) -> Option<Section> {
    let runs: Vec<Tag> = (0..page.records.len()).filter_map(|run| of_run(page, run, names)).collect();
    (!runs.is_empty()).then(|| Section::new("sounds", "What it sounded like").children(runs))
}

fn of_run(page: &Page, run: usize, names: &[String]) -> Option<Tag> {
    let sounds = &page.records[run].sounds;
    let newest = sounds.iter().map(|sound| sound.step).max()?;
    // The newest evaluation first, its clips in their order.
    let mut chosen: Vec<&Sound> = sounds.iter().collect();
    chosen.sort_by_key(|sound| (std::cmp::Reverse(sound.step), sound.number));
    let heard: Vec<Tag> = chosen.into_iter().take(page.sounds).filter_map(heard).collect();
    let said = format!("{} of {} sounds, made after update {newest} and before.", heard.len(), sounds.len());
    let title = tag("h3").child(mark(run, names.len())).text(&names[run]);
    let part = tag("div").children((names.len() > 1).then_some(title));
    Some(part.child(tag("p").class("hint").text(said)).child(tag("div").class("sounds").children(heard)))
}

/// A sound that cannot be read is left out: the count above says so.
fn heard(sound: &Sound) -> Option<Tag> {
    let rate_hz = audio::facts(&sound.path).ok()?.rate_hz;
    let samples = audio::read(&sound.path, rate_hz).ok()?;
    let name = format!("update {}, clip {}", sound.step, sound.number);
    Some(
        tag("div")
            .class("sound")
            .child(tag("span").class("name").text(name))
            .child(Clip::of(samples, rate_hz).tag()),
    )
}
