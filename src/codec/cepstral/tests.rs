use std::path::Path;

use super::statistics::{MEANS, SPREADS};
use super::*;
use crate::audio;

/// Sounds of the bundled corpus: every `every`-th that a list names.
fn recordings(list: &str, every: usize) -> Vec<Vec<f32>> {
    let corpus = Path::new("corpora/smoke");
    let list = std::fs::read_to_string(corpus.join(list)).unwrap();
    let names = list.lines().filter_map(|line| line.split('|').next());
    let find = |name: &str| {
        let folder = corpus.join(name.split('_').next().unwrap());
        ["flac", "wav", "ogg"]
            .map(|ending| folder.join(format!("{name}.{ending}")))
            .into_iter()
            .find(|path| path.is_file())
    };
    let read = |name: &str| audio::read(&find(name)?, 16_000).ok();
    names.step_by(every).filter_map(read).collect()
}

/// The constants are those of the bundled corpus; where they are not, the right ones are told.
#[test]
fn the_statistics_are_the_bundled_corpus() {
    let codec = Cepstral::new().unwrap();
    let mut sums = vec![[0.0f64; 2]; COEFFICIENTS];
    let mut frames = 0.0;
    for samples in recordings("meta.train.txt", 4) {
        for cepstra in codec.cepstra(&samples).chunks_exact(COEFFICIENTS) {
            frames += 1.0;
            for (sums, value) in sums.iter_mut().zip(cepstra) {
                sums[0] += f64::from(*value);
                sums[1] += f64::from(*value).powi(2);
            }
        }
    }
    assert!(frames > 10_000.0, "{frames} frames");
    let found: Vec<[f32; 2]> = sums
        .iter()
        .map(|[sum, squares]| {
            let mean = sum / frames;
            [mean as f32, (squares / frames - mean * mean).sqrt() as f32]
        })
        .collect();
    let near = |at: usize| {
        let [mean, spread] = found[at];
        (mean - MEANS[at]).abs() < 0.05 * spread && (spread / SPREADS[at] - 1.0).abs() < 0.05
    };
    assert!((0..COEFFICIENTS).all(near), "{found:.3?}");
}

/// The envelope that is heard is the recording's: 5.5 dB away in the mean where there is sound, which is what harmonics add to it, and the further the
/// fewer levels are heard (7.7 dB by four, 11.8 dB by one; torchaudio's transforms say the same of these codes).
#[test]
fn what_is_decoded_has_the_envelope_of_the_recording() {
    let codec = Cepstral::new().unwrap();
    let sounds = recordings("meta.dev.txt", 6);
    assert!(sounds.len() > 3);
    let error = |levels: usize| {
        let (mut sum, mut count) = (0.0, 0.0);
        for samples in &sounds {
            let codes = codec.codes(samples);
            let frames = codes.frames();
            let fewer = Codes::new(levels, frames, codes.values()[..levels * frames].to_vec());
            let heard = codec.mel.run(&codec.sound(&fewer));
            let mut padded = samples.clone();
            padded.resize((frames - 1) * 256, 0.0);
            let recorded = codec.mel.run(&padded);
            assert_eq!(heard.len(), recorded.len());
            let loudest = recorded.iter().copied().fold(f32::MIN, f32::max);
            // Down to 50 dB below the loudest.
            for (heard, recorded) in heard.iter().zip(&recorded).filter(|(_, r)| **r > loudest - 5.76) {
                sum += f64::from((heard - recorded).abs());
                count += 1.0;
            }
        }
        sum / count * 20.0 / std::f64::consts::LN_10
    };
    let errors = [8, 4, 1].map(error);
    assert!(errors[0] < 6.0 && errors[1] < 8.5 && errors.is_sorted(), "{errors:.3?} dB");
}

#[test]
fn lengths_are_whole_frames() {
    let codec = Cepstral::new().unwrap();
    for samples in [0, 1, 255, 256, 257, 4_000] {
        let codes = codec.codes(&vec![0.1; samples]);
        let (frames, hop) = (Cepstral::frames(samples.max(1)), Kind::Cepstral.hop_samples());
        assert_eq!((codes.levels(), codes.frames()), (LEVELS, frames), "{samples} samples");
        let sound = codec.sound(&codes);
        assert!(
            sound.len() == (frames - 1) * hop
                && sound.len() >= samples
                && sound.iter().all(|x| x.is_finite())
        );
    }
    assert_eq!(
        (LEVELS, CODEBOOK_SIZE),
        (Kind::Cepstral.most_levels(), usize::from(Kind::Cepstral.largest_code()) + 1)
    );
}

/// What any codec refuses; and less bandwidth is fewer levels of the same codes.
#[test]
fn it_is_a_codec_among_others() {
    let codec = Cepstral::new().unwrap();
    assert!(matches!(codec.encode(&[]), Err(CodecError::Empty)));
    assert!(codec.decode(&Codes::new(1, 2, vec![0, 1_000])).is_err());
    assert!(codec.decode(&Codes::new(9, 1, vec![0; 9])).is_err());
    let sound: Vec<f32> = (0..5_000).map(|at| (at as f32 * 0.05).sin() * 0.3).collect();
    let three = codec.clone().with_bandwidth(Some(2.0)).unwrap();
    assert_eq!(three.levels(), 3);
    assert_eq!(three.encode(&sound).unwrap(), codec.encode(&sound).unwrap().coarsest(3));
    assert!(matches!(codec.with_bandwidth(Some(0.5)), Err(CodecError::Bandwidth { .. })));
    assert!(matches!(
        crate::codec::open(crate::codec::Backend::Cepstral, Some("x"), crate::codec::Depth::Usual),
        Err(CodecError::Weightless)
    ));
}
