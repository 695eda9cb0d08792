//! SSAMBA and SSAST out of files in the published layout, from a waveform to class scores, against tests/parity/make_ssamba.py.

use super::{closeness, golden};
use crate::support::runner;
use runner::model::weights::read_tensors;

#[test]
fn published_files_classify_as_their_formulas_do() {
    let folder = tempfile::tempdir().unwrap();
    let input = golden("ssamba/golden.safetensors");
    let want = read_tensors(&input).unwrap();
    for name in ["ssamba", "ssast"] {
        let dump = folder.path().join(format!("{name}.safetensors"));
        let experiment = format!("tests/parity/{name}.toml");
        let (input, out) = (input.display().to_string(), dump.display().to_string());
        let said = runner(&["forward", &experiment, "--input", &input, "--dump", &out]);
        assert_eq!(said.code, 0, "{}", said.err);
        let got = read_tensors(&dump).unwrap();
        let want = &want[&format!("{name}.logits")].1;
        closeness(&format!("{name}.pth, sound to scores"), &got["class_logits.0"].1, want, 1e-4);
    }
}

#[test]
fn positions_of_another_grid_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (golden("ssamba/golden.safetensors"), folder.path().join("out.safetensors"));
    let said = runner(&[
        "forward",
        "tests/parity/ssamba.toml",
        "--input",
        &input.display().to_string(),
        "--dump",
        &out.display().to_string(),
        "-s",
        "model.ssamba.patches.pretrained_length=1024",
    ]);
    let sentence = "`v.pos_embed` has 65 positions of 16, not those of 1 tokens and 8 × 64 patches";
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.err.contains(sentence), "{}", said.err);
    assert!(!out.exists());
}
