//! Sounds in their folder and in the event file, also after a kill.

use std::fs;

use super::tensorboard::{tensorboard_records, tensorboard_steps};
use super::{Home, eval_done, home, names};
use crate::audio;
use crate::record::{Event, Metrics, Offsets, Sink, SoundsMade};

/// Two clips of 20 ms.
fn sounds_made(step: u64) -> Event {
    let clip = |hz: f32| (0..320).map(|at| (at as f32 * hz / 2_546.5).sin() / step as f32).collect();
    Event::SoundsMade(SoundsMade {
        step,
        rate_hz: 16_000,
        clips: vec![clip(440.0), clip(880.0)],
        make_secs: 0.5,
    })
}

fn evaluate(metrics: &mut Metrics, step: u64) {
    metrics.emit(&eval_done(step, "dev", None)).unwrap();
    metrics.emit(&sounds_made(step)).unwrap();
}

fn opened(home: &Home, offsets: Offsets) -> Metrics {
    Metrics::open(&home.folder, offsets, 1).unwrap()
}

#[test]
fn sounds_are_files_and_stand_in_tensorboard_with_their_pictures() {
    let home = home();
    evaluate(&mut opened(&home, Offsets::default()), 10);
    assert_eq!(names(&home.folder.sounds()), ["step_00000010_0.wav", "step_00000010_1.wav"]);
    let facts = audio::facts(&home.folder.sound(10, 1)).unwrap();
    assert_eq!((facts.rate_hz, facts.channels, facts.samples), (16_000, 1, 320));

    let records = tensorboard_records(home.folder.dir());
    let tags: Vec<&str> = records[3..]
        .iter()
        .flat_map(|record| record.get_summary().get_value())
        .map(|value| value.get_tag())
        .collect();
    assert_eq!(tags, ["sounds/0", "sounds/0/spectrogram", "sounds/1", "sounds/1/spectrogram"]);
    let of_first = records[3].get_summary().get_value();
    let heard = of_first[0].get_audio();
    assert_eq!(heard.get_encoded_audio_string(), fs::read(home.folder.sound(10, 0)).unwrap());
    assert_eq!((heard.get_sample_rate(), heard.get_length_frames()), (16_000.0, 320));
    assert_eq!((heard.get_num_channels(), heard.get_content_type()), (1, "audio/wav"));
    let seen = of_first[1].get_image();
    assert_eq!((seen.get_width(), seen.get_height()), (5, 257));
    assert!(seen.get_encoded_image_string().starts_with(b"\x89PNG\r\n\x1a\n"));
}

#[test]
fn a_resumed_run_has_each_sound_once() {
    let home = home();
    let mut metrics = opened(&home, Offsets::default());
    evaluate(&mut metrics, 10);
    let offsets = Offsets::now(&home.folder).unwrap();
    evaluate(&mut metrics, 20);
    drop(metrics);
    // Put there by a person.
    fs::write(home.folder.sounds().join("notes.txt"), "the first is the better one").unwrap();

    let mut metrics = opened(&home, offsets);
    assert_eq!(
        names(&home.folder.sounds()),
        ["notes.txt", "step_00000010_0.wav", "step_00000010_1.wav"],
        "what was made after the checkpoint is made again"
    );
    evaluate(&mut metrics, 20);
    for tag in ["dev/wer", "sounds/0", "sounds/0/spectrogram", "sounds/1", "sounds/1/spectrogram"] {
        assert_eq!(tensorboard_steps(home.folder.dir(), tag), [10, 20], "{tag}");
    }

    // Another process finds the same, though a file has been spoilt meanwhile.
    fs::write(home.folder.sound(20, 1), "no sound").unwrap();
    drop(opened(&home, Offsets::now(&home.folder).unwrap()));
    assert_eq!(tensorboard_steps(home.folder.dir(), "sounds/0"), [10, 20]);
    assert_eq!(tensorboard_steps(home.folder.dir(), "sounds/1"), [10]);
    let steps: Vec<i64> = tensorboard_records(home.folder.dir())[2..].iter().map(|r| r.get_step()).collect();
    assert_eq!(steps, [10, 10, 10, 20, 20], "rows and sounds stand by step");

    drop(opened(&home, Offsets::default()));
    assert_eq!(names(&home.folder.sounds()), ["notes.txt"], "a run that starts again has made none");
}
