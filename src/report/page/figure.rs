//! Pictures that somebody else made, such as those in results/tables/.

use std::io;
use std::path::Path;

use super::html::{Tag, tag};
use super::media::data_url;

/// A picture with its caption.
#[derive(Debug, Clone)]
pub struct Figure {
    caption: String,
    /// Its `data:` address.
    source: String,
}

impl Figure {
    /// Reads an SVG or PNG file. Its caption is its name, where none is given.
    ///
    /// # Errors
    /// The file cannot be read, or is neither.
    pub fn read(path: &Path, caption: Option<&str>) -> io::Result<Self> {
        let bytes = std::fs::read(path)?;
        let kind = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            "image/png"
        } else if is_svg(&bytes) {
            "image/svg+xml"
        } else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is neither SVG nor PNG"));
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy().replace('_', " ");
        Ok(Figure { caption: caption.map_or(name, str::to_owned), source: data_url(kind, &bytes) })
    }

    pub(super) fn tag(&self) -> Tag {
        let picture = tag("img").attr("src", &self.source).attr("alt", &self.caption);
        tag("figure").class("figure").child(picture).child(tag("figcaption").text(&self.caption))
    }
}

/// Whether the element `svg` begins near the beginning, behind declarations and comments.
fn is_svg(bytes: &[u8]) -> bool {
    const NEAR: usize = 4096;
    String::from_utf8_lossy(&bytes[..bytes.len().min(NEAR)]).contains("<svg")
}
