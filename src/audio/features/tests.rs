use std::f64::consts::{PI, TAU};

use super::*;

/// The published bins, and their values in chosen frames of two signals: 16 kHz, 128 bands, 25 ms every 10 ms, the sound's mean removed.
const BINS: [usize; 12] = [0, 1, 2, 5, 10, 20, 30, 40, 60, 80, 100, 127];
#[rustfmt::skip]
const OF_TONES: [(usize, [f32; 12]); 2] = [
    (50, [-14.13042, -15.61508, -12.17168, -14.47749, -9.71184, -0.35961, -7.50091, -13.22269, -15.94238, -6.31146, -15.94238, -15.94238]),
    (97, [-12.05755, -14.23815, -10.79475, -13.6631, -9.46303, -0.35863, -7.51747, -13.37101, -15.94238, -6.31065, -15.94238, -15.94238]),
];
#[rustfmt::skip]
const OF_NOISE: [(usize, [f32; 12]); 2] = [
    (0, [-7.73695, -10.53018, -7.08678, -11.18495, -5.18323, -3.87883, -3.72819, -2.66428, -2.86445, 0.05361, 0.5663, 2.37839]),
    (97, [-7.40373, -9.69633, -6.25293, -8.96327, -5.79238, -3.33601, -3.6504, -3.81523, -0.68853, 0.12847, 1.4371, 2.33449]),
];

fn tones() -> Vec<f32> {
    let value = |t: f64| 0.5 * (TAU * 440.0 * t).sin() + 0.25 * (TAU * 3_000.0 * t + 1.0).sin();
    (0..16_000).map(|at| value(f64::from(at) / 16_000.0) as f32).collect()
}

fn noise(samples: usize) -> Vec<f32> {
    let mut state = 12_345u64;
    let mut draw = || {
        state = (1_103_515_245 * state + 12_345) % (1 << 31);
        (0.1 * (2.0 * state as f64 / f64::from(1u32 << 31) - 1.0)) as f32
    };
    (0..samples).map(|_| draw()).collect()
}

fn without_mean(mut wave: Vec<f32>) -> Vec<f32> {
    let mean = (wave.iter().map(|x| f64::from(*x)).sum::<f64>() / wave.len() as f64) as f32;
    wave.iter_mut().for_each(|x| *x -= mean);
    wave
}

fn mean_and_deviation(values: &[f32]) -> [f64; 2] {
    let count = values.len() as f64;
    let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
    let squares = values.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>();
    [mean, (squares / (count - 1.0)).sqrt()]
}

#[test]
fn the_published_values_come_out() {
    let fbank = KaldiFbank::new(&KaldiSizes::default()).unwrap();
    let noise = without_mean(noise(16_000));
    assert!((noise[0] - 0.031_030_8).abs() < 1e-3);
    let cases = [
        (without_mean(tones()), OF_TONES, [-11.673_606_9, 5.698_938_4]),
        (noise, OF_NOISE, [-1.991_334_7, 3.461_355_2]),
    ];
    for (tonal, (wave, wanted, facts)) in [true, false].into_iter().zip(cases) {
        let features = fbank.run(&wave);
        assert_eq!(features.len(), 98 * 128);
        for (frame, wanted) in wanted {
            for (bin, want) in BINS.into_iter().zip(wanted) {
                let got = features[frame * 128 + bin];
                // Between tones there is nothing but the original's rounding.
                let tolerance = if !tonal {
                    5e-4
                } else if want > -8.0 {
                    5e-5
                } else {
                    5e-3
                };
                assert!((got - want).abs() <= tolerance, "frame {frame}, bin {bin}: {got} for {want}");
            }
        }
        for (got, want) in mean_and_deviation(&features).into_iter().zip(facts) {
            assert!((got - want).abs() < 5e-4, "{got} for {want}");
        }
        // No bin of the transform lies in the fourth band.
        assert!(features.chunks(128).all(|frame| (frame[3] - f32::EPSILON.ln()).abs() < 2e-6));
    }
}

/// The filterbank in double precision and plain loops, of the frame that begins there.
fn plain(wave: &[f32], sizes: &KaldiSizes, start: usize, len: usize, transformed: usize) -> Vec<f64> {
    let frame: Vec<f64> = wave[start..start + len].iter().map(|x| f64::from(*x)).collect();
    let mean = frame.iter().sum::<f64>() / len as f64;
    let shaped: Vec<f64> = (0..len)
        .map(|at| {
            let window = 0.5 - 0.5 * (TAU * at as f64 / (len - 1) as f64).cos();
            (frame[at] - mean - f64::from(sizes.pre_emphasis) * (frame[at.max(1) - 1] - mean)) * window
        })
        .collect();
    let power = |k: usize| {
        let angle = |at: usize| TAU * ((k * at) % transformed) as f64 / transformed as f64;
        let part =
            |wave: fn(f64) -> f64| shaped.iter().enumerate().map(|(at, x)| x * wave(angle(at))).sum::<f64>();
        part(f64::cos).powi(2) + part(f64::sin).powi(2)
    };
    let powers: Vec<f64> = (0..transformed / 2).map(power).collect();
    let mel = |hz: f64| 1_127.0 * (1.0 + hz / 700.0).ln();
    let rate = f64::from(sizes.rate_hz);
    let apart = (mel(rate / 2.0 + sizes.high_hz) - mel(sizes.low_hz)) / (sizes.n_mels + 1) as f64;
    let energy = |band: usize| {
        let centre = mel(sizes.low_hz) + (band + 1) as f64 * apart;
        let weight =
            |k: usize| (1.0 - (mel(rate * k as f64 / transformed as f64) - centre).abs() / apart).max(0.0);
        powers.iter().enumerate().map(|(k, power)| weight(k) * power).sum::<f64>()
    };
    (0..sizes.n_mels).map(|band| energy(band).max(f64::from(f32::EPSILON)).ln()).collect()
}

#[test]
fn kaldis_filterbank_is_the_formula_in_double_precision() {
    let sizes = [
        KaldiSizes { n_mels: 40, ..KaldiSizes::default() },
        KaldiSizes { rate_hz: 8_000, n_mels: 23, high_hz: -200.0, ..KaldiSizes::default() },
        KaldiSizes {
            rate_hz: 48_000,
            round_to_power_of_two: false,
            n_mels: 60,
            pre_emphasis: 0.0,
            ..KaldiSizes::default()
        },
    ];
    for sizes in sizes {
        let per_ms = sizes.rate_hz as usize / 1_000;
        let wave = noise(200 * per_ms);
        let fbank = KaldiFbank::new(&sizes).unwrap();
        let features = fbank.run(&wave);
        assert_eq!(features.len(), 18 * sizes.n_mels);
        let len = fbank.window_samples();
        let transformed = if sizes.round_to_power_of_two { len.next_power_of_two() } else { len };
        for frame in [0, 1, 15, 16, 17] {
            let wanted = plain(&wave, &sizes, frame * 10 * per_ms, len, transformed);
            for (band, (got, want)) in features[frame * sizes.n_mels..].iter().zip(wanted).enumerate() {
                assert!(
                    (f64::from(*got) - want).abs() < 2e-4,
                    "frame {frame}, band {band}: {got} for {want}"
                );
            }
        }
    }
}

#[test]
fn sounds_have_as_many_frames_as_kaldi_gives_them() {
    let fbank = |snip_edges| KaldiFbank::new(&KaldiSizes { snip_edges, ..KaldiSizes::default() }).unwrap();
    let counts =
        [399, 400, 559, 560, 16_000, 80_000, 160_000, 960_000].map(|samples| fbank(true).frames(samples));
    assert_eq!(counts, [0, 1, 1, 2, 98, 498, 998, 5_998]);
    assert_eq!([399, 400, 560, 16_000].map(|samples| fbank(false).frames(samples)), [0, 3, 4, 100]);
    assert!(fbank(true).run(&[0.5; 399]).is_empty());
    // Into less room than there are frames, or into more.
    let mut out = vec![f32::NAN; 3 * 128];
    assert_eq!(fbank(true).run_into(&noise(16_000), &mut out), 3);
    assert_eq!(out, fbank(true).run(&noise(16_000))[..3 * 128]);
    let mut out = vec![7.0; 3 * 128];
    assert_eq!(fbank(true).run_into(&[0.0; 560], &mut out), 2);
    assert!(
        out[..2 * 128].iter().all(|value| *value < -15.9) && out[2 * 128..].iter().all(|value| *value == 7.0)
    );
}

#[test]
fn a_frame_is_the_same_whatever_is_beside_it() {
    let fbank = KaldiFbank::new(&KaldiSizes::default()).unwrap();
    let wave = noise(16_000);
    let all = fbank.run(&wave);
    for frame in [0, 7, 16, 97] {
        assert_eq!(fbank.run(&wave[frame * 160..frame * 160 + 400]), all[frame * 128..(frame + 1) * 128]);
    }
}

#[test]
fn what_is_no_number_stays_in_its_frames() {
    let fbank = KaldiFbank::new(&KaldiSizes::default()).unwrap();
    let mut wave = noise(4_000);
    wave[2_000] = f32::NAN;
    let broken: Vec<bool> = fbank.run(&wave).chunks(128).map(|frame| frame[20].is_nan()).collect();
    assert_eq!(broken, (0..23).map(|frame| (11..=12).contains(&frame)).collect::<Vec<_>>());
}

#[test]
fn sizes_that_do_not_go_together_are_refused() {
    let kaldi = |change: fn(&mut KaldiSizes)| {
        let mut sizes = KaldiSizes::default();
        change(&mut sizes);
        KaldiFbank::new(&sizes).unwrap_err().to_string()
    };
    let odd = kaldi(|sizes| (sizes.rate_hz, sizes.round_to_power_of_two) = (22_050, false));
    assert_eq!(
        odd,
        "a frame of 551 samples has no Fourier transform here: it takes an even number, 2 at least"
    );
    assert_eq!(
        kaldi(|sizes| sizes.frame_shift_ms = 0.01),
        "frames are 0 samples apart, but must be 1 at least"
    );
    let bands = "128 bands from 9000 Hz to 8000 Hz cannot be had: at 16000 Hz they lie between 0 and 8000 Hz, the lower end below the upper";
    assert_eq!(kaldi(|sizes| sizes.low_hz = 9_000.0), bands);
    assert!(kaldi(|sizes| sizes.n_mels = 0).starts_with("0 bands from 20 Hz"));
    assert!(kaldi(|sizes| sizes.high_hz = f64::NAN).contains("NaN"));
    assert_eq!(kaldi(|sizes| sizes.pre_emphasis = 1.5), "pre-emphasis is 1.5, but must be between 0 and 1");
    assert!(kaldi(|sizes| sizes.frame_length_ms = -3.0).starts_with("a frame of 0 samples"));
    let wide = MelSpectrogram::new(&MelSizes { n_fft: 256, ..MelSizes::torchaudio(16_000) }).unwrap_err();
    assert_eq!(wide.to_string(), "a window of 400 samples does not fit into a transform of 256");
    let many = KaldiMfcc::new(&KaldiSizes { n_mels: 23, ..KaldiSizes::default() }, 24, 22.0).unwrap_err();
    assert_eq!(many.to_string(), "24 cepstra cannot be made of 23 bands");
}

#[test]
fn decibels_end_below_the_loudest() {
    let mut powers = [1.0, 100.0, 1e-9, 0.0];
    decibels(&mut powers, None);
    assert_eq!(powers.map(|x| x.round()), [0.0, 20.0, -90.0, -100.0]);
    decibels(&mut [], Some(80.0));
    let mut powers = [1.0, 100.0, 1e-9, 0.0];
    decibels(&mut powers, Some(80.0));
    assert_eq!(powers.map(|x| x.round()), [0.0, 20.0, -60.0, -60.0]);
}

#[test]
fn a_tone_is_in_its_band_whatever_the_convention() {
    let wave: Vec<f32> =
        (0..8_000).map(|at| (2.0 * PI * 1_000.0 * f64::from(at) / 16_000.0).sin() as f32).collect();
    // 1 kHz is 1000 of 2840 on HTK's scale, and 15 of 45.25 on Slaney's.
    for (sizes, band) in [(MelSizes::torchaudio(16_000), 44..=45), (MelSizes::librosa(16_000), 41..=42)] {
        let mel = MelSpectrogram::new(&sizes).unwrap();
        let powers = mel.run(&wave);
        assert_eq!(powers.len(), mel.frames(8_000) * 128);
        let frame = &powers[mel.frames(8_000) / 2 * 128..][..128];
        let loudest = (0..128).max_by(|&a, &b| frame[a].total_cmp(&frame[b])).unwrap();
        assert!(band.contains(&loudest), "{loudest}");
    }
    assert!(MelSpectrogram::new(&MelSizes::librosa(16_000)).unwrap().run(&[]).is_empty());
}
