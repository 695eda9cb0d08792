//! The codecs whose codes there are files of.

/// A codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// EnCodec at 24 kHz, whose codes Vocos decodes, too.
    Encodec,
    /// The Descript Audio Codec, at 44.1 kHz if nothing else is said.
    Dac,
    /// NeMo's audio codec with finite scalar quantisation at 44.1 kHz.
    Nemo,
    /// Cepstra of 16 kHz, each rounded: ours, which has no weights.
    Cepstral,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Encodec, Kind::Dac, Kind::Nemo, Kind::Cepstral];

    /// Its name, as options and files have it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Encodec => "encodec",
            Kind::Dac => "dac",
            Kind::Nemo => "nemo",
            Kind::Cepstral => "cepstral",
        }
    }

    /// Its name in sentences.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Encodec => "EnCodec",
            Kind::Dac => "DAC",
            Kind::Nemo => "NeMo's codec",
            Kind::Cepstral => "the cepstral codec",
        }
    }

    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Kind::Encodec => "enc",
            Kind::Dac => "dac",
            Kind::Nemo => "nem",
            // There is no published container.
            Kind::Cepstral => super::SAFE,
        }
    }

    /// Samples per second that it works at.
    pub fn rate_hz(self) -> u32 {
        match self {
            Kind::Encodec => 24_000,
            Kind::Dac | Kind::Nemo => 44_100,
            Kind::Cepstral => 16_000,
        }
    }

    /// Samples of a frame.
    pub fn hop_samples(self) -> usize {
        match self {
            Kind::Encodec => 320,
            Kind::Dac | Kind::Nemo => 512,
            Kind::Cepstral => 256,
        }
    }

    /// Frames of a second of sound.
    pub fn frames_per_sec(self) -> f64 {
        f64::from(self.rate_hz()) / self.hop_samples() as f64
    }

    /// Levels that it has at most.
    pub fn most_levels(self) -> usize {
        match self {
            // The published DAC of 24 kHz has as many; that of 44.1 kHz has 9, that of 16 kHz 12.
            Kind::Encodec | Kind::Dac => 32,
            Kind::Nemo | Kind::Cepstral => 8,
        }
    }

    /// The largest code of a level.
    pub fn largest_code(self) -> u16 {
        match self {
            Kind::Encodec | Kind::Dac => 1023,
            Kind::Nemo | Kind::Cepstral => 999,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.name())
    }
}
