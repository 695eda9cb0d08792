use std::f64::consts::TAU;

use super::*;
use crate::audio::features::{MelScale, MelSizes, MelSpectrogram, Window, decibels};

const RATE_HZ: u32 = 22_050;

/// Two tones of a second.
fn tones() -> Vec<f32> {
    let value = |t: f64| 0.5 * (TAU * 440.0 * t).sin() + 0.25 * (TAU * 1_000.0 * t).sin();
    (0..RATE_HZ).map(|at| value(f64::from(at) / f64::from(RATE_HZ)) as f32).collect()
}

fn near(got: f32, want: f32, tolerance: f32, what: &str) {
    assert!((got - want).abs() <= tolerance, "{what}: {got} for {want}");
}

/// torchaudio.transforms.MelSpectrogram and AmplitudeToDB with the published settings, at the rate of the sound and at that of the published file.
#[test]
fn powers_and_decibels_are_torchaudios() {
    let published = |rate_hz| MelSizes {
        scale: MelScale::Htk,
        area_norm: false,
        magnitude: false,
        log_from: None,
        ..MelSizes::tacotron2(rate_hz)
    };
    let cases = [
        (
            RATE_HZ,
            [100.161_9, 13.745_075, 32.423_53, 32.788_864],
            (15, 15_893.369),
            [20.007, 11.381_5, -37.987_84, -25.692_044],
        ),
        (
            16_000,
            [124.588_86, 0.000_479, 119.357_74, 105.645_706],
            (11, 18_300.018),
            [20.954_8, -33.200_6, -37.375_49, -26.601_898],
        ),
    ];
    for (rate_hz, powers, (loudest_band, loudest), in_decibels) in cases {
        let mel = MelSpectrogram::new(&published(rate_hz)).unwrap();
        let mut values = mel.run(&tones());
        assert_eq!(values.len(), 87 * 80);
        let at = |values: &[f32], band: usize, frame: usize| values[frame * 80 + band];
        for ((band, frame), want) in [(0, 0), (26, 40), (20, 0), (20, 86)].into_iter().zip(powers) {
            near(at(&values, band, frame), want, 2e-5 * want + 1e-5, &format!("band {band} of {frame}"));
        }
        let most = (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).unwrap();
        assert_eq!(most % 80, loudest_band);
        near(values[most], loudest, 0.1, "the loudest");
        decibels(&mut values, Some(80.0));
        near(at(&values, 0, 0), in_decibels[0], 1e-3, "decibels");
        // So far from both tones there is next to nothing: single precision has three digits of it.
        near(at(&values, 26, 40), in_decibels[1], 8e-2, "decibels");
        near(values.iter().copied().fold(f32::MAX, f32::min), in_decibels[2], 1e-4, "the least");
        near(values.iter().sum::<f32>() / values.len() as f32, in_decibels[3], 2e-3, "the mean");
    }
    let mut powers = [1e-12, 1e-3, 1.0, 100.0];
    decibels(&mut powers, Some(80.0));
    assert_eq!(powers, [-60.0, -30.0, 0.0, 20.0]);
}

/// librosa's Slaney bank on torch.stft: NVIDIA/tacotron2's spectrogram of the same sound.
#[test]
fn logarithms_are_tacotron2s() {
    let mel = SpeechMel::new(MelForm::Log, &MelSizes::tacotron2(RATE_HZ)).unwrap();
    let values = mel.run(&tones());
    let golden = [
        ((0, 0), -0.812_56, 1e-4),
        ((20, 40), -7.580_15, 2e-3),
        ((12, 40), -0.232_71, 1e-4),
        ((27, 40), -0.919_67, 1e-4),
        ((40, 40), -10.319_5, 5e-2),
        ((79, 40), -11.512_93, 1e-4),
    ];
    for ((band, frame), want, tolerance) in golden {
        near(values[frame * 80 + band], want, tolerance, &format!("band {band} of {frame}"));
    }
    near(values.iter().sum::<f32>() / values.len() as f32, -8.232_243, 1e-2, "the mean");
    near(values.iter().copied().fold(f32::MIN, f32::max), 1.442_797, 1e-4, "the most");
    let bank = MelSpectrogram::new(&MelSizes::tacotron2(RATE_HZ)).unwrap();
    let total: f64 = bank.weights().flat_map(|(_, weights)| weights).map(|weight| f64::from(*weight)).sum();
    assert!((total - 3.713_688_2).abs() < 1e-5, "{total}");
    let (first, weights) = bank.weights().next().unwrap();
    assert_eq!(first, 1);
    for (got, want) in weights.iter().zip([0.015_527_72, 0.022_651_39, 0.007_123_67]) {
        near(*got, want, 1e-7, "the first band");
    }
}

#[test]
fn a_sound_comes_back_from_its_spectra() {
    for (n_fft, window, hop, samples) in [(1_024, 1_024, 256, 22_016), (64, 48, 12, 1_200), (8, 8, 2, 10)] {
        let stft = Stft::new(n_fft, window, hop).unwrap();
        let sound = &tones()[..samples];
        let spectra = stft.spectra(sound);
        assert_eq!(spectra.frames(), stft.frames(samples));
        let back = stft.waveform(&spectra);
        assert_eq!(back.len(), stft.samples(spectra.frames()));
        let worst = back.iter().zip(sound).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 4e-6, "{n_fft}: {worst}");
    }
    assert!(Stft::new(7, 7, 1).is_err() && Stft::new(8, 9, 1).is_err() && Stft::new(8, 8, 0).is_err());
    let stft = Stft::new(8, 8, 2).unwrap();
    assert!(stft.waveform(&stft.spectra(&[])).is_empty());
}

/// ‖A − |STFT(x)|‖ / ‖A‖.
fn convergence(stft: &Stft, magnitudes: &[f32], waveform: &[f32]) -> f64 {
    let of = |pairs: &mut dyn Iterator<Item = f64>| pairs.map(|x| x * x).sum::<f64>().sqrt();
    let has = stft.spectra(waveform).magnitudes();
    let apart = of(&mut has.iter().zip(magnitudes).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    apart / of(&mut magnitudes.iter().map(|a| f64::from(*a)))
}

/// torchaudio's algorithm in double precision: zero phases, momentum 0.99, the first 4,096 samples of the tones.
#[test]
fn griffin_lim_is_torchaudios() {
    let stft = Stft::new(1_024, 1_024, 256).unwrap();
    let magnitudes = stft.spectra(&tones()[..4_096]).magnitudes();
    let cases = [
        (1, [-0.637_423_3, 0.356_500_6, -0.434_394_9, 0.440_558_3, 0.422_021_5], 0.435_750),
        (2, [-0.645_272, 0.412_579_5, -0.279_685_8, 0.501_672_8, 0.375_181_8], 0.384_494),
    ];
    for (iterations, samples, wanted) in cases {
        let made = GriffinLim { iterations, ..GriffinLim::default() }.run(&stft, &magnitudes);
        assert_eq!(made.len(), 4_096);
        for (at, want) in [0, 100, 1_000, 2_000, 4_000].into_iter().zip(samples) {
            near(made[at], want, 2e-4, &format!("sample {at} behind {iterations}"));
        }
        let got = convergence(&stft, &magnitudes, &made);
        assert!((got - wanted).abs() < 1e-4, "{iterations}: {got} for {wanted}");
    }
    let got = convergence(&stft, &magnitudes, &GriffinLim::default().run(&stft, &magnitudes));
    assert!((got - 0.181_259).abs() < 2e-3, "{got}");
    // Drawn phases are another start, the same for one seed.
    let drawn = |seed| GriffinLim { phase: Phase::Random(seed), ..GriffinLim::default() };
    assert_eq!(drawn(1).run(&stft, &magnitudes), drawn(1).run(&stft, &magnitudes));
    assert!(convergence(&stft, &magnitudes, &drawn(1).run(&stft, &magnitudes)) < 0.35);
    // One frame stands for no sound.
    assert!(GriffinLim::default().run(&stft, &magnitudes[..513]).is_empty());
}

#[test]
fn a_spectrogram_becomes_a_sound_that_has_it() {
    // Harmonics of a gliding voice.
    let mut angle = 0.0f64;
    let voice: Vec<f32> = (0..16_000)
        .map(|at| {
            angle += TAU * (120.0 + 40.0 * f64::from(at) / 16_000.0) / 16_000.0;
            (1..20).map(|k| (angle * f64::from(k)).sin() / f64::from(k)).sum::<f64>() as f32 * 0.1
        })
        .collect();
    for form in [MelForm::Log, MelForm::Decibels] {
        let mel = SpeechMel::new(form, &MelSizes::tacotron2(16_000)).unwrap();
        let wanted = mel.run(&voice);
        let made = mel.waveform(&wanted, &GriffinLim::default());
        assert_eq!(made.len(), mel.stft().samples(mel.frames(voice.len())));
        let got = mel.run(&made);
        // Nothing stands for the ends, and phases that are nearly right leave something where next to nothing was; elsewhere the bands come back.
        let inside = 4 * 80..got.len() - 4 * 80;
        let loudest = wanted.iter().copied().fold(f32::MIN, f32::max);
        let (reach, most) = if form == MelForm::Log { (50.0 / 8.686, 0.35) } else { (50.0 / 80.0, 0.04) };
        let pairs =
            got[inside.clone()].iter().zip(&wanted[inside]).filter(|(_, want)| **want > loudest - reach);
        let apart: Vec<f32> = pairs.map(|(got, want)| (got - want).abs()).collect();
        let mean = apart.iter().sum::<f32>() / apart.len() as f32;
        assert!(apart.len() > 1_000 && mean < most, "{form:?}: {mean} of {}", apart.len());
    }
}

#[test]
fn loudness_is_even_and_never_at_full_scale() {
    let rms = |wave: &[f32]| (wave.iter().map(|x| x * x).sum::<f32>() / wave.len() as f32).sqrt();
    let mut quiet: Vec<f32> = tones().iter().map(|x| x * 1e-3).collect();
    to_loudness(&mut quiet, -23.0);
    near(20.0 * rms(&quiet).log10(), -23.0, 1e-3, "the loudness");
    let mut click = vec![0.0; 10_000];
    click[50] = -7.0;
    to_loudness(&mut click, -23.0);
    assert_eq!(click[50], -0.99);
    let mut silence = vec![0.0; 8];
    to_loudness(&mut silence, -23.0);
    assert!(silence.iter().all(|sample| *sample == 0.0));
}

#[test]
fn frames_in_the_middle_of_their_steps_come_back_to_the_last_sample() {
    let (n_fft, hop, frames) = (16, 4, 6);
    let sound: Vec<f32> = (0..frames * hop).map(|at| (at as f32 * 0.7).sin() + 0.1).collect();
    let window = Window::Hanning.periodic(n_fft);
    // Spectra by their definition, with silence beyond the ends.
    let bin = |frame: usize, bin: usize| {
        let sum = (0..n_fft).map(|at| {
            let inside = (frame * hop + at).checked_sub((n_fft - hop) / 2).and_then(|at| sound.get(at));
            let angle = -TAU * (bin * at) as f64 / n_fft as f64;
            Complex32::new(angle.cos() as f32, angle.sin() as f32) * (inside.unwrap_or(&0.0) * window[at])
        });
        sum.sum::<Complex32>()
    };
    let bins = n_fft / 2 + 1;
    let values = (0..frames).flat_map(|frame| (0..bins).map(move |at| (frame, at)));
    let values = values.map(|(frame, at)| bin(frame, at)).collect();
    let stft = Stft::new(n_fft, n_fft, hop).unwrap();
    let made = stft.waveform_of_steps(&Spectra { values, bins });
    assert_eq!(made.len(), sound.len());
    for (at, (got, want)) in made.iter().zip(&sound).enumerate() {
        near(*got, *want, 1e-5, &format!("sample {at}"));
    }
    assert!(stft.waveform_of_steps(&Spectra { values: Vec::new(), bins }).is_empty());
}
