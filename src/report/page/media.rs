//! Sounds and pictures as part of the page itself: `data:` addresses.

use super::html::{Tag, tag};
use crate::audio::{Spectrogram, wav_bytes};
use crate::record::picture;

/// Seconds of a sound that are kept at most.
const MOST_SECS: f64 = 10.0;

/// A sound to be heard on the page, and seen as a spectrogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// The beginning of the sound.
    samples: Vec<f32>,
    rate_hz: u32,
    /// Of the whole sound.
    secs: f64,
}

impl Clip {
    /// Mono samples at `rate_hz`; of longer sounds than 10 s the beginning is kept.
    #[must_use]
    pub fn of(mut samples: Vec<f32>, rate_hz: u32) -> Self {
        let secs = samples.len() as f64 / f64::from(rate_hz.max(1));
        samples.truncate((MOST_SECS * f64::from(rate_hz)) as usize);
        Clip { samples, rate_hz, secs }
    }

    pub(super) fn tag(&self) -> Tag {
        let said = if self.secs > MOST_SECS {
            format!("the first {MOST_SECS} s of {:.1} s", self.secs)
        } else {
            format!("{:.1} s", self.secs)
        };
        let picture = picture::png(&Spectrogram::of(&self.samples)).ok().map(|bytes| {
            tag("img")
                .attr("src", data_url("image/png", &bytes))
                .attr("alt", format!("spectrogram, 0 to {} kHz upwards", f64::from(self.rate_hz) / 2000.0))
        });
        let sound = data_url("audio/wav", &wav_bytes(&self.samples, self.rate_hz));
        tag("div")
            .class("clip")
            .child(tag("audio").flag("controls", true).attr("preload", "none").attr("src", sound))
            .child(tag("span").class("secs").text(said))
            .children(picture)
    }
}

pub(super) fn data_url(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", base64(bytes))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let is_there = digit <= three.len();
            let value = bits >> (18 - 6 * digit) & 63;
            text.push(if is_there { char::from(DIGITS[value as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vectors of RFC 4648, section 10.
    #[test]
    fn base64_is_that_of_the_standard() {
        let said = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(said, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn long_sounds_are_cut_and_say_so() {
        let clip = Clip::of(vec![0.1; 8_000 * 14], 8_000);
        assert_eq!(clip.samples.len(), 80_000);
        assert!(clip.tag().into_string().contains("the first 10 s of 14.0 s"));
        assert!(Clip::of(vec![0.1; 4_000], 8_000).tag().into_string().contains(">0.5 s<"));
    }
}
