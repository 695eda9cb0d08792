//! Files that PyTorch wrote (tests/parity/make_torch.py) are read to the last bit, and broken ones with a sentence.

use std::path::PathBuf;

use super::is_torch;
use crate::model::weights::{Tensors, WeightsError};

fn read(path: &std::path::Path) -> Result<Tensors, WeightsError> {
    super::read(path).map(|checkpoint| checkpoint.tensors)
}

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
fn the_form_before_1_6_is_read_too() {
    let path = file("older.pt");
    assert!(is_torch(&path));
    let checkpoint = super::read(&path).unwrap();
    assert_eq!(checkpoint.tensors.len(), 2);
    check(&checkpoint.tensors, "a", &[4], ramp(0..4));
    check(&checkpoint.tensors, "b", &[2, 3], ramp(2..8));
    assert_eq!(serde_json::Value::Object(checkpoint.beside), serde_json::json!({"optim": {}, "steps": 3}));
}

#[test]
fn plain_values_stand_beside_the_model() {
    let beside = super::read(&file("model.ckpt-7")).unwrap().beside;
    assert_eq!(beside["sched"], serde_json::json!({"last": [1, 2.5, null, "x"]}));
    assert_eq!(beside["step"], 7);
    assert_eq!(beside["optim"]["param_groups"][0]["betas"], serde_json::json!([0.9, 0.999]));
    assert!(!beside.contains_key("model"));
}

#[test]
fn an_object_in_a_model_is_refused_by_its_class_and_beside_it_left_out() {
    // {"model": {"x": collections.deque()}}, and the same dictionary under another key.
    let pickled = |level: &str| {
        let mut pickle = b"\x80\x02}X".to_vec();
        pickle.extend((level.len() as u32).to_le_bytes());
        pickle.extend(level.bytes());
        pickle.extend(b"}X\x01\0\0\0xccollections\ndeque\n)Rss.");
        super::pickle::Pickle::parse(&pickle).unwrap()
    };
    let inside = pickled("model");
    let states = inside.get(inside.root(), "model").unwrap();
    assert_eq!(
        super::named(&inside, states, true).map(|found| found.len()),
        Err("`x` is an object of the class `collections deque`, which is not read".into())
    );
    let whole = super::pickle::Pickle::parse(b"\x80\x02cnet\nModel\n)\x81}b.").unwrap();
    assert_eq!(
        super::named(&whole, whole.root(), false).map(|found| found.len()),
        Err("it is an object of the class `net Model`, saved whole; only its `state_dict()` can be read"
            .into())
    );
    let beside = super::Plain::new(&pickled("callbacks")).beside(None);
    assert_eq!(serde_json::Value::Object(beside), serde_json::json!({"callbacks": {}}));
}

#[test]
fn values_that_contain_themselves_or_each_other_many_times_over_end() {
    use super::pickle::Pickle;
    // {"x": l} with l in l.
    let own = Pickle::parse(b"\x80\x02}X\x01\0\0\0x]q\0h\0as.").unwrap();
    _ = super::Plain::new(&own).beside(None);
    // Sixty lists, each with the one before it twice.
    let mut doubled = b"\x80\x02}X\x01\0\0\0x]q\0".to_vec();
    for level in 0..60_u8 {
        doubled.extend([b'0', b']', b'q', level + 1, b'(', b'h', level, b'h', level, b'e']);
    }
    doubled.extend(b"s.");
    _ = super::Plain::new(&Pickle::parse(&doubled).unwrap()).beside(None);
}

#[test]
fn a_broken_file_is_refused_wherever_it_is_cut_or_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken");
    for name in ["model.ckpt-7", "older.pt"] {
        let whole = std::fs::read(file(name)).unwrap();
        for cut in (0..whole.len()).step_by(97) {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(read(&path).is_err(), "{name} cut at {cut}");
        }
        // A changed byte may or may not matter; it must never be a panic, a hang or a flood of memory.
        for at in (0..whole.len()).step_by(13) {
            let mut bytes = whole.clone();
            bytes[at] = bytes[at].wrapping_add(0x55);
            std::fs::write(&path, &bytes).unwrap();
            _ = read(&path);
        }
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
