//! One op, forward and backward, on tensors from a file: for comparing our operators with another library's.
//!
//!     cargo run --release -p kernels --example op -- layer_norm in.safetensors out.safetensors eps=1e-5
//!
//! The file holds the op's operands under their names (`x`, `weight` …), f32, and, where gradients are wanted, `dy`: the gradient of the
//! output. The result holds `y`, and with `dy` a `d` tensor for each operand. `op NAME --help` lists names, shapes and settings, `op` all
//! ops. Built with `--features cuda`, `--gpu N` as the last words runs it on that GPU. Not for: timing (see the benches). What an op is called
//! with stands in `on_files.rs` of its folder.

mod file;

use std::process::ExitCode;

use kernels::on_files::{Call, Entry, Named, Table, Tensors, Wrong};
use kernels::{Cpu, OPS};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(said) => {
            print!("{said}");
            ExitCode::SUCCESS
        }
        Err(Wrong(why)) => {
            eprintln!("error: {why}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<String, Wrong> {
    let Some(name) = arguments.first().filter(|name| !name.starts_with('-')) else {
        let names: String = OPS.iter().map(|op| format!("  {:<16} {}\n", op.name, op.about)).collect();
        return Ok(format!("op NAME IN.safetensors OUT.safetensors [SETTING=VALUE …]\n\n{names}"));
    };
    let Some(op) = OPS.iter().find(|op| op.name == name) else {
        let names: Vec<&str> = OPS.iter().map(|op| op.name).collect();
        return Err(Wrong(format!("there is no op `{name}`; there are {}", names.join(", "))));
    };
    let (from, to, settings) = match &arguments[1..] {
        [flag] if flag == "--help" || flag == "-h" => return Ok(op.help()),
        [from, to, settings @ ..] => (from, to, settings),
        _ => return Err(Wrong(format!("give the files: op {name} IN.safetensors OUT.safetensors"))),
    };
    let tensors = file::read(from)?;
    let written = match settings {
        [settings @ .., flag, gpu] if flag == "--gpu" => on_gpu(op, tensors, settings, gpu)?,
        settings => called(&Cpu::default(), op, tensors, settings)?,
    };
    let said = written.iter().map(|(name, shape, _)| format!("{name} {shape:?}\n")).collect();
    file::write(to, &written)?;
    Ok(said)
}

/// Output and gradients of `op` on a device.
fn called<D: Table>(
    device: &D,
    op: &Entry,
    tensors: Tensors,
    settings: &[String],
) -> Result<Vec<Named>, Wrong> {
    let mut call = Call::new(device, op, tensors, settings)?;
    let y = op.run(&mut call)?;
    call.finish(y)
}

#[cfg(feature = "cuda")]
fn on_gpu(op: &Entry, tensors: Tensors, settings: &[String], gpu: &str) -> Result<Vec<Named>, Wrong> {
    let number = gpu.parse().map_err(|_| Wrong(format!("`--gpu {gpu}`: GPUs are numbered from 0")))?;
    let gpu = kernels::device::cuda::open(number).map_err(|failure| Wrong(failure.to_string()))?;
    called(&gpu, op, tensors, settings)
}

#[cfg(not(feature = "cuda"))]
fn on_gpu(_: &Entry, _: Tensors, _: &[String], gpu: &str) -> Result<Vec<Named>, Wrong> {
    Err(Wrong(format!("`--gpu {gpu}`, but this program was built without CUDA: add `--features cuda`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(op: &str, tensors: &[Named], settings: &[&str]) -> Result<Vec<Named>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (from, to) = (path("in.safetensors"), path("out.safetensors"));
        let told = |Wrong(why)| why;
        file::write(&from, tensors).map_err(told)?;
        let arguments = [&[op, &from, &to], settings].concat();
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        run(&arguments).map_err(told)?;
        let made = file::read(&to).map_err(told)?;
        Ok(made.into_iter().map(|(name, (shape, values))| (name, shape, values)).collect())
    }

    fn row(name: &str, values: &[f32]) -> Named {
        (name.to_owned(), vec![values.len()], values.to_vec())
    }

    #[test]
    fn output_and_gradients_come_out_under_their_names() {
        let made = called("silu", &[row("x", &[0.0, 2.0]), row("dy", &[1.0, 3.0])], &[]).unwrap();
        let names: Vec<&str> = made.iter().map(|tensor| tensor.0.as_str()).collect();
        assert_eq!(names, ["dx", "y"]);
        let sigmoid = 1.0 / (1.0 + (-2.0f32).exp());
        let (dx, y) = (&made[0].2, &made[1].2);
        assert!((y[1] - 2.0 * sigmoid).abs() < 1e-6 && y[0] == 0.0);
        assert!((dx[0] - 0.5).abs() < 1e-6);
        assert!((dx[1] - 3.0 * sigmoid * (1.0 + 2.0 * (1.0 - sigmoid))).abs() < 1e-5);
    }

    #[test]
    fn nothing_is_read_and_ignored() {
        let x = || row("x", &[1.0]);
        let wrong = |tensors: &[Named], settings: &[&str]| called("gelu", tensors, settings).unwrap_err();
        assert_eq!(
            wrong(&[x(), row("w", &[1.0])], &[]),
            "gelu has no operand `w`; `op gelu --help` lists them"
        );
        #[cfg(not(feature = "cuda"))]
        assert_eq!(
            wrong(&[x()], &["--gpu", "0"]),
            "`--gpu 0`, but this program was built without CUDA: add `--features cuda`"
        );
        assert_eq!(wrong(&[x()], &["eps=1"]), "`eps=1` is no setting; gelu has []");
        assert_eq!(wrong(&[], &[]), "the file has no `x`");
        assert_eq!(wrong(&[x(), row("dy", &[1.0, 2.0])], &[]), "`dy` has 2 values, but y is [1]");
    }

    #[test]
    fn lengths_and_masks_are_tensors_too() {
        let frames =
            |name: &str, values: &[f32]| (name.to_owned(), vec![1, values.len(), 1], values.to_vec());
        let named = |name: &str, values: &[f32]| (name.to_owned(), values.to_vec());
        let made = |op: &str, tensors: &[Named], settings: &[&str]| -> Vec<(String, Vec<f32>)> {
            let made = called(op, tensors, settings).unwrap();
            made.into_iter().map(|(name, _, values)| (name, values)).collect()
        };
        let (x, dy) = (|| frames("x", &[1.0, 2.0, 3.0]), || frames("dy", &[4.0, 5.0, 6.0]));
        assert_eq!(
            made("reverse_padded", &[x(), row("lens", &[2.0]), dy()], &[]),
            [named("dx", &[5.0, 4.0, 0.0]), named("y", &[2.0, 1.0, 0.0])]
        );
        assert_eq!(made("mean_pool", &[x()], &[]), [named("y", &[2.0])]);
        assert_eq!(
            made("time_mask", &[x(), row("embedding", &[9.0]), row("mask", &[0.0, 1.0, 0.0]), dy()], &[]),
            [named("dembedding", &[5.0]), named("dx", &[4.0, 0.0, 6.0]), named("y", &[1.0, 9.0, 3.0])]
        );
        assert_eq!(made("dropout", &[x()], &["p=0"]), [named("y", &[1.0, 2.0, 3.0])]);
        let weighted = [row("x", &[1.0, -1.0]), row("weight", &[1.0, 2.0])];
        assert_eq!(made("rms_norm", &weighted, &["eps=0"]), [named("y", &[1.0, -2.0])]);
    }

    #[test]
    fn every_op_tells_its_operands() {
        for op in OPS {
            let help = op.help();
            assert!(
                op.operands.iter().all(|(name, shape)| help.contains(name) && help.contains(shape)),
                "{help}"
            );
        }
    }
}
