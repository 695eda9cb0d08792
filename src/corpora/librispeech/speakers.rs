//! The same recordings for those who ask who speaks: speakers of what trains are classes, the others are voices that nobody has heard.

use std::collections::BTreeMap;

use crate::corpora::MetaFormat;
use crate::corpora::drawn;
use crate::corpora::prepare::{Head, Layout, List};

/// Parts, in the order of the lists; in the last are speakers that are no classes.
const PARTS: [&str; 4] = ["train", "dev", "test", "unheard"];

/// Of so many recordings of a speaker, one is in dev and one in test.
const ONE_OF: usize = 10;

/// Lists by speaker in place of those by portion.
pub(super) fn tell_apart(layout: &mut Layout) {
    let trains: Vec<bool> = layout.parts.iter().map(|part| part.starts_with("train")).collect();
    let mut heard: BTreeMap<(u64, String), Vec<String>> = BTreeMap::new();
    for clip in layout.units.iter_mut().flat_map(|unit| &mut unit.clips) {
        let speaker = clip.name.split('_').next().unwrap_or_default().to_owned();
        clip.labels = vec![speaker.clone()];
        if trains[clip.part] {
            let number = speaker.parse().unwrap_or(u64::MAX);
            heard.entry((number, speaker)).or_default().push(clip.name.clone());
        }
    }
    let mut held_out = BTreeMap::new();
    for names in heard.values_mut() {
        names.sort_by_key(|name| drawn::number(name));
        let count = match names.len() {
            0..3 => 0,
            all => (all / ONE_OF).max(1),
        };
        let parts = std::iter::repeat_n(1, count).chain(std::iter::repeat_n(2, count));
        held_out.extend(names.iter().cloned().zip(parts));
    }
    for clip in layout.units.iter_mut().flat_map(|unit| &mut unit.clips) {
        clip.part = match trains[clip.part] {
            true => held_out.get(&clip.name).copied().unwrap_or(0),
            false => PARTS.len() - 1,
        };
    }
    let list = |name: &str, parts: Vec<usize>| List {
        file: format!("meta.{name}.txt"),
        format: MetaFormat::NltLa,
        parts,
        raw: false,
        language: "en",
    };
    layout.lists = (0..PARTS.len() - 1).map(|part| list(PARTS[part], vec![part])).collect();
    layout.lists.push(list("voices", vec![2, 3]));
    layout.parts = PARTS.to_vec();
    layout.heads =
        vec![Head { name: "speaker".to_owned(), classes: heard.into_keys().map(|(_, name)| name).collect() }];
    layout.claims.nearest = None;
    layout.claims.caveat = Some("which recordings of a speaker are held out is drawn here".to_owned());
}
