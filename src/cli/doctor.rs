//! `runner doctor`: what this machine offers, with a cure for each lack.
//!
//! It looks at files and asks programs for their settings; it changes nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Serialize;

use super::Talk;
use super::failure::Failure;
use crate::launch::slurm::cluster;
use crate::record::host::{Host, free_bytes};
use crate::record::units::bytes;

/// Free space under which a paper-sized run may not fit its checkpoints: weights and two moments of 315 M parameters, several times.
const ROOM_BYTES: u64 = 20_000_000_000;

/// One thing that was looked for.
#[derive(Debug, Serialize)]
struct Finding {
    name: &'static str,
    found: String,
    /// What to do where something is lacking; nothing is where nothing is.
    cure: Option<&'static str>,
}

impl Finding {
    fn new(name: &'static str, found: Option<String>, cure: &'static str) -> Self {
        match found {
            Some(found) => Self { name, found, cure: None },
            None => Self { name, found: "not found".into(), cure: Some(cure) },
        }
    }
}

/// Prints what there is.
pub fn doctor(runs_dir: &Path, talk: Talk) -> Result<u8, Failure> {
    let host = Host::this();
    let findings = [
        cpu(&host),
        instructions(),
        memory(&host),
        disk(runs_dir),
        gpu(),
        kernels_for_it(),
        nvrtc(),
        espeak(),
        hub(),
        slurm(),
    ];
    if talk.json {
        let lacking = findings.iter().filter(|finding| finding.cure.is_some()).count();
        talk.data(&serde_json::json!({"lacking": lacking, "findings": findings}));
        return Ok(0);
    }
    for Finding { name, found, cure } in &findings {
        println!("{} {name:13} {found}", if cure.is_some() { "–" } else { "✓" });
        if let Some(cure) = cure {
            println!("  {:13} {cure}", "");
        }
    }
    Ok(0)
}

/// Prints what the settings of the cluster mean for the jobs of a sweep.
pub fn cluster(talk: Talk) -> Result<u8, Failure> {
    let settings = cluster::look()?;
    if talk.json {
        let lacking = settings.iter().filter(|setting| setting.cure.is_some()).count();
        talk.data(&serde_json::json!({"lacking": lacking, "findings": settings}));
        return Ok(0);
    }
    for setting in &settings {
        let mark = if setting.cure.is_some() { "–" } else { "✓" };
        let value = if setting.value.is_empty() { "not set" } else { &setting.value };
        println!("{mark} {} = {value}\n    {}", setting.name, setting.means);
        if let Some(cure) = &setting.cure {
            println!("    → {cure}");
        }
    }
    Ok(0)
}

fn cpu(host: &Host) -> Finding {
    let cores = host.cores.map_or_else(|| "an unknown number of".to_owned(), |cores| cores.to_string());
    let name = host.cpu.clone().unwrap_or_else(|| host.system.clone());
    Finding::new("CPU", Some(format!("{name}, {cores} cores for this process")), "")
}

fn instructions() -> Finding {
    let cure = "the CPU kernels fall back to narrow arithmetic, several times slower; use a machine with AVX2 or AVX-512";
    Finding::new("vectors", vectors(), cure)
}

#[cfg(target_arch = "x86_64")]
fn vectors() -> Option<String> {
    let known = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512_bf16", std::arch::is_x86_feature_detected!("avx512bf16")),
        ("amx_bf16", kernels::matmul::bf16::available()),
    ];
    let there: Vec<&str> = known.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    there.contains(&"avx2").then(|| there.join(", "))
}

#[cfg(not(target_arch = "x86_64"))]
fn vectors() -> Option<String> {
    cfg!(target_arch = "aarch64").then(|| "neon".to_owned())
}

fn memory(host: &Host) -> Finding {
    Finding::new("memory", host.memory_bytes.map(bytes), "the system does not tell how much memory it has")
}

fn disk(runs_dir: &Path) -> Finding {
    let there = runs_dir.ancestors().find(|dir| dir.is_dir()).unwrap_or(Path::new("."));
    let free = free_bytes(there);
    let found = free.map(|free| format!("{} free for {}", bytes(free), runs_dir.display()));
    let mut finding = Finding::new("disk", found, "the system does not tell how much is free");
    if free.is_some_and(|free| free < ROOM_BYTES) {
        finding.cure = Some(
            "a paper-sized run keeps some 4 GB per checkpoint; free some, or set `output.runs_dir` elsewhere",
        );
    }
    finding
}

/// The driver's own line about itself.
fn driver() -> Option<String> {
    let text = std::fs::read_to_string("/proc/driver/nvidia/version").ok()?;
    Some(text.lines().next()?.trim_start_matches("NVRM version:").trim().to_owned())
}

const NO_DRIVER: &str = "no NVIDIA driver is loaded; everything runs on the CPU";

#[cfg(not(feature = "cuda"))]
fn gpu() -> Finding {
    Finding::new("GPU", driver(), NO_DRIVER)
}

/// Each GPU by its number, then the driver.
#[cfg(feature = "cuda")]
fn gpu() -> Finding {
    let gpus = match kernels::cuda::gpus() {
        Ok(gpus) if !gpus.is_empty() => gpus,
        _ => return Finding::new("GPU", driver(), NO_DRIVER),
    };
    let mut found: Vec<String> = gpus
        .iter()
        .map(|gpu| {
            let [major, minor] = gpu.capability;
            let memory = bytes(gpu.memory_bytes);
            format!("{}: {}, {memory}, compute capability {major}.{minor}", gpu.index, gpu.name)
        })
        .collect();
    found.extend(driver());
    found.extend(kernels::cuda::driver_version().map(|[major, minor]| format!("CUDA {major}.{minor}")));
    let old = gpus.iter().any(|gpu| gpu.check().is_err());
    let cure = old.then_some("kernels need compute capability 8.0 or newer");
    Finding { cure, ..Finding::new("GPU", Some(found.join("; ")), "") }
}

#[cfg(not(feature = "cuda"))]
fn kernels_for_it() -> Finding {
    Finding::new(
        "CUDA",
        None,
        "this program was built without the feature `cuda`; everything runs on the CPU",
    )
}

#[cfg(feature = "cuda")]
fn kernels_for_it() -> Finding {
    let pending = kernels::pending();
    if pending.is_empty() {
        return Finding::new("CUDA", Some("built in; every op has its kernel".into()), "");
    }
    let found = format!("built in; without a kernel: {}", pending.join(", "));
    Finding {
        cure: Some("until all ops have one, everything runs on the CPU"),
        ..Finding::new("CUDA", Some(found), "")
    }
}

fn nvrtc() -> Finding {
    let found = library("libnvrtc.so").map(|path| path.display().to_string());
    Finding::new(
        "NVRTC",
        found,
        "only the CUDA kernels need it: `pip install nvidia-cuda-nvrtc`, or NVIDIA's toolkit",
    )
}

fn espeak() -> Finding {
    let found = program("espeak-ng").map(|path| path.display().to_string());
    Finding::new(
        "espeak-ng",
        found,
        "phonemes of `data g2p` and remaking the bundled corpus need it: `apt install espeak-ng sox`",
    )
}

fn hub() -> Finding {
    let home = std::env::var_os("HF_HOME").map(PathBuf::from);
    let usual = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/huggingface"));
    let found = home.or_else(usual).filter(|dir| dir.is_dir()).map(|dir| dir.display().to_string());
    Finding::new(
        "model cache",
        found,
        "`runner data fetch --model wav2vec2-large-lv60` makes it; hub names are looked up there",
    )
}

fn slurm() -> Finding {
    let Some(scontrol) = program("sbatch").and(program("scontrol")) else {
        return Finding::new(
            "Slurm",
            None,
            "runs stay on this machine; on a cluster, log in to a node that has `sbatch`",
        );
    };
    let config = Command::new(scontrol).args(["show", "config"]).output().ok();
    let config =
        config.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let mut finding = Finding::new("Slurm", Some("sbatch is there".into()), "");
    if !config.contains("preempt_send_user_signal") {
        finding.cure =
            Some("preempted jobs get no signal of ours before SIGTERM: ask for `preempt_send_user_signal`");
    }
    finding
}

/// The first program of this name on the path.
fn program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|path| path.is_file())
}

/// The first shared library whose name begins so, where loaders look.
fn library(prefix: &str) -> Option<PathBuf> {
    let usual =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/local/cuda/lib64", "/usr/lib"].map(PathBuf::from);
    let told =
        std::env::var_os("LD_LIBRARY_PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let named = |dir: PathBuf| {
        let entries = std::fs::read_dir(dir).ok()?;
        entries
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)))
    };
    told.unwrap_or_default().into_iter().chain(usual).find_map(named)
}
