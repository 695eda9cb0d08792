//! The tiny model of tests/parity/make_whisper.py: every step beside transformers', and what is wrong with a folder.

use std::f64::consts::TAU;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::decoding::likeliest_of;
use super::log_mel::LogMel;
use super::sounding::{Said, Sounding};
use super::{Book, TranscribeError, Whisper};
use crate::model::weights::{Tensors, read_tensors};

/// Samples per second.
const RATE: f64 = 16_000.0;

fn folder() -> PathBuf {
    crate::checkout().join("tests/parity/whisper")
}

fn outputs() -> Tensors {
    read_tensors(&folder().join("outputs.safetensors")).unwrap()
}

fn told() -> Json {
    serde_json::from_slice(&fs::read(folder().join("outputs.json")).unwrap()).unwrap()
}

/// The sound of make_whisper.py: two gliding tones that come and go, and silence at the end.
fn sound(secs: f64) -> Vec<f32> {
    let count = (secs * RATE) as usize;
    let sample = |at: usize| {
        let time = at as f64 / RATE;
        let glide = (TAU * (180.0 + 90.0 * time) * time).sin() * (0.5 + 0.5 * (TAU * 1.3 * time).sin());
        let other = if (TAU * 0.4 * time).sin() > 0.0 { (TAU * 2_100.0 * time).sin() } else { 0.0 };
        if at + 480 < count { (0.4 * glide + 0.1 * other) as f32 } else { 0.0 }
    };
    (0..count).map(sample).collect()
}

/// The model, which takes the likeliest tokens and no others.
fn greedy() -> Whisper {
    Whisper { temperatures: &[0.0], ..Whisper::read(&folder()).unwrap() }
}

fn near(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len(), "{what}");
    let worst = got.iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max);
    assert!(worst <= tolerance, "{what}: off by {worst}");
}

#[test]
fn the_front_end_is_that_of_transformers() {
    let outputs = outputs();
    let (short, long) = (sound(3.0), sound(8.0));
    let every_tenth: Vec<usize> = (0..300).step_by(10).chain([299]).collect();
    let every_fiftieth: Vec<usize> = (0..800).step_by(50).chain([799]).collect();
    for (name, bands, samples, frames) in [
        ("mel_80", 80, &short[..], &every_tenth),
        ("mel_128", 128, &short, &every_tenth),
        ("mel_padded", 80, &short[..20_123], &every_tenth),
        ("mel_long", 80, &long, &every_fiftieth),
    ] {
        let front_end = LogMel::new(bands).unwrap();
        let all = frames[frames.len() - 1] + 1;
        let window = front_end.hear(samples).window(0, all, all);
        let rows: Vec<f32> =
            frames.iter().flat_map(|frame| window[frame * bands..][..bands].to_vec()).collect();
        near(name, &rows, &outputs[name].1, 1e-4);
    }
}

#[test]
fn both_halves_of_the_network_are_those_of_transformers() {
    let (model, outputs, told) = (greedy(), outputs(), told());
    let samples = sound(3.0);
    let mel = model.log_mel.hear(&samples).window(0, 300, 300);
    let encoded = model.network.encoder.forward(mel, 80).unwrap();
    let values = encoded.flatten_all().unwrap().to_vec1().unwrap();
    near("encoded", &values, &outputs["encoded"].1, 1e-4);
    let ids: Vec<u32> = serde_json::from_value(told["ids"].clone()).unwrap();
    let decoder = &model.network.decoder;
    let whole = decoder.follow(&ids, &mut decoder.begin(&encoded).unwrap()).unwrap();
    near("logits", &whole.concat(), &outputs["logits"].1, 1e-4);
    // Token by token behind a first few: the same.
    let mut state = decoder.begin(&encoded).unwrap();
    let mut pieces = decoder.follow(&ids[..3], &mut state).unwrap();
    for id in &ids[3..] {
        pieces.extend(decoder.follow(&[*id], &mut state).unwrap());
    }
    near("logits one by one", &pieces.concat(), &whole.concat(), 1e-5);
    let languages = model.words.languages.iter().map(|language| language.token);
    let heard = likeliest_of(decoder, &encoded, model.words.start, languages).unwrap();
    assert_eq!(heard.map(Json::from), Some(told["language"].clone()));
}

#[test]
fn what_is_said_and_when_is_as_in_transformers() {
    let (model, told) = (greedy(), told());
    for (name, secs) in [("short", 3.0), ("long", 8.0)] {
        let samples = sound(secs);
        for code in ["en", "ja"] {
            let token = model.words.language(code).unwrap().token;
            let asked = [model.words.start, token, model.words.transcribe];
            let said = Sounding::new(&model, &samples).said(&asked, None, &mut |_| true).unwrap();
            let text = |tokens: &[u32]| {
                tokens.iter().copied().filter(|token| *token < model.words.end).collect::<Vec<_>>()
            };
            let want: Vec<Said> = told[format!("{name}.{code}")]["segments"]
                .as_array()
                .unwrap()
                .iter()
                .map(|segment| {
                    let tokens: Vec<u32> = serde_json::from_value(segment["tokens"].clone()).unwrap();
                    let time =
                        |key: &str| ((segment[key].as_f64().unwrap() * 100.0).round() / 100.0).min(secs);
                    Said { start: time("start"), end: time("end"), tokens: text(&tokens) }
                })
                .collect();
            let got: Vec<Said> =
                said.into_iter().map(|said| Said { tokens: text(&said.tokens), ..said }).collect();
            assert_eq!(got, want, "{name}.{code}");
        }
    }
}

#[test]
fn a_transcript_is_made_of_sentences_and_goes_to_json() {
    let model = greedy();
    let samples = sound(8.0);
    let mut asked = Vec::new();
    let transcript = model
        .transcribe(&samples, None, &mut |secs| {
            asked.push(secs);
            true
        })
        .unwrap();
    assert_eq!((transcript.language, transcript.secs), ("english", 8.0));
    assert!(asked.is_sorted() && asked[0] == 0.0 && *asked.last().unwrap() > 3.0);
    let first: Vec<&str> = transcript.segments.iter().map(|segment| segment.text.as_str()).take(2).collect();
    assert_eq!(first, ["lllalllll...", "liilll."]);
    let within =
        |text: &str| transcript.segments.iter().filter(|segment| segment.text.contains(text)).count();
    assert!(within("ll") > 0 && transcript.segments.len() < 9, "pieces without a mark are joined");
    assert!(transcript.text.starts_with("lllalllll...liilll."));
    let path = std::env::temp_dir().join(format!("runner-book-{}.json", std::process::id()));
    let mut book = Book::read(&path).unwrap();
    book.add("b.wav", &transcript);
    book.add("a.wav", &transcript);
    fs::write(&path, book.bytes()).unwrap();
    let again = Book::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(again.has("a.wav") && again.has("b.wav") && !again.has("c.wav"));
    let json: Json = serde_json::from_slice(&again.bytes()).unwrap();
    assert_eq!(json.as_object().unwrap().keys().collect::<Vec<_>>(), ["a.wav", "b.wav"]);
    assert_eq!(json["b.wav"]["segments"][0]["end"], 1.96);
    assert_eq!((&json["a.wav"]["end"], &json["a.wav"]["language"]), (&8.0.into(), &"english".into()));
}

#[test]
fn what_is_unlikely_is_said_again_and_draws_are_the_same_each_time() {
    let samples = sound(3.0);
    let made = |temperatures| {
        let model = Whisper { temperatures, ..Whisper::read(&folder()).unwrap() };
        model.transcribe(&samples, Some("de"), &mut |_| true).unwrap()
    };
    let likeliest = made(&[0.0]);
    assert_eq!((likeliest.language, likeliest.text.as_str()), ("german", "lllilllll...llllaiii"));
    let wild = made(&[5.0]);
    assert_eq!(wild, made(&[5.0]));
    assert_ne!(wild, likeliest);
    assert_eq!(made(&[5.0, 5.0, 0.0]), likeliest, "nothing wild was likely enough");
    assert_eq!(made(&[0.0, 5.0]), likeliest, "it was likely enough");
}

#[test]
fn it_stops_when_asked_and_has_nothing_to_say_of_nothing() {
    let model = greedy();
    let stopped = model.transcribe(&sound(3.0), Some("en"), &mut |_| false);
    assert!(matches!(stopped, Err(TranscribeError::Stopped)));
    let nothing = model.transcribe(&[], Some("en"), &mut |_| true).unwrap();
    assert_eq!((nothing.text.as_str(), nothing.segments.len(), nothing.secs), ("", 0, 0.0));
    assert!(model.language("klingon").is_err());
    assert_eq!(model.language("Japanese").unwrap(), "ja");
}

/// A copy of the folder in which a file is another.
fn spoiled(name: &str, change: impl Fn(String) -> String) -> String {
    let copy = std::env::temp_dir().join(format!("runner-whisper-{}-{name}", std::process::id()));
    fs::create_dir_all(&copy).unwrap();
    for file in ["config.json", "generation_config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(folder().join(file), copy.join(file)).unwrap();
    }
    let path: &Path = &copy.join(name);
    fs::write(path, change(fs::read_to_string(path).unwrap())).unwrap();
    let error = Whisper::read(&copy).expect_err(name).to_string();
    fs::remove_dir_all(&copy).unwrap();
    error
}

#[test]
fn folders_that_are_not_whispers_say_why() {
    for (name, from, to, wanted) in [
        ("config.json", "\"whisper\"", "\"bart\"", "`model_type` is `bart`"),
        ("config.json", "\"d_model\": 16", "\"d_model\": 18", "`d_model = 18` is no multiple of 4 heads"),
        ("config.json", "\"d_model\"", "\"width\"", "missing field `d_model`"),
        (
            "config.json",
            "\"decoder_ffn_dim\": 24",
            "\"decoder_ffn_dim\": 25",
            "is [24, 16] there and [25, 16] here",
        ),
        (
            "config.json",
            "\"decoder_layers\": 2",
            "\"decoder_layers\": 3",
            "`decoder.layers.2.self_attn.q_proj.weight` is missing",
        ),
        ("tokenizer.json", "<|transcribe|>", "<|write|>", "it has no token `<|transcribe|>`"),
        (
            "config.json",
            "\"vocab_size\": 422",
            "\"vocab_size\": 400",
            "with the times of a window it has 422 tokens, and the model 400",
        ),
        ("tokenizer.json", "{", "[", "is not Whisper's: "),
    ] {
        let error = spoiled(name, |text| {
            assert!(text.contains(from), "{name} has no {from}");
            text.replace(from, to)
        });
        assert!(error.contains(wanted), "{error}");
    }
}
