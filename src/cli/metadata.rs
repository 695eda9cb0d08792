//! `runner data metadata`: what is known of the utterances in a folder of codes, a JSON file for each speaker.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::Talk;
use super::arguments::MetadataArguments;
use super::failure::{self, Failure};
use super::prepare::counted;
use crate::codec::dataset::{speakers, told};
use crate::record::folder::write_whole;
use crate::record::{Count, units};

/// Writes the files of all speakers.
pub fn metadata(arguments: &MetadataArguments, talk: Talk) -> Result<u8, Failure> {
    let from = &arguments.from;
    let speakers = speakers(from).map_err(|error| Failure::unread(from.display(), &error))?;
    if speakers.is_empty() {
        let message = format!("there are no codes in `{}`", from.display());
        return Err(Failure::new(failure::MISSING, message).help(
            "files of codes lie in it as `GROUP/SPEAKER/NAME.enc`, or with `.dac`, `.nem` or `.safetensors`",
        ));
    }
    let (mut utterances, mut bad, mut secs) = (0_usize, 0_usize, 0.0);
    let mut tally = talk.tally(Count::files);
    tally.begin(speakers.iter().map(|speaker| speaker.files.len() as u64).sum(), 0);
    for speaker in &speakers {
        let folder = arguments.to.join(&speaker.group);
        failure::make_folder(&folder)?;
        let file = folder.join(format!("{}.json", speaker.name));
        let told = told(speaker, before(&file).as_ref());
        for error in &told.bad {
            talk.say(error);
        }
        utterances += told.utterances.len();
        bad += told.bad.len();
        secs += told.secs;
        if !told.utterances.is_empty() {
            write_whole(&file, format!("{:#}\n", Json::Object(told.utterances)).as_bytes())?;
        }
        tally.at((utterances + bad) as u64);
    }
    tally.finish();
    if talk.json {
        talk.data(&json!({"dir": arguments.to, "speakers": speakers.len(), "utterances": utterances, "bad": bad, "secs": secs}));
    }
    talk.say(format_args!(
        "`{}` tells of {} of {}, {}",
        arguments.to.display(),
        counted(utterances, "utterance", "utterances"),
        counted(speakers.len(), "speaker", "speakers"),
        units::duration(secs)
    ));
    if bad == 0 {
        return Ok(0);
    }
    talk.say(format_args!("left out: {}, which cannot be used", counted(bad, "file", "files")));
    Ok(failure::FAILED)
}

/// What the file told last; nothing where there is none, or one of somebody else's.
fn before(file: &Path) -> Option<Map<String, Json>> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}
