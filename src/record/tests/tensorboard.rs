//! The event file is a view of the rows, framed as TensorBoard wants it.

use std::fs;
use std::path::{Path, PathBuf};

use super::{eval_done, home, names, step_done};
use crate::record::{Metrics, Offsets, Sink};

/// CRC-32C bit by bit: the definition, against tensorboard-rs's table.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    })
}

fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn event_files(dir: &Path) -> Vec<PathBuf> {
    let files = names(dir).into_iter().filter(|name| name.contains("tfevents"));
    files.map(|name| dir.join(name)).collect()
}

/// The records of the run's newest event file, every checksum compared; the other one, if there is one, is empty.
pub(super) fn tensorboard_records(dir: &Path) -> Vec<tensorboard_proto::event::Event> {
    let mut files = event_files(dir);
    let newest = files.pop().unwrap();
    assert!(files.len() <= 1, "{files:?}");
    assert!(files.iter().all(|file| fs::read(file).unwrap().is_empty()));
    records_of(&fs::read(newest).unwrap())
}

/// The records of an event file, every checksum compared.
pub(super) fn records_of(bytes: &[u8]) -> Vec<tensorboard_proto::event::Event> {
    let mut rest = bytes;
    let mut records = Vec::new();
    while !rest.is_empty() {
        let len = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        assert_eq!(rest[8..12], masked(&rest[..8]));
        let data = &rest[12..12 + len];
        assert_eq!(rest[12 + len..16 + len], masked(data));
        records.push(protobuf::Message::parse_from_bytes(data).unwrap());
        rest = &rest[16 + len..];
    }
    records
}

pub(super) fn tensorboard_steps(dir: &Path, tag: &str) -> Vec<i64> {
    let records = tensorboard_records(dir);
    let with_tag = records
        .iter()
        .filter(|record| record.get_summary().get_value().iter().any(|value| value.get_tag() == tag));
    with_tag.map(|record| record.get_step()).collect()
}

#[test]
fn tensorboard_shows_the_rows() {
    let home = home();
    let mut metrics = Metrics::open(&home.folder, Offsets::default(), 1).unwrap();
    metrics.emit(&step_done(1)).unwrap();
    metrics.emit(&eval_done(1, "dev", None)).unwrap();
    let records = tensorboard_records(home.folder.dir());
    assert_eq!(records[0].get_file_version(), "brain.Event:2");
    assert_eq!(
        records[1].get_session_log().get_status(),
        tensorboard_proto::event::SessionLog_SessionStatus::START
    );
    let shown: Vec<(i64, &str, f32)> = records
        .iter()
        .flat_map(|record| {
            record.get_summary().get_value().iter().map(move |value| (record.get_step(), value))
        })
        .map(|(step, value)| (step, value.get_tag(), value.get_simple_value()))
        .filter(|(_, _, value)| !value.is_nan())
        .collect();
    let want = [
        (1, "train/audio_secs", 12.5),
        (1, "train/ctc", 0.75),
        (1, "train/grad_norm", 2.5),
        (1, "train/infinite", 0.0),
        (1, "train/loss", 1.0),
        (1, "train/lr", 5e-4),
        (1, "train/utterances", 8.0),
        (1, "time/audio_secs_per_sec", 50.0),
        (1, "time/step_secs", 0.25),
        (1, "dev/wer", 0.125),
        (1, "time/eval_secs", 3.2),
    ];
    assert_eq!(shown, want);
}

#[test]
fn a_new_event_file_sorts_behind_the_old_one_which_is_emptied() {
    let home = home();
    let mut newest = Vec::new();
    for _ in 0..3 {
        drop(Metrics::open(&home.folder, Offsets::default(), 1).unwrap());
        newest.push(event_files(home.folder.dir()).pop().unwrap());
    }
    assert!(newest.is_sorted() && newest[1] != newest[2]);
    assert_eq!(event_files(home.folder.dir()), newest[1..]);
    assert_eq!(tensorboard_records(home.folder.dir()).len(), 2);
}
