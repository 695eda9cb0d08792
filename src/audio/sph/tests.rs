//! Headers as NIST writes them, every coding against numbers of libsndfile 1.2 or arithmetic, and damage.

use super::*;
use crate::audio::{decode_bytes, read};

/// A file with these header lines and bytes.
fn sph(lines: &[&str], data: &[u8]) -> Vec<u8> {
    let mut bytes = format!("NIST_1A\n   1024\n{}\nend_head\n", lines.join("\n")).into_bytes();
    bytes.resize(1024, b' ');
    bytes.extend(data);
    bytes
}

/// One channel at 16 kHz with `count` samples.
fn mono(count: usize, more: &[&str], data: &[u8]) -> Vec<u8> {
    let count = format!("sample_count -i {count}");
    let mut lines = vec!["channel_count -i 1", "sample_rate -i 16000", count.as_str()];
    lines.extend(more);
    sph(&lines, data)
}

fn samples(bytes: Vec<u8>) -> Vec<f32> {
    decode_bytes("x", bytes).expect("a sound").samples
}

fn message(bytes: Vec<u8>) -> String {
    decode_bytes("x", bytes).expect_err("no sound").to_string()
}

#[test]
fn every_width_in_both_byte_orders() {
    for (bytes, order, data) in [
        (1, "1", [0x80u8, 0x40, 0xff].to_vec()),
        (2, "01", [0x00, 0x80, 0x00, 0x40, 0x00, 0xff].to_vec()),
        (2, "10", [0x80, 0x00, 0x40, 0x00, 0xff, 0x00].to_vec()),
        (3, "012", [0, 0, 0x80, 0, 0, 0x40, 0, 0, 0xff].to_vec()),
        (3, "210", [0x80, 0, 0, 0x40, 0, 0, 0xff, 0, 0].to_vec()),
        (4, "0123", [0, 0, 0, 0x80, 0, 0, 0, 0x40, 0, 0, 0, 0xff].to_vec()),
        (4, "3210", [0x80, 0, 0, 0, 0x40, 0, 0, 0, 0xff, 0, 0, 0].to_vec()),
    ] {
        let width = format!("sample_n_bytes -i {bytes}");
        let order = format!("sample_byte_format -s{} {order}", order.len());
        let found = samples(mono(3, &[&width, &order, "sample_coding -s3 pcm"], &data));
        assert_eq!(found, [-1.0, 0.5, -1.0 / 128.0], "{bytes} bytes, {order}");
    }
}

/// All 256 codes: first, middle and last values and two sums, as libsndfile decodes them.
#[test]
fn telephone_codings_match_libsndfile() {
    let codes: Vec<u8> = (0..=255).collect();
    for (coding, picks, weighted, total) in [
        ("ulaw", [-32_124, -31_100, -8, 0, 32_124, 0], 98_107_392, 1_532_928),
        ("alaw", [-5_504, -5_248, -880, -848, 5_504, 848], 100_139_008i64, 1_564_672i64),
    ] {
        let told = format!("sample_coding -s4 {coding}");
        let found: Vec<i64> = samples(mono(256, &["sample_n_bytes -i 1", &told], &codes))
            .into_iter()
            .map(|x| (f64::from(x) * 32_768.0) as i64)
            .collect();
        assert_eq!([0, 1, 126, 127, 128, 255].map(|at: usize| found[at]), picks, "{coding}");
        assert_eq!(found.iter().zip(1..).map(|(x, at)| x * at).sum::<i64>(), weighted, "{coding}");
        assert_eq!(found.iter().map(|x| x.abs()).sum::<i64>(), total, "{coding}");
    }
}

#[test]
fn channels_are_averaged_and_what_follows_the_samples_is_left_alone() {
    let lines = [
        "; made by hand",
        "channel_count -i 2",
        "sample_rate -r 8000.000",
        "sample_count -i 1",
        "sample_n_bytes -i 2",
        "sample_byte_format -s2 10",
        "speaker_id -s5 a b c",
    ];
    let bytes = sph(&lines, &[0x40, 0, 0xc0, 0, 1, 2, 3]);
    let sound = decode_bytes("x", bytes).expect("a sound");
    assert_eq!((sound.rate_hz, sound.samples), (8_000, vec![0.0]));
}

#[test]
fn facts_come_from_the_header() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("talk.sph");
    std::fs::write(&path, mono(2, &["sample_byte_format -s2 01"], &[0, 64, 0, 64])).expect("a file");
    let expected = Facts { rate_hz: 16_000, channels: 1, samples: 2, format: Format::Sphere };
    assert_eq!(crate::audio::facts(&path).expect("facts"), expected);
    assert_eq!(read(&path, 16_000).expect("a sound"), [0.5, 0.5]);
}

#[test]
fn compressed_files_are_refused_with_the_cure() {
    let bytes = mono(9, &["sample_n_bytes -i 2", "sample_coding -s26 pcm,embedded-shorten-v2.00"], b"ajkg");
    let error = decode_bytes("talk.sph", bytes).expect_err("compressed");
    assert_eq!(
        error.to_string(),
        "cannot use audio `talk.sph`: its samples are compressed with `shorten-v2.00`, which is not read here"
    );
    assert!(error.help().is_some_and(|help| help.contains("sph2pipe -p -f sph")));
}

#[test]
fn damage_is_named() {
    let two = ["sample_n_bytes -i 2", "sample_byte_format -s2 01"];
    for (bytes, said) in [
        (mono(3, &two, &[0, 0, 0, 0, 0]), "it is truncated: its header promises 3 samples, the file holds 2"),
        (
            mono(usize::MAX, &two, &[0, 0]),
            "it is truncated: its header promises 18446744073709551615 samples, the file holds 1",
        ),
        (mono(0, &two, &[]), "it holds no samples"),
        (b"NIST_1A\n   1024\nsample_count".to_vec(), "it is truncated: it ends inside its header"),
        (b"NIST_1A\n   what\n".to_vec(), "it is damaged: its header has no size"),
        (b"NIST_1A\n 999999999\n".to_vec(), "it is damaged: its header has no size"),
        (sph(&["sample_rate -i 16000"], &[]), "it is damaged: its header has no `sample_count`"),
        (sph(&["sample_rate -i fast"], &[]), "it is damaged: its header has `sample_rate` = `fast`"),
        (sph(&["channel_count -i 0", "sample_rate -i 16000"], &[]), "it is damaged: it has 0 channels"),
        (mono(1, &["sample_n_bytes -i 2"], &[0, 0]), "it is damaged: its header has no `sample_byte_format`"),
        (
            mono(1, &["sample_n_bytes -i 2", "sample_byte_format -s2 11"], &[0, 0]),
            "the byte order `11` of 2-byte samples is not supported",
        ),
        (
            mono(1, &["sample_n_bytes -i 8"], &[0; 8]),
            "`pcm` with 8 bytes a sample in a Sphere file is not supported",
        ),
    ] {
        assert_eq!(message(bytes), format!("cannot use audio `x`: {said}"));
    }
    let mut endless = mono(1, &two, &[0, 0]);
    let at = endless.windows(8).position(|window| window == b"end_head").expect("it ends");
    endless[at] = b'E';
    assert_eq!(message(endless), "cannot use audio `x`: it is damaged: its header has no `end_head`");
}
