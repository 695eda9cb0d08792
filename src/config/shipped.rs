//! The experiments that come with the program, so that a template needs no checkout.

use std::io;
use std::path::Path;

use super::files::{self, Files};
use super::schema::Schema;

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// Every shipped file by its path under `experiments/`.
        pub(super) const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../experiments/", $name)))),*];
    };
}

shipped!(
    "base/cald.toml",
    "base/classifier.toml",
    "base/guided.toml",
    "base/profiles.toml",
    "base/sashimi.toml",
    "base/slurp.toml",
    "base/slurp_student.toml",
    "base/students.toml",
    "base/tedlium.toml",
    "base/tedlium_student.toml",
    "base/voxceleb.toml",
    "base/voxceleb_student.toml",
    "base/wav2vec2_base.toml",
    "base/wav2vec2_large.toml",
    "diffwave_sashimi_sc09.toml",
    "sashimi_beethoven.toml",
    "sashimi_sc09.toml",
    "sashimi_sc09_original.toml",
    "sashimi_youtubemix.toml",
    "slurp_direct.toml",
    "slurp_hybrid.toml",
    "slurp_target.toml",
    "slurp_unguided.toml",
    "slurp_waypoint.toml",
    "speech_commands_classifier.toml",
    "tedlium_direct.toml",
    "tedlium_hybrid.toml",
    "tedlium_target.toml",
    "tedlium_unguided.toml",
    "tedlium_waypoint.toml",
    "voxceleb_direct.toml",
    "voxceleb_hybrid.toml",
    "voxceleb_target.toml",
    "voxceleb_unguided.toml",
    "voxceleb_waypoint.toml",
);

/// Names of the shipped experiments, without `.toml`.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().filter_map(|(name, _)| name.strip_suffix(".toml")).filter(|name| !name.contains('/'))
}

/// A shipped file and all that it extends, by its path under `experiments/`.
pub(super) fn read(path: &Path) -> Files {
    files::read_with(path, Schema::get(), &|path| {
        let found = FILES.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
    })
}
