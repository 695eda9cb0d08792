//! The transcript of one window: the likeliest tokens, and where these cannot be it, drawn ones.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use rand::{Rng, RngExt};

use super::TranscribeError;
use super::network::{Decoder, State};
use super::rules::Rules;
use super::words::Words;
use crate::seed::{Purpose, stream};

/// How boldly tokens are drawn, one after the other, until a transcript is credible; at 0 the likeliest is taken.
pub const TEMPERATURES: [f32; 6] = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0];
/// Text that repeats itself can be packed more tightly than text does.
const MOST_COMPRESSION: f64 = 2.4;
/// The least mean logarithm of the tokens' probabilities.
const LEAST_LOGPROB: f32 = -1.0;
/// From this probability on nobody speaks, if the tokens are no likelier than they have to be.
const NO_SPEECH: f32 = 0.6;

/// What can be said about a window, and how well.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// Text and times, without the end.
    pub tokens: Vec<u32>,
    /// The mean logarithm of the tokens' probabilities, the end included.
    pub mean_logprob: f32,
    /// The probability that nobody speaks.
    pub no_speech: f32,
}

impl Decoded {
    /// Whether nobody speaks.
    pub fn is_silent(&self) -> bool {
        self.no_speech > NO_SPEECH && self.mean_logprob < LEAST_LOGPROB
    }
}

/// Who decodes windows.
#[derive(Debug, Clone, Copy)]
pub struct Decoding<'a> {
    pub decoder: &'a Decoder,
    pub words: &'a Words,
    pub rules: &'a Rules,
    pub temperatures: &'a [f32],
    /// Tokens at most, with those that ask.
    pub most_tokens: usize,
}

impl Decoding<'_> {
    /// The first transcript that is credible, or the last; `asked` are the tokens that ask for it, and `number` is the window's.
    ///
    /// # Errors
    /// The model failed, or `goes_on` says that it shall not.
    pub fn decode(
        &self,
        encoded: &candle_core::Tensor,
        asked: &[u32],
        number: u64,
        goes_on: &mut dyn FnMut() -> bool,
    ) -> Result<Decoded, TranscribeError> {
        let mut begun = self.decoder.begin(encoded)?;
        let scores = self.decoder.follow(asked, &mut begun)?;
        let (Some(first), Some(next)) = (scores.first(), scores.last()) else {
            return Ok(Decoded { tokens: Vec::new(), mean_logprob: 0.0, no_speech: 1.0 });
        };
        let no_speech = self.words.no_speech.map_or(0.0, |token| logprob(first, token).exp());
        let mut last = None;
        for (at, &temperature) in self.temperatures.iter().enumerate() {
            let draws = &mut stream(0, Purpose::Generation, number, at as u64);
            let said = Said { next: next.clone(), state: begun.clone(), asked: asked.len() };
            let (tokens, mean_logprob) = self.say(said, temperature, draws, goes_on)?;
            let decoded = Decoded { tokens, mean_logprob, no_speech };
            if decoded.is_silent() || self.is_credible(&decoded) {
                return Ok(decoded);
            }
            last = Some(decoded);
        }
        Ok(last.unwrap_or(Decoded { tokens: Vec::new(), mean_logprob: 0.0, no_speech }))
    }

    fn is_credible(&self, decoded: &Decoded) -> bool {
        decoded.mean_logprob >= LEAST_LOGPROB
            && compression(&self.words.text(&decoded.tokens)) <= MOST_COMPRESSION
    }

    /// Tokens until the end, and the mean logarithm of their probabilities.
    fn say(
        &self,
        mut so_far: Said,
        temperature: f32,
        draws: &mut impl Rng,
        goes_on: &mut dyn FnMut() -> bool,
    ) -> Result<(Vec<u32>, f32), TranscribeError> {
        let (mut tokens, mut sum, mut count) = (Vec::new(), 0.0, 0_usize);
        while so_far.asked + tokens.len() < self.most_tokens {
            if !goes_on() {
                return Err(TranscribeError::Stopped);
            }
            self.rules.apply(&tokens, &mut so_far.next);
            let token = choose(&so_far.next, temperature, draws);
            sum += logprob(&so_far.next, token);
            count += 1;
            if token == self.words.end {
                break;
            }
            tokens.push(token);
            if so_far.asked + tokens.len() < self.most_tokens {
                so_far.next = self.decoder.follow(&[token], &mut so_far.state)?.pop().unwrap_or_default();
            }
        }
        Ok((tokens, sum / count.max(1) as f32))
    }
}

/// How far a transcript is.
struct Said {
    /// Scores of the next token.
    next: Vec<f32>,
    state: State,
    /// Tokens that asked for it.
    asked: usize,
}

/// The likeliest token, the first of several; or one drawn with probabilities of `scores / temperature`.
fn choose(scores: &[f32], temperature: f32, draws: &mut impl Rng) -> u32 {
    let loudest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let best = || scores.iter().position(|score| *score == loudest).unwrap_or_default() as u32;
    if temperature == 0.0 {
        return best();
    }
    let weight = |score: &f32| f64::from(((score - loudest) / temperature).exp());
    let mut left = draws.random::<f64>() * scores.iter().map(weight).sum::<f64>();
    let drawn = scores.iter().position(|score| {
        left -= weight(score);
        left < 0.0
    });
    drawn.map_or_else(best, |drawn| drawn as u32)
}

/// The logarithm of the token's probability.
fn logprob(scores: &[f32], token: u32) -> f32 {
    let loudest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = scores.iter().map(|score| (score - loudest).exp()).sum();
    scores.get(token as usize).map_or(f32::NEG_INFINITY, |score| score - loudest - sum.ln())
}

/// How many times as long as packed a text is.
fn compression(text: &str) -> f64 {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
    // Memory takes all that is written to it.
    let packed = packer.write_all(text.as_bytes()).and_then(|()| packer.finish()).unwrap_or_default();
    text.len() as f64 / packed.len().max(1) as f64
}

/// The likeliest of some tokens behind the first one.
pub fn likeliest_of(
    decoder: &Decoder,
    encoded: &candle_core::Tensor,
    first: u32,
    tokens: impl Iterator<Item = u32>,
) -> Result<Option<u32>, TranscribeError> {
    let scores = decoder.follow(&[first], &mut decoder.begin(encoded)?)?.pop().unwrap_or_default();
    let score = |token: u32| scores.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
    Ok(tokens.max_by(|a, b| score(*a).total_cmp(&score(*b))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_repeats_itself_is_told_from_text() {
        let spoken =
            "A text such as people speak, which goes on for a while and does not say everything twice.";
        assert!(compression(spoken) < MOST_COMPRESSION);
        assert!(compression(&"and so on ".repeat(20)) > MOST_COMPRESSION);
        assert!(compression("") < 1.0);
    }

    #[test]
    fn what_is_drawn_has_its_probability() {
        let scores = [0.0, 2f32.ln(), f32::NEG_INFINITY, 5f32.ln()];
        let draws = &mut stream(0, Purpose::Generation, 1, 2);
        assert_eq!(choose(&scores, 0.0, draws), 3);
        let mut counts = [0; 4];
        (0..8_000).for_each(|_| counts[choose(&scores, 1.0, draws) as usize] += 1);
        for (count, want) in counts.into_iter().zip([1_000, 2_000, 0, 5_000_i32]) {
            assert!((count - want).abs() < 150, "{counts:?}");
        }
        assert!((logprob(&scores, 1) - 0.25f32.ln()).abs() < 1e-6);
    }
}
