//! `runner data codes`: files of codes cut, repeated, joined and mixed.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::Talk;
use super::arguments::{CodesVerb, OneUtterance};
use super::coding;
use super::failure::Failure;
use crate::codec::Backend;
use crate::codec::artifact::Artifact;
use crate::codec::editing::{self, Edit};
use crate::record::folder::write_whole;
use crate::record::units;

/// Does what the verb asks, and writes the file.
pub fn edit_codes(verb: &CodesVerb, talk: Talk) -> Result<u8, Failure> {
    match verb {
        CodesVerb::Trim { one, seconds, random } => {
            let edit = match random {
                Some(seed) => Edit::TrimRandom(*seconds, *seed),
                None => Edit::Trim(*seconds),
            };
            edited(one, edit, talk)
        }
        CodesVerb::Repeat { one, seconds } => edited(one, Edit::Repeat(*seconds), talk),
        CodesVerb::Pad { one, seconds } => edited(one, Edit::Pad(*seconds), talk),
        CodesVerb::Silence { to, seconds, audio_backend } => {
            written(&editing::silent(Backend::from(*audio_backend).kind(), *seconds)?, to, talk)
        }
        CodesVerb::Concat { files, to, between } => {
            let between = between.as_deref().map(Artifact::read).transpose()?;
            written(&editing::concatenated(&all(files)?, between.as_ref())?, to, talk)
        }
        CodesVerb::Mix { files, to, scale, codec, bandwidth } => {
            let utterances = all(files)?;
            let codec = coding::open(codec.backend().encoder(), codec.weights.as_deref(), *bandwidth)?;
            written(&editing::mixed(codec.as_ref(), &utterances, *scale)?, to, talk)
        }
    }
}

fn edited(one: &OneUtterance, edit: Edit, talk: Talk) -> Result<u8, Failure> {
    written(&editing::edited(&Artifact::read(&one.file)?, edit)?, &one.to, talk)
}

fn all(files: &[PathBuf]) -> Result<Vec<Artifact>, Failure> {
    Ok(files.iter().map(|file| Artifact::read(file)).collect::<Result<_, _>>()?)
}

/// Writes the file and says what is in it.
fn written(made: &Artifact, to: &Path, talk: Talk) -> Result<u8, Failure> {
    write_whole(to, &made.bytes_for(to)?)?;
    let (frames, levels, secs) = (made.codes.frames(), made.codes.levels(), made.secs());
    if talk.json {
        talk.data(&json!({"to": to, "frames": frames, "levels": levels, "secs": secs}));
    }
    talk.say(format_args!(
        "`{}` has {frames} frames of {levels} levels, {}",
        to.display(),
        units::duration(secs)
    ));
    Ok(0)
}
