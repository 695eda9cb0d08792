//! A `.cu` file as a shared library for the CPU: written out, compiled by `g++`, loaded, its kernels found by name.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::cuda::{Arg, COMMON, Failure, Grid, Source};

const SHIM: &str = include_str!("shim.h");

/// As the shim has it.
#[repr(C)]
struct Launching {
    blocks: [u32; 3],
    threads: [u32; 3],
    shared_bytes: u32,
    descending: u32,
}

type Enter = unsafe extern "C" fn(*const Launching, *const u64, *const c_char) -> *const c_char;

// SAFETY: the loader's own functions, as POSIX declares them.
unsafe extern "C" {
    fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlerror() -> *const c_char;
}

/// The libraries that are loaded, by source. Its lock is held while a kernel runs: a library has one set of threads.
static LOADED: LazyLock<Mutex<HashMap<&'static str, usize>>> = LazyLock::new(Mutex::default);

/// Whether there is a compiler; if not, says so past the test harness, which would swallow it.
pub(super) fn is_there() -> bool {
    static THERE: LazyLock<bool> = LazyLock::new(|| {
        let there = Command::new("g++").arg("--version").output().is_ok_and(|output| output.status.success());
        if !there {
            _ = writeln!(std::io::stderr(), "device kernels: not run (there is no g++)");
        }
        there
    });
    *THERE
}

/// Runs one kernel over `grid`.
pub(super) fn run(
    source: &'static Source,
    entry: &str,
    grid: Grid,
    args: &[Arg],
    descending: bool,
) -> Result<(), Failure> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let handle = match loaded.get(source.text) {
        Some(&handle) => handle,
        None => {
            let handle = load(&compiled(source)?)?;
            loaded.insert(source.text, handle);
            handle
        }
    };
    let enter = find(handle, entry)?;
    let (letters, bits): (String, Vec<u64>) = args.iter().map(|arg| (letter(arg), arg.bits())).unzip();
    let letters = CString::new(letters).map_err(Failure::new)?;
    let narrow = |extents: [usize; 3]| extents.map(|extent| extent as u32);
    let launching = Launching {
        blocks: narrow(grid.blocks),
        threads: narrow(grid.threads),
        shared_bytes: grid.shared_bytes as u32,
        descending: descending.into(),
    };
    // SAFETY: `find` has the function by the name under which `text` wrote it with these parameters; it copies all three.
    let said = unsafe { enter(&raw const launching, bits.as_ptr(), letters.as_ptr()) };
    if said.is_null() {
        return Ok(());
    }
    // SAFETY: a sentence in the library's own memory, which stays until the next launch, and the lock is held.
    let said = unsafe { CStr::from_ptr(said) }.to_string_lossy().into_owned();
    Err(Failure::new(said))
}

fn letter(arg: &Arg) -> char {
    match arg {
        Arg::At(_) => 'p',
        Arg::I32(_) => 'i',
        Arg::I64(_) => 'l',
        Arg::F32(_) => 'f',
        Arg::U64(_) => 'u',
    }
}

/// The names of the kernels in a source: what stands before the parenthesis of parameters.
fn kernels(text: &str) -> Vec<&str> {
    let declared = text.split("__global__ void").skip(1).filter_map(|rest| {
        let rest = rest.trim_start();
        let rest = match rest.strip_prefix("__launch_bounds__(") {
            Some(rest) => rest.split_once(')')?.1,
            None => rest,
        };
        rest.split_once('(').map(|(name, _)| name.trim())
    });
    declared.filter(|name| !name.contains("##")).collect()
}

/// Kernels that a macro of the common part makes.
fn made_by_macro(text: &str) -> Vec<String> {
    let uses = text.split("\nPOINTWISE(").skip(1).filter_map(|rest| rest.split_once(','));
    uses.flat_map(|(name, _)| [format!("{name}_forward"), format!("{name}_backward")]).collect()
}

/// The whole program: the shim, the source where it cannot clash with anything, and a way into each kernel.
fn program(source: &Source) -> String {
    let Source { name, text } = source;
    let mut program = format!(
        "{SHIM}\nnamespace {{\n#line 1 \"common.cuh\"\n{COMMON}\n#line 1 \"{name}.cu\"\n{text}\n}}\n"
    );
    let named = kernels(text).into_iter().map(str::to_owned).chain(made_by_macro(text));
    for kernel in named {
        program += &format!(
            "extern \"C\" const char* enter_{kernel}(const Launching* launching, const uint64_t* bits, const char* letters) {{ \
             return emulated::enter({kernel}, *launching, bits, letters); }}\n"
        );
    }
    program
}

/// The library's file, beside the test program; made where it is not there yet.
fn compiled(source: &Source) -> Result<PathBuf, Failure> {
    let program = program(source);
    let mut hasher = DefaultHasher::new();
    program.hash(&mut hasher);
    let exe = std::env::current_exe().map_err(Failure::new)?;
    let folder = exe.parent().unwrap_or(Path::new(".")).join("emulated");
    let library = folder.join(format!("{}-{:016x}.so", source.name, hasher.finish()));
    if library.is_file() {
        return Ok(library);
    }
    std::fs::create_dir_all(&folder).map_err(Failure::new)?;
    // Two test programs may come here at once: each has names of its own until all is there.
    let mine = |ending: &str| library.with_extension(format!("{}.{ending}", std::process::id()));
    let (text, made) = (mine("cpp"), mine("so"));
    std::fs::write(&text, &program).map_err(Failure::new)?;
    let output = Command::new("g++")
        .args(["-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-ffp-contract=off", "-fno-strict-aliasing"])
        .args(["-U_FORTIFY_SOURCE", "-o"])
        .args([&made, &text])
        .output()
        .map_err(Failure::new)?;
    _ = std::fs::remove_file(&text);
    if !output.status.success() {
        return Err(Failure::new(String::from_utf8_lossy(&output.stderr)));
    }
    std::fs::rename(&made, &library).map_err(Failure::new)?;
    Ok(library)
}

fn load(library: &Path) -> Result<usize, Failure> {
    const NOW: c_int = 2;
    let file = CString::new(library.as_os_str().as_encoded_bytes()).map_err(Failure::new)?;
    // SAFETY: a path that ends in zero; the library runs nothing when it is loaded.
    let handle = unsafe { dlopen(file.as_ptr(), NOW) };
    if handle.is_null() {
        // SAFETY: the loader's own sentence about the call above.
        let said = unsafe { CStr::from_ptr(dlerror()) };
        return Err(Failure::new(said.to_string_lossy()));
    }
    Ok(handle as usize)
}

fn find(handle: usize, entry: &str) -> Result<Enter, Failure> {
    let name = CString::new(format!("enter_{entry}")).map_err(Failure::new)?;
    // SAFETY: a handle of `load`, never closed.
    let found = unsafe { dlsym(handle as *mut c_void, name.as_ptr()) };
    if found.is_null() {
        return Err(Failure::new(format!("there is no kernel `{entry}`")));
    }
    // SAFETY: `program` has written it with this type.
    Ok(unsafe { std::mem::transmute::<*mut c_void, Enter>(found) })
}
