//! Features of sound: goldens made by make_features.py (torchaudio and librosa).

use runner::audio::features::{
    Beyond, KaldiFbank, KaldiMfcc, KaldiSizes, MelScale, MelSizes, MelSpectrogram, Mfcc, Window, decibels,
};

use super::{closeness, golden_tensors};

const RATES_HZ: [u32; 6] = [16_000, 8_000, 11_025, 22_050, 44_100, 48_000];
const SCALES: [i64; 5] = [32_767, 3_000, 300, 20, 8_000];

/// Signal `n`, by whole numbers as there: its rate and samples.
fn signal(n: i64) -> (u32, Vec<f32>) {
    let mut state = n + 1;
    let mut draw = || {
        state = (1_103_515_245 * state + 12_345) % (1 << 31);
        state
    };
    let (scale, rate) = (SCALES[n as usize % 5], RATES_HZ[n as usize / 3 % 6]);
    let length = i64::from(rate) / 10 + draw() % (i64::from(rate) / 2);
    let value = |t: i64| {
        let noise = (draw() >> 15) - (1 << 15);
        let period = 40 + n;
        let triangle = (t % period) * 65_536 / period - 32_768;
        // Python rounds down where Rust rounds to zero.
        let scaled = |value: i64, of: i64| (value * scale).div_euclid(of);
        match n % 6 {
            0 => scaled(noise, 32_768),
            1 => scaled((triangle * 3 + noise).div_euclid(4), 32_768),
            2 => scaled((triangle + noise) * 2, 32_768).clamp(-scale, scale),
            3 if length / 3 < t && t < length * 2 / 3 => 0,
            3 => scaled(noise, 32_768),
            4 => scale / 2 + scaled(noise, 131_072),
            _ if t % 997 == 0 => scale,
            _ => (noise * 4).div_euclid(32_768),
        }
    };
    (rate, (0..length).map(value).map(|value| value as f32 / 32_768.0).collect())
}

/// What call `n` is told.
fn sizes(n: usize, rate_hz: u32) -> KaldiSizes {
    let sizes = KaldiSizes { rate_hz, ..KaldiSizes::default() };
    let windows = [Window::Hamming, Window::Povey, Window::Rectangular, Window::Blackman, Window::Hanning];
    match n % 10 {
        5 => KaldiSizes { window: windows[n / 10], ..sizes },
        6 => KaldiSizes { snip_edges: false, n_mels: 40, ..sizes },
        7 => KaldiSizes { n_mels: 23, low_hz: 100.0, high_hz: -300.0, pre_emphasis: 0.0, ..sizes },
        8 => KaldiSizes {
            remove_dc: false,
            use_power: false,
            frame_length_ms: 32.0,
            frame_shift_ms: 8.0,
            ..sizes
        },
        9 => KaldiSizes {
            round_to_power_of_two: !rate_hz.is_multiple_of(4_000),
            use_log: n % 20 == 9,
            ..sizes
        },
        _ => sizes,
    }
}

/// Nearer than this to the floor of the logarithm, 2⁻²³, there is little but rounding, the original's too…
const NEAR_FLOOR: f32 = -15.942_385 + 1.0;
/// … and where a band has less than 3·10⁻⁷ of the loudest one's power.
const BELOW_LOUDEST: f32 = 15.0;

/// 50 signals: rates, lengths, loudness, silence, clipping.
#[test]
fn kaldis_filterbank_is_torchaudios() {
    let golden = golden_tensors("features.safetensors");
    let (mut worst, mut compared) = (0.0f32, 0);
    for n in 0..50 {
        let (rate_hz, wave) = signal(n);
        let sizes = sizes(n as usize, rate_hz);
        let features = KaldiFbank::new(&sizes).unwrap().run(&wave);
        let of = |name: &str| &golden[&format!("{name}.{n}")].1;
        let bands = sizes.n_mels;
        assert_eq!([(features.len() / bands) as f32, bands as f32], of("facts")[..], "signal {n}");
        let frames = of("places").iter().map(|frame| *frame as usize * bands);
        for (frame, want) in frames.zip(of("fbank").chunks(bands)) {
            let logs = |value: &f32| if sizes.use_log { *value } else { value.ln() };
            let loudest = want.iter().map(logs).fold(f32::NEG_INFINITY, f32::max);
            for (band, (got, want)) in
                features[frame..].iter().map(logs).zip(want.iter().map(logs)).enumerate()
            {
                // Two silences without a logarithm have the same infinity.
                let off = if got == want { 0.0 } else { (got - want).abs() };
                let outside = want > NEAR_FLOOR && want > loudest - BELOW_LOUDEST;
                let most = if outside { 1e-4 } else { 5e-3 };
                assert!(off <= most, "signal {n}, band {band}: {got} for {want}");
                if outside {
                    (worst, compared) = (worst.max(off), compared + 1);
                }
            }
        }
        let mean = features.iter().map(|x| f64::from(*x)).sum::<f64>() / features.len() as f64;
        let want = f64::from(of("mean")[0]);
        assert!((mean - want).abs() <= 1e-5 * want.abs(), "signal {n}: {mean} for {want}");
    }
    println!("check {compared} values outside of the floor: {worst:.1e}");
}

#[test]
fn mel_spectrograms_are_torchaudios_and_librosas() {
    let golden = golden_tensors("features.safetensors");
    let (rate_hz, wave) = signal(1);
    let torchaudio = MelSizes::torchaudio(rate_hz);
    let other = MelSizes {
        n_fft: 512,
        hop_samples: 160,
        n_mels: 40,
        low_hz: 50.0,
        scale: MelScale::Slaney,
        area_norm: true,
        centre: None,
        ..torchaudio
    };
    let librosa = MelSizes::librosa(rate_hz);
    let htk = MelSizes {
        n_fft: 512,
        window_samples: 512,
        hop_samples: 160,
        n_mels: 40,
        scale: MelScale::Htk,
        area_norm: false,
        centre: Some(Beyond::Reflection),
        ..librosa
    };
    let cases =
        [("torchaudio", torchaudio), ("torchaudio.other", other), ("librosa", librosa), ("librosa.htk", htk)];
    for (name, sizes) in cases {
        let want = &golden[&format!("mel.{name}")].1;
        let got = MelSpectrogram::new(&sizes).unwrap().run(&wave);
        closeness(name, &got[..want.len()], want, 2e-5);
    }
    let mut got = MelSpectrogram::new(&librosa).unwrap().run(&wave);
    decibels(&mut got, Some(80.0));
    closeness("librosa, decibels", &got, &golden["mel.librosa.decibels"].1, 2e-5);
}

#[test]
fn cepstra_are_torchaudios_and_librosas() {
    let golden = golden_tensors("features.safetensors");
    let (rate_hz, wave) = signal(1);
    let kaldi = KaldiSizes { rate_hz, n_mels: 23, window: Window::Povey, ..KaldiSizes::default() };
    let want = &golden["mfcc.kaldi"].1;
    closeness("Kaldi", &KaldiMfcc::new(&kaldi, 13, 22.0).unwrap().run(&wave)[..want.len()], want, 2e-5);
    for (name, sizes, count) in
        [("torchaudio", MelSizes::torchaudio(rate_hz), 40), ("librosa", MelSizes::librosa(rate_hz), 20)]
    {
        let want = &golden[&format!("mfcc.{name}")].1;
        closeness(name, &Mfcc::new(&sizes, count).unwrap().run(&wave)[..want.len()], want, 2e-5);
    }
}

/// Whole sounds at the rate of EnCodec, where some of 128 bands have no bin at all and quiet frames lie below the floor (make_mfcc.py).
#[test]
fn cepstra_that_utterances_are_compared_by_are_torchaudios() {
    let golden = golden_tensors("mfcc.safetensors");
    let mfcc = Mfcc::new(&MelSizes::torchaudio(24_000), 40).unwrap();
    for (length, every) in [(201, 1), (4_000, 1), (24_077, 10)] {
        let mut state = length;
        let value = |at: i64| {
            state = (1_103_515_245 * state + 12_345) % (1 << 31);
            let saw = (at % 109) * 600 - 32_700;
            let faded =
                (((state >> 15) - (1 << 15) + 3 * saw).div_euclid(4) * (length - at)).div_euclid(length);
            faded.div_euclid(if at < length / 2 { 1 } else { 64 }) as f32 / 32_768.0
        };
        let wave: Vec<f32> = (0..length).map(value).collect();
        let want = &golden[&length.to_string()].1;
        let got = mfcc.run(&wave);
        assert_eq!(got.len() / 40, 1 + wave.len() / 200);
        let frames = got.chunks_exact(40).step_by(every).flatten().zip(want);
        let apart = frames.map(|(got, want)| (got - want).abs()).fold(0.0, f32::max);
        println!("check {length} samples: {apart:.1e} apart");
        assert!(apart < 1e-3, "{length} samples: {apart}");
        assert_eq!(got.chunks_exact(40).step_by(every).count() * 40, want.len());
    }
}
