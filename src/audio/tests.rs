//! Decoding against libsndfile's numbers (`testdata/make.py`), resampling against formulas, hostile files.

use std::f64::consts::TAU;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use super::*;

fn fixture(name: &str) -> PathBuf {
    crate::checkout().join("src/audio/testdata").join(name)
}

fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).expect("the fixture is committed")
}

fn message(bytes: &[u8]) -> String {
    decode_bytes("x", bytes.to_vec()).expect_err("these bytes are no sound").to_string()
}

fn wav(spec: hound::WavSpec, write: impl FnOnce(&mut hound::WavWriter<&mut Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut cursor = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut cursor, spec).expect("memory takes any wav");
    write(&mut writer);
    writer.finalize().expect("memory takes any wav");
    cursor.into_inner()
}

fn int_wav(bits: u16, channels: u16, samples: &[i32]) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels,
        sample_rate: 16_000,
        bits_per_sample: bits,
        sample_format: hound::SampleFormat::Int,
    };
    wav(spec, |writer| {
        for &sample in samples {
            writer.write_sample(sample).expect("in range");
        }
    })
}

fn float_wav(samples: &[f32]) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    wav(spec, |writer| {
        for &sample in samples {
            writer.write_sample(sample).expect("in range");
        }
    })
}

/// `sox -n -t wav - synth …` and its like: the length field is a placeholder.
fn streamed(mut wav: Vec<u8>, placeholder: u32) -> Vec<u8> {
    wav[40..44].copy_from_slice(&placeholder.to_le_bytes());
    wav
}

#[test]
fn integer_samples_are_divided_by_two_to_the_bits_less_one() {
    for (bits, samples) in [
        (8, [-128, -1, 0, 127]),
        (16, [-32768, -1, 1, 32767]),
        (24, [-8_388_608, -1, 1, 8_388_607]),
        (32, [i32::MIN, -256, 256, 1 << 30]),
    ] {
        let sound = decode_bytes("x", int_wav(bits, 1, &samples)).unwrap();
        let expected = samples.map(|i| (f64::from(i) / 2f64.powi(i32::from(bits) - 1)) as f32);
        assert_eq!(sound.samples, expected, "{bits} bits");
        assert_eq!(sound.rate_hz, 16_000);
    }
}

#[test]
fn channels_are_averaged() {
    let sound = decode_bytes("x", int_wav(16, 2, &[16384, 0, -32768, 32767])).unwrap();
    assert_eq!(sound.samples, [0.25, -1.0 / 65536.0]);
}

/// Rate, channels, length, five samples and the sum of magnitudes, as `testdata/make.py` prints them.
#[test]
fn fixtures_decode_as_libsndfile_reads_them() {
    type Case = (&'static str, u32, u16, usize, [f64; 5], f64);
    let cases: [Case; 6] = [
        (
            "mono16.flac",
            16000,
            1,
            1000,
            [0.0, 0.0587768555, 0.499603271, 0.353546143, -0.496520996],
            318.016296,
        ),
        (
            "stereo24.flac",
            44100,
            2,
            700,
            [0.210367739, 0.229617119, -0.322291017, 0.0098580122, -0.407788694],
            134.062268,
        ),
        (
            "mono.ogg",
            16000,
            1,
            12345,
            [-0.00550096435, 0.0527503788, 0.413471192, -0.493288875, 0.153054073],
            3919.738927,
        ),
        (
            "stereo.ogg",
            44100,
            2,
            3000,
            [0.221261665, 0.240177557, -0.47184366, 0.442605972, 0.309807241],
            603.962590,
        ),
        (
            "short.ogg",
            16000,
            1,
            100,
            [0.000981503399, 0.0589689054, -0.345547557, -0.197274551, -0.395614982],
            33.012845,
        ),
        (
            "float.wav",
            22050,
            2,
            200,
            [0.210367739, 0.247865573, -0.250193387, 0.433962524, -0.0953043699],
            35.842835,
        ),
    ];
    for (name, rate_hz, channels, count, picks, magnitude) in cases {
        let facts = facts(&fixture(name)).unwrap();
        let samples = count as u64;
        let format = match name.rsplit_once('.') {
            Some((_, "wav")) => Format::Wav,
            Some((_, "flac")) => Format::Flac,
            _ => Format::Ogg,
        };
        assert_eq!(facts, Facts { rate_hz, channels, samples, format }, "{name}");
        let sound = decode(&fixture(name)).unwrap();
        assert_eq!((sound.rate_hz, sound.samples.len()), (rate_hz, count), "{name}");
        let at = [0, 1, count / 3, count / 2, count - 1];
        for (index, expected) in at.into_iter().zip(picks) {
            let found = f64::from(sound.samples[index]);
            assert!((found - expected).abs() < 2e-7, "{name}[{index}]: {found} for {expected}");
        }
        let sum: f64 = sound.samples.iter().map(|&x| f64::from(x).abs()).sum();
        assert!((sum - magnitude).abs() < 1e-4, "{name}: {sum} for {magnitude}");
    }
}

#[test]
fn a_wav_from_a_pipe_is_read_to_its_end() {
    let samples = [1, -2, 3];
    for placeholder in [0x7fff_ffff, 0xffff_ffff, 0x7fff_f000] {
        let bytes = streamed(int_wav(16, 1, &samples), placeholder);
        let sound = decode_bytes("x", bytes.clone()).unwrap();
        assert_eq!(sound.samples, samples.map(|i| i as f32 / 32768.0));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("piped.wav");
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(facts(&path).unwrap().samples, 3);
    }
}

#[test]
fn resampled_length_is_rounded_up() {
    for (count, from_hz, to_hz, expected) in [
        (48_000, 48_000, 16_000, 16_000),
        (48_001, 48_000, 16_000, 16_001),
        (1, 44_100, 16_000, 1),
        (441, 44_100, 16_000, 160),
        (7, 8_000, 16_000, 14),
        (100, 16_000, 16_000, 100),
        (12_345, 22_051, 16_000, 8_958),
    ] {
        let out = resample(vec![0.25; count], from_hz, to_hz).unwrap();
        assert_eq!(out.len(), expected, "{count} samples, {from_hz} to {to_hz}");
    }
}

#[test]
fn tones_keep_their_phase_and_aliases_are_removed() {
    for (from_hz, to_hz, tone_hz, passes) in [
        (48_000, 16_000, 1_000.0, true),
        (44_100, 16_000, 7_700.0, true),
        (11_025, 16_000, 3_000.0, true),
        (8_000, 16_000, 3_700.0, true),
        (44_100, 16_000, 8_100.0, false),
        (48_000, 16_000, 10_000.0, false),
    ] {
        let tone = |i: usize, rate: u32| 0.5 * (TAU * tone_hz * i as f64 / f64::from(rate)).sin();
        let input = (0..from_hz as usize).map(|i| tone(i, from_hz) as f32).collect();
        let output = resample(input, from_hz, to_hz).unwrap();
        let worst = (3_000..13_000)
            .map(|i| f64::from(output[i]) - if passes { tone(i, to_hz) } else { 0.0 })
            .fold(0.0, |worst: f64, error| worst.max(error.abs()));
        assert!(worst < 2e-6, "{tone_hz} Hz, {from_hz} to {to_hz}: off by {worst:e}");
    }
}

#[test]
fn reading_resamples_to_the_wanted_rate() {
    let samples = read(&fixture("stereo24.flac"), 16_000).unwrap();
    assert_eq!(samples.len(), 254);
    let samples = read_bytes("member", bytes_of("mono.ogg"), 16_000).unwrap();
    assert_eq!(samples.len(), 12_345);
}

#[test]
fn written_clips_read_back_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clip.wav");
    let samples: Vec<f32> = (-32768..32768).step_by(37).map(|i| i as f32 / 32768.0).collect();
    let written = write_wav(&path, &samples, 16_000).unwrap();
    assert_eq!(written, Written { samples: samples.len() as u64, clipped: 0 });
    assert_eq!(read(&path, 16_000).unwrap(), samples);

    let written = write_wav(&path, &[1.5, -1.5, 0.0], 16_000).unwrap();
    assert_eq!(written.clipped, 2);
    assert_eq!(read(&path, 16_000).unwrap(), [32767.0 / 32768.0, -1.0, 0.0]);
}

/// `transformers.Wav2Vec2FeatureExtractor(do_normalize=True)(np.array([0.5, -0.25, 0.125, 0.0], "float32"))`
#[test]
fn normalised_as_the_feature_extractor_does() {
    let mut samples = [0.5, -0.25, 0.125, 0.0];
    normalise(&mut samples);
    for (found, expected) in samples.into_iter().zip([1.5011096, -1.2701697, 0.11546997, -0.34640992]) {
        assert!((f64::from(found) - expected).abs() < 2e-6, "{found} for {expected}");
    }
    let mut one = [0.25];
    normalise(&mut one);
    assert_eq!(one, [0.0]);
    let mut silence = [0.0; 5];
    normalise(&mut silence);
    assert_eq!(silence, [0.0; 5]);
    normalise(&mut []);
}

#[test]
fn a_missing_file_is_named() {
    let error = read(Path::new("no/such.wav"), 16_000).unwrap_err();
    assert_eq!(error.to_string(), "cannot use audio `no/such.wav`: there is no such file");
    assert!(facts(Path::new("no/such.wav")).unwrap_err().to_string().contains("no such file"));
}

#[test]
fn what_we_do_not_read_is_recognised() {
    let mp3 = b"ID3\x04\x00\x00\x00\x00\x00\x00 and so on";
    assert_eq!(
        message(mp3),
        "cannot use audio `x`: it is not wav, flac, ogg or sph (it looks like mp3, or a file with an ID3 tag)"
    );
    let error = decode_bytes("x", mp3.to_vec()).unwrap_err();
    assert!(error.help().unwrap().contains("sox"));
    assert_eq!(message(b"hello"), "cannot use audio `x`: it is not wav, flac, ogg or sph");
    assert_eq!(message(b""), "cannot use audio `x`: it holds no samples");
    assert_eq!(
        message(&bytes_of("three.ogg")),
        "cannot use audio `x`: vorbis with 3 channels is not supported"
    );
}

#[test]
fn empty_sounds_are_refused() {
    assert_eq!(message(&int_wav(16, 1, &[])), "cannot use audio `x`: it holds no samples");
    // STREAMINFO alone: the metadata of a real file, marked as its last block, with a length of zero.
    let mut flac = bytes_of("mono16.flac");
    flac.truncate(42);
    flac[4] |= 0x80;
    flac[22..26].fill(0);
    flac[21] &= 0xf0;
    assert_eq!(message(&flac), "cannot use audio `x`: it holds no samples");
}

#[test]
fn non_finite_samples_are_refused() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let text = message(&float_wav(&[0.0, 0.5, bad, 0.1]));
        assert_eq!(text, "cannot use audio `x`: sample 2 is not a finite number");
    }
}

#[test]
fn impossible_rates_are_refused() {
    let mut bytes = int_wav(16, 1, &[1, 2, 3]);
    bytes[24..28].copy_from_slice(&900_000_000u32.to_le_bytes());
    bytes[28..32].copy_from_slice(&1_800_000_000u32.to_le_bytes());
    assert_eq!(
        message(&bytes),
        "cannot use audio `x`: a sample rate of 900000000 Hz is outside 1000 to 768000 Hz"
    );
    assert!(resample(vec![0.0], 16_000, 0).is_err());
}

#[test]
fn truncated_wav_says_what_was_promised() {
    let whole = int_wav(16, 1, &[5; 100]);
    assert_eq!(
        message(&whole[..whole.len() - 51]),
        "cannot use audio `x`: it is truncated: its header promises 200 bytes of samples, the file holds 149"
    );
    assert_eq!(message(&whole[..30]), "cannot use audio `x`: it is truncated: it ends inside its header");
}

#[test]
fn every_truncation_of_every_format_is_an_error() {
    for name in ["mono16.flac", "stereo24.flac", "short.ogg", "stereo.ogg", "float.wav"] {
        let whole = bytes_of(name);
        let step = (whole.len() / 150).max(1);
        for length in (0..whole.len()).step_by(step).chain([whole.len() - 1]) {
            let result = decode_bytes(name, whole[..length].to_vec());
            assert!(result.is_err(), "{name} cut to {length} of {} bytes was read", whole.len());
        }
    }
}

#[test]
fn no_single_damaged_byte_panics_or_changes_the_length() {
    for name in ["mono16.flac", "short.ogg", "float.wav"] {
        let whole = bytes_of(name);
        let count = decode_bytes(name, whole.clone()).unwrap().samples.len();
        for at in (0..whole.len()).step_by(7) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x5a;
            // A damaged length field may still describe a whole file; only the data decides then.
            if let Ok(sound) = decode_bytes(name, bytes) {
                assert!(sound.samples.len() <= 2 * count, "{name} with byte {at} damaged");
            }
        }
    }
}

#[test]
fn a_flac_clip_reads_back_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.flac");
    // Lengths around the encoder's block, and shorter than any predictor.
    for count in [1, 2, 15, 16, 33, 4_095, 4_096, 4_097, 16_000] {
        let noise = (0..count).map(|i: u32| i.wrapping_mul(2_654_435_761) as i32 as f32 / 2f32.powi(31));
        let tone = (0..count).map(|i| (0.9 * (TAU * 440.0 * f64::from(i) / 16_000.0).sin()) as f32);
        for samples in
            [noise.collect(), tone.collect(), vec![0.25; count as usize], vec![-1.0; count as usize]]
        {
            let pcm = Pcm16::of(&samples);
            pcm.write_flac(&path, 16_000).unwrap();
            let expected: Vec<f32> = pcm.samples().iter().map(|&x| f32::from(x) / 32_768.0).collect();
            assert_eq!(read(&path, 16_000).unwrap(), expected, "{count} samples");
            assert_eq!(facts(&path).unwrap().samples, u64::from(count));
        }
    }
    assert_eq!(Pcm16::of(&[1.0, -1.5, -1.0, 0.5]).clipped(), 2);
}

/// A flac file of blocks of 65,535 equal samples, of which each takes thirteen bytes.
fn flac_of_silence(blocks: u8) -> Vec<u8> {
    let crc = |bytes: &[u8], width: u32, polynomial: u32| {
        let (top, mask) = (1 << (width - 1), u32::MAX >> (32 - width));
        bytes.iter().fold(0_u32, |sum, &byte| {
            (0..8).fold(sum ^ u32::from(byte) << (width - 8), |sum, _| {
                (if sum & top == 0 { sum << 1 } else { sum << 1 ^ polynomial }) & mask
            })
        })
    };
    let samples = u64::from(blocks) * 65_535;
    let mut bytes = b"fLaC\x80\0\0\x22\xff\xff\xff\xff\0\0\0\0\0\0".to_vec();
    bytes.extend((16_000_u64 << 44 | 15 << 36 | samples).to_be_bytes());
    bytes.extend([0; 16]);
    for block in 0..blocks {
        let mut frame = vec![0xff, 0xf8, 0x70, 0x08];
        // The frame's number as UTF-8 would write it.
        frame.extend(char::from(block).to_string().bytes());
        frame.extend([0xff, 0xfe]);
        frame.push(crc(&frame, 8, 0x07) as u8);
        frame.extend([0, 0, 7]);
        frame.extend((crc(&frame, 16, 0x8005) as u16).to_be_bytes());
        bytes.extend(frame);
    }
    bytes
}

#[test]
fn a_file_that_unpacks_to_hours_of_nothing_is_refused() {
    let whole = flac_of_silence(40);
    assert_eq!(decode_bytes("x", whole).unwrap().samples.len(), 40 * 65_535);
    let bomb = flac_of_silence(250);
    let most = (1 << 22) + 1000 * bomb.len();
    assert_eq!(
        message(&bomb),
        format!(
            "cannot use audio `x`: it is damaged: its {} bytes unpack to more than {most} samples",
            bomb.len()
        )
    );
}

#[test]
fn a_wav_of_chunks_without_samples_is_refused() {
    let bytes = [b"RIFF\0\0\0\0WAVE".to_vec(), b"junk\0\0\0\0".repeat(100_000)].concat();
    assert_eq!(message(&bytes), "cannot use audio `x`: it is damaged: its first 4096 chunks hold no samples");
}
