//! The same clips as the tables `path,label` that SaShiMi's programs train on.

use std::io;

use super::PARTS;
use crate::corpora::prepare::{PrepareError, Sound, Unit};

/// What those programs call the parts.
const NAMES: [&str; PARTS.len()] = ["train", "valid", "test"];

/// `splits/{train,valid,test}.csv`, for SC09 `splits/sc09-….csv`: the recordings where they lie in the source, by path. Whether a
/// recording can be decoded is not known yet; those that cannot are in the tables and not in the lists.
pub(super) fn tables(units: &[Unit], digits: bool) -> Result<Vec<(String, String)>, PrepareError> {
    let prefix = if digits { "sc09-" } else { "" };
    let named = (0..).zip(NAMES).map(|(part, name)| (part, format!("splits/{prefix}{name}.csv")));
    named
        .map(|(part, file)| match table(units, part) {
            Ok(text) => Ok((file, text)),
            Err(source) => Err(PrepareError::Io { doing: "write", path: file.into(), source }),
        })
        .collect()
}

fn table(units: &[Unit], part: usize) -> io::Result<String> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(["path", "label"])?;
    for unit in units {
        for clip in unit.clips.iter().filter(|clip| clip.part == part) {
            if let Sound::File(path) = &unit.sound {
                table.write_record([path.to_string_lossy().as_ref(), &clip.text])?;
            }
        }
    }
    let bytes = table.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
