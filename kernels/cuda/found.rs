//! Which GPUs there are: what the driver tells without opening any.
//!
//! Their numbers are the driver's own, so `CUDA_VISIBLE_DEVICES` says which one is the first. Not for: working on one (`driver.rs`). Start at `look`.

#[cfg(feature = "cuda")]
use std::ffi::{CStr, c_int};

#[cfg(feature = "cuda")]
use cudarc::driver::{result, sys};

use super::Failure;
#[cfg(feature = "cuda")]
use super::driver::{Said, failed};

/// The oldest architecture that kernels are compiled for.
const OLDEST: [i32; 2] = [8, 0];

/// A GPU of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpu {
    /// Its number, from 0.
    pub index: usize,
    /// As its maker calls it, `NVIDIA H200` say.
    pub name: String,
    /// Its memory in bytes, that of others included.
    pub memory_bytes: u64,
    /// Compute capability, major and minor.
    pub capability: [i32; 2],
}

impl Gpu {
    /// Refuses one that kernels are not compiled for.
    ///
    /// # Errors
    /// It is older than sm_80.
    pub fn check(&self) -> Result<(), Failure> {
        let [major, minor] = self.capability;
        if self.capability >= OLDEST {
            return Ok(());
        }
        let (index, name) = (self.index, &self.name);
        Err(Failure::new(format!(
            "GPU {index} ({name}) is sm_{major}{minor}, and kernels need sm_80 or newer"
        )))
    }
}

/// The GPU of this number among all there are.
fn chosen(index: usize, gpus: Vec<Gpu>) -> Result<Gpu, Failure> {
    let count = gpus.len();
    let absent = || match count {
        0 => Failure::new("the NVIDIA driver finds no GPU"),
        1 => Failure::new(format!("there is no GPU {index}: there is one, number 0")),
        _ => Failure::new(format!("there is no GPU {index}: there are {count}, numbered from 0")),
    };
    let gpu = gpus.into_iter().nth(index).ok_or_else(absent)?;
    gpu.check()?;
    Ok(gpu)
}

/// The GPU of this number, if kernels run on it; asked before anything else, as opening what is not there would panic.
///
/// # Errors
/// There is no driver, no such GPU, or it is too old.
#[cfg(feature = "cuda")]
pub fn look(index: usize) -> Result<Gpu, Failure> {
    chosen(index, gpus()?)
}

/// All GPUs of this machine that this process may see.
///
/// # Errors
/// There is no driver, or it does not answer.
#[cfg(feature = "cuda")]
pub fn gpus() -> Result<Vec<Gpu>, Failure> {
    start()?;
    let count = result::device::get_count().map_err(failed)?;
    (0..count).map(gpu).collect()
}

/// The newest CUDA that the driver knows, major and minor.
///
/// # Errors
/// There is no driver.
#[cfg(feature = "cuda")]
pub fn driver_version() -> Result<[i32; 2], Failure> {
    start()?;
    let mut version: c_int = 0;
    // SAFETY: a place for a number.
    unsafe { sys::cuDriverGetVersion(&raw mut version) }.result().map_err(failed)?;
    Ok([version / 1000, version % 1000 / 10])
}

#[cfg(feature = "cuda")]
fn start() -> Result<(), Failure> {
    result::init().map_err(|error| Failure::new(format!("the NVIDIA driver does not start: {}", Said(error))))
}

#[cfg(feature = "cuda")]
fn gpu(index: c_int) -> Result<Gpu, Failure> {
    let device = result::device::get(index).map_err(failed)?;
    let mut name = [0; 256];
    // SAFETY: room for as many bytes as are said; the driver ends them with a zero.
    let said = unsafe { sys::cuDeviceGetName(name.as_mut_ptr(), name.len() as c_int, device) };
    said.result().map_err(failed)?;
    // SAFETY: a GPU of this process's driver.
    let memory = unsafe { result::device::total_mem(device) }.map_err(failed)?;
    let name = name.map(|byte| byte as u8);
    let name = CStr::from_bytes_until_nul(&name).map(CStr::to_string_lossy).unwrap_or_default();
    Ok(Gpu {
        index: index as usize,
        name: name.into_owned(),
        memory_bytes: memory as u64,
        capability: capability(device)?,
    })
}

/// A GPU's compute capability, major and minor.
///
/// # Errors
/// The driver does not tell.
#[cfg(feature = "cuda")]
pub(super) fn capability(device: sys::CUdevice) -> Result<[i32; 2], Failure> {
    use sys::CUdevice_attribute::{
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
    };
    // SAFETY: a GPU of this process's driver.
    let attribute = |which| unsafe { result::device::get_attribute(device, which) }.map_err(failed);
    Ok([
        attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
        attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpus(capabilities: &[[i32; 2]]) -> Vec<Gpu> {
        let gpu = |(index, &capability): (usize, &[i32; 2])| Gpu {
            index,
            name: format!("GPU {index}"),
            memory_bytes: 80 << 30,
            capability,
        };
        capabilities.iter().enumerate().map(gpu).collect()
    }

    #[test]
    fn a_number_is_looked_up_and_who_is_not_there_or_too_old_is_refused() {
        let said = |index, capabilities: &[[i32; 2]]| match chosen(index, gpus(capabilities)) {
            Ok(gpu) => gpu.name,
            Err(failure) => failure.to_string(),
        };
        assert_eq!(said(1, &[[9, 0], [8, 0]]), "GPU 1");
        assert_eq!(said(3, &[[9, 0], [9, 0]]), "there is no GPU 3: there are 2, numbered from 0");
        assert_eq!(said(1, &[[9, 0]]), "there is no GPU 1: there is one, number 0");
        assert_eq!(said(0, &[]), "the NVIDIA driver finds no GPU");
        assert_eq!(said(0, &[[7, 5]]), "GPU 0 (GPU 0) is sm_75, and kernels need sm_80 or newer");
        assert_eq!(said(0, &[[12, 0]]), "GPU 0", "newer ones compile for themselves");
    }
}
