//! Sources compiled by NVRTC to machine code, and kept on disk: the second start of a program compiles nothing.
//!
//! A file is named by its source, the architecture and NVRTC's version; whatever is wrong with the folder costs a compilation, never a run.

use std::ffi::{CStr, c_char, c_int};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use cudarc::nvrtc::{result, sys};

use super::{COMMON, Failure, Source};

/// What was compiled, and whether it comes from the disk.
pub(super) struct Image {
    pub code: Vec<u8>,
    pub kept: bool,
}

/// Machine code of `source` for `architecture`, as `sm_90`. With `anew` what is kept is not looked at.
pub(super) fn image(source: &Source, architecture: &str, anew: bool) -> Result<Image, Failure> {
    let file = folder().map(|folder| folder.join(name(source, architecture)));
    if !anew && let Some(code) = file.as_ref().and_then(|file| std::fs::read(file).ok()) {
        return Ok(Image { code, kept: true });
    }
    let code = compiled(source, architecture)?;
    if let Some(file) = file {
        _ = keep(&file, &code);
    }
    Ok(Image { code, kept: false })
}

fn text(source: &Source) -> String {
    format!("#line 1 \"common.cuh\"\n{COMMON}\n#line 1 \"{}.cu\"\n{}", source.name, source.text)
}

/// Where programs keep what can be made again, or nowhere.
fn folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))?;
    Some(cache.join("runner").join("kernels"))
}

fn name(source: &Source, architecture: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (text(source), version()).hash(&mut hasher);
    format!("{}-{architecture}-{:016x}.cubin", source.name, hasher.finish())
}

/// NVRTC's version; zeros where it will not say, which then compiles or does not.
pub(super) fn version() -> [c_int; 2] {
    let [mut major, mut minor] = [0, 0];
    // SAFETY: two places for two numbers.
    let said = unsafe { sys::nvrtcVersion(&raw mut major, &raw mut minor) };
    if said.result().is_ok() { [major, minor] } else { [0, 0] }
}

/// Whole under its name, or not at all: several processes may start at once.
fn keep(file: &Path, code: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mine = file.with_extension(std::process::id().to_string());
    std::fs::write(&mine, code)?;
    std::fs::rename(&mine, file)
}

fn compiled(source: &Source, architecture: &str) -> Result<Vec<u8>, Failure> {
    let named = |what: &str| Failure::new(format!("{}.cu for {architecture}: {what}", source.name));
    let program = result::create_program(text(source)).map_err(|error| named(&format!("{error:?}")))?;
    let options = [format!("--gpu-architecture={architecture}"), "--std=c++17".to_owned()];
    // SAFETY: `program` was made above and is destroyed below, once.
    let done = unsafe { result::compile_program(program, &options) };
    let code = match done {
        Ok(()) => machine_code(program).map_err(|error| named(&format!("{error:?}"))),
        Err(error) => {
            // SAFETY: as above; the log ends in zero.
            let log = unsafe { result::get_program_log(program) }.unwrap_or_default();
            let log = CStr::from_bytes_until_nul(bytes(&log)).map(CStr::to_string_lossy);
            Err(named(&format!("{error:?}\n{}", log.unwrap_or_default().trim_end())))
        }
    };
    // SAFETY: as above, and nothing uses it after this.
    _ = unsafe { result::destroy_program(program) };
    code
}

fn bytes(chars: &[c_char]) -> &[u8] {
    // SAFETY: the same bytes seen without a sign.
    unsafe { std::slice::from_raw_parts(chars.as_ptr().cast(), chars.len()) }
}

fn machine_code(program: sys::nvrtcProgram) -> Result<Vec<u8>, result::NvrtcError> {
    let mut len = 0;
    // SAFETY: a compiled program, and a place for a number.
    unsafe { sys::nvrtcGetCUBINSize(program, &raw mut len) }.result()?;
    let mut code = vec![0u8; len];
    // SAFETY: as above, and room for what it said.
    unsafe { sys::nvrtcGetCUBIN(program, code.as_mut_ptr().cast()) }.result()?;
    Ok(code)
}
