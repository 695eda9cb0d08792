//! Files that PyTorch wrote (tests/parity/make_torch.py) are read to the last bit, and broken ones with a sentence.

use std::path::PathBuf;

use super::{is_torch, read};
use crate::model::weights::Tensors;

fn file(name: &str) -> PathBuf {
    crate::checkout().join("tests/parity/torch").join(name)
}

fn ramp(at: impl IntoIterator<Item = usize>) -> Vec<f32> {
    at.into_iter().map(|index| index as f32 / 8.0).collect()
}

fn check(tensors: &Tensors, name: &str, shape: &[usize], values: Vec<f32>) {
    let (dims, found) = tensors.get(name).unwrap_or_else(|| panic!("no `{name}`"));
    assert_eq!((dims.as_slice(), found), (shape, &values), "{name}");
}

#[test]
fn every_kind_of_tensor_and_layout_is_read() {
    let path = file("bare.bin");
    assert!(is_torch(&path));
    let tensors = read(&path).unwrap();
    assert_eq!(tensors.len(), 12);
    check(&tensors, "plain", &[2, 3, 4], ramp(0..24));
    check(
        &tensors,
        "transposed",
        &[6, 4],
        ramp((0..6).flat_map(|row| (0..4).map(move |column| column * 6 + row))),
    );
    check(&tensors, "slice", &[2, 3], ramp([8, 9, 10, 14, 15, 16]));
    check(&tensors, "shared.a", &[5], ramp(0..5));
    check(&tensors, "shared.b", &[4], ramp(5..9));
    check(&tensors, "half", &[6], ramp(0..6));
    check(&tensors, "bfloat16", &[6], ramp(0..6));
    check(&tensors, "double", &[6], ramp(0..6));
    check(&tensors, "long", &[3], vec![-3.0, 0.0, 70000.0]);
    check(&tensors, "scalar", &[], vec![2.5]);
    check(&tensors, "flag", &[2], vec![1.0, 0.0]);
    check(&tensors, "empty", &[0, 3], Vec::new());
}

#[test]
fn a_training_checkpoint_gives_its_model() {
    let tensors = read(&file("model.ckpt-7")).unwrap();
    let names: Vec<&str> = tensors.keys().map(String::as_str).collect();
    assert_eq!(names, ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]);
    assert_eq!(tensors["parametrizations.weight.original1"].0, [4, 2, 3]);
}

#[test]
fn a_broken_file_is_refused_wherever_it_is_cut_or_changed() {
    let whole = std::fs::read(file("model.ckpt-7")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken");
    for cut in (0..whole.len()).step_by(97) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        assert!(read(&path).is_err(), "cut at {cut}");
    }
    // A changed byte may or may not matter; it must never be a panic, a hang or a flood of memory.
    for at in (0..whole.len()).step_by(13) {
        let mut bytes = whole.clone();
        bytes[at] = bytes[at].wrapping_add(0x55);
        std::fs::write(&path, &bytes).unwrap();
        _ = read(&path);
    }
}

#[test]
fn a_pickle_that_would_call_something_calls_nothing() {
    use super::pickle::{Node, Pickle};
    let pickle = b"\x80\x02cos\nsystem\n(X\x06\0\0\0touch tR.";
    let parsed = Pickle::parse(pickle).unwrap();
    let Node::Call { function, .. } = parsed.node(parsed.root()) else { panic!("no call was written down") };
    assert_eq!(parsed.node(*function), &Node::Global("os system".into()));
    let nested: Vec<u8> = std::iter::repeat_n(b'(', 1_000_000)
        .chain(std::iter::repeat_n(b't', 1_000_000))
        .chain([b'.'])
        .collect();
    assert!(Pickle::parse(&nested).is_ok());
}
