//! A real GPU: kernels through NVRTC and the driver, products through cuBLAS.
//!
//! A process works on one GPU, which [`Driver::open`] chooses once. All work is on one stream, the one that dfdx uses, so that it is done in the
//! order of asking. Not for: tensors (`device/cuda.rs`).

use std::collections::HashMap;
use std::ffi::{CString, c_int, c_void};
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cudarc::cublas::{CudaBlas, result as cublas, sys as blas};
use cudarc::driver::{CudaDevice, DevicePtr, result, sys};

use super::found::capability;
use super::gemm::{Blas, Operand};
use super::staging::Staging;
use super::{Arg, Buffer, Failure, Gemm, Grid, Launch, Part, Source, cache, lost};

/// How products are computed. Operands and results are f32, and sums are made in f32, in all three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Precision {
    /// In f32.
    F32,
    /// Operands rounded to 10 bits of mantissa, on tensor cores.
    Tf32,
    /// Operands rounded to bf16, on tensor cores.
    Bf16,
}

/// The GPU of this process.
pub struct Driver {
    device: Arc<CudaDevice>,
    blas: CudaBlas,
    /// As `sm_90`.
    architecture: String,
    processors: usize,
    precision: AtomicU8,
    functions: Mutex<HashMap<(&'static str, &'static str), Function>>,
    modules: Mutex<HashMap<&'static str, Module>>,
    staging: Mutex<Staging>,
}

#[derive(Clone, Copy)]
struct Function(sys::CUfunction);
// SAFETY: a handle that stays as long as its module, which is never unloaded; the driver takes it from any thread.
unsafe impl Send for Function {}

#[derive(Clone, Copy)]
struct Module(sys::CUmodule);
// SAFETY: a handle that is never unloaded; the driver takes it from any thread.
unsafe impl Send for Module {}

const MOST_USED: sys::CUmemPool_attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH;

static OPENED: OnceLock<Driver> = OnceLock::new();

impl Driver {
    /// Makes `device` the GPU of this process; the second time it has to be the same one.
    ///
    /// # Errors
    /// Another one is opened already, or cuBLAS does not start.
    pub(crate) fn open(device: Arc<CudaDevice>) -> Result<&'static Self, Failure> {
        if let Some(opened) = OPENED.get() {
            let [have, want] = [opened.device.ordinal(), device.ordinal()];
            let other = || {
                Failure::new(format!(
                    "GPU {have} is in use already, and a process has one, not GPU {want} too"
                ))
            };
            return if have == want { Ok(opened) } else { Err(other()) };
        }
        let [major, minor] = capability(*device.cu_device())?;
        let processors = sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;
        let processors = device.attribute(processors).map_err(failed)?;
        keep_memory(&device);
        let blas = CudaBlas::new(Arc::clone(&device));
        let blas = blas.map_err(|error| Failure::new(format!("cuBLAS does not start: {error:?}")))?;
        let driver = Driver {
            device,
            blas,
            architecture: format!("sm_{major}{minor}"),
            processors: processors as usize,
            precision: AtomicU8::new(Precision::F32 as u8),
            functions: Mutex::default(),
            modules: Mutex::default(),
            staging: Mutex::default(),
        };
        Ok(OPENED.get_or_init(|| driver))
    }

    /// The GPU of this process.
    ///
    /// # Errors
    /// None was opened.
    pub fn current() -> Result<&'static Self, Failure> {
        OPENED.get().ok_or_else(|| Failure::new("no GPU was opened"))
    }

    /// How products are computed from now on; f32 at first.
    pub fn set_precision(&self, precision: Precision) {
        self.precision.store(precision as u8, Ordering::Relaxed);
    }

    /// As `sm_90`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// Free and total memory in bytes.
    ///
    /// # Errors
    /// The device failed.
    pub fn memory_bytes(&self) -> Result<[usize; 2], Failure> {
        self.bind()?;
        result::mem_get_info().map(|(free, total)| [free, total]).map_err(failed)
    }

    /// Comes back when all that was asked for is done.
    ///
    /// # Errors
    /// Something of it failed, or the device did.
    pub fn wait(&self) -> Result<(), Failure> {
        self.device.synchronize().map_err(failed)
    }

    /// Copies `values` to `part`, which has as many, behind all that was asked for before; does not wait for it.
    ///
    /// # Errors
    /// They are not as many, the host has no memory that the device could read by itself, or the device failed.
    pub(crate) fn fill(&self, part: Part, values: impl ExactSizeIterator<Item = u32>) -> Result<(), Failure> {
        require_as_many(values.len(), part.len())?;
        self.bind()?;
        let mut staging = self.staging.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: memory that whoever made the part keeps alive, on the device just bound; what is freed is freed in the stream's order.
        unsafe { staging.send(*self.device.cu_stream(), part, values) }.map_err(failed)
    }

    fn bind(&self) -> Result<(), Failure> {
        self.device.bind_to_thread().map_err(failed)
    }

    fn function(&self, source: &'static Source, entry: &'static str) -> Result<sys::CUfunction, Failure> {
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(function) = functions.get(&(source.name, entry)) {
            return Ok(function.0);
        }
        let module = self.module(source)?;
        let name = CString::new(entry).map_err(Failure::new)?;
        // SAFETY: a module of `module`, never unloaded.
        let function = unsafe { result::module::get_function(module, name) }
            .map_err(|error| failed_in(source, entry, error))?;
        let most = sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        // SAFETY: a function of this device. A kernel whose static shared memory leaves less room refuses, and keeps what it had.
        _ = unsafe { sys::cuFuncSetAttribute(function, most, Grid::SHARED_BYTES as c_int) };
        functions.insert((source.name, entry), Function(function));
        Ok(function)
    }

    fn module(&self, source: &'static Source) -> Result<sys::CUmodule, Failure> {
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = modules.get(source.name) {
            return Ok(module.0);
        }
        let load = |code: &[u8]| {
            // SAFETY: machine code whole in memory, which the driver copies.
            unsafe { result::module::load_data(code.as_ptr().cast()) }
        };
        let image = cache::image(source, &self.architecture, false)?;
        let loaded = match load(&image.code) {
            // What lay on disk may be damaged.
            Err(_) if image.kept => load(&cache::image(source, &self.architecture, true)?.code),
            loaded => loaded,
        };
        let module = loaded.map_err(|error| failed_in(source, "it does not load", error))?;
        modules.insert(source.name, Module(module));
        Ok(module)
    }

    /// The most memory that tensors and kernels of this process had at a time, in bytes.
    ///
    /// # Errors
    /// The device has no pool, or does not tell.
    pub fn peak_bytes(&self) -> Result<u64, Failure> {
        let (pool, mut bytes) = (self.pool()?, 0u64);
        // SAFETY: the device's own pool, and a place for 64 bits, as this attribute is.
        let told = unsafe { sys::cuMemPoolGetAttribute(pool, MOST_USED, (&raw mut bytes).cast()) };
        told.result().map(|()| bytes).map_err(failed)
    }

    /// Counts [`Driver::peak_bytes`] from now on.
    ///
    /// # Errors
    /// As there.
    pub fn forget_peak(&self) -> Result<(), Failure> {
        let (pool, mut none) = (self.pool()?, 0u64);
        // SAFETY: the device's own pool, and a number of 64 bits, as this attribute is.
        let set = unsafe { sys::cuMemPoolSetAttribute(pool, MOST_USED, (&raw mut none).cast()) };
        set.result().map_err(failed)
    }

    fn pool(&self) -> Result<sys::CUmemoryPool, Failure> {
        let mut pool = std::ptr::null_mut();
        // SAFETY: a place for a handle.
        let found = unsafe { sys::cuDeviceGetDefaultMemPool(&raw mut pool, *self.device.cu_device()) };
        found.result().map(|()| pool).map_err(failed)
    }

    /// What the driver's error means where memory for `bytes` was asked for.
    pub(crate) fn refused(&self, bytes: usize, error: result::DriverError) -> Failure {
        if error.0 != sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY {
            return failed(error);
        }
        let room = self.memory_bytes().unwrap_or_default();
        Failure::no_room(bytes as u64, room.map(|bytes| bytes as u64))
    }
}

fn require_as_many(values: usize, room: usize) -> Result<(), Failure> {
    match values == room {
        true => Ok(()),
        false => Err(Failure::new(format!("{values} values do not fit into {room}"))),
    }
}

/// Memory that is freed stays with the process for the next one who asks: the driver's pool is the caching allocator.
fn keep_memory(device: &CudaDevice) {
    let mut pool = std::ptr::null_mut();
    let mut all = u64::MAX;
    // SAFETY: a place for a handle; where there is no such pool, nothing is written and nothing is set.
    let found = unsafe { sys::cuDeviceGetDefaultMemPool(&raw mut pool, *device.cu_device()) };
    if found.result().is_ok() {
        let threshold = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        // SAFETY: the device's own pool, and a number of 64 bits, as this attribute is.
        _ = unsafe { sys::cuMemPoolSetAttribute(pool, threshold, (&raw mut all).cast()) };
    }
}

/// A driver's error in its own words; asking for them must not fail where there is no driver.
pub(crate) struct Said(pub result::DriverError);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.error_string() {
            Ok(words) => f.write_str(&words.to_string_lossy()),
            Err(_) => write!(f, "{:?}", self.0.0),
        }
    }
}

pub(super) fn failed(error: result::DriverError) -> Failure {
    notice(error);
    Failure::new(Said(error))
}

/// The same of a kernel, or of something else about its source.
fn failed_in(source: &Source, what: &str, error: result::DriverError) -> Failure {
    notice(error);
    Failure::new(format!("{}.cu: {what}: {}", source.name, Said(error)))
}

/// Does not come back where the GPU is lost.
pub(crate) fn notice(error: result::DriverError) {
    lost::notice(error.0 as u32, &Said(error));
}

impl Launch for Driver {
    fn launch(
        &self,
        source: &'static Source,
        entry: &'static str,
        grid: Grid,
        args: &[Arg],
    ) -> Result<(), Failure> {
        grid.check(entry)?;
        if grid.is_empty() {
            return Ok(());
        }
        self.bind()?;
        let function = self.function(source, entry)?;
        let mut bits: Vec<u64> = args.iter().map(Arg::bits).collect();
        let mut pointers: Vec<*mut c_void> = bits.iter_mut().map(|bits| (&raw mut *bits).cast()).collect();
        let narrow = |[x, y, z]: [usize; 3]| (x as u32, y as u32, z as u32);
        // SAFETY: a loaded kernel; the emulator holds every op to the kernel's own parameters, and the driver copies them before it returns.
        // A GPU has the lowest byte first, as this host has: an `int` lies in the first four bytes of its 64 bits.
        let started = unsafe {
            let stream = *self.device.cu_stream();
            let shared = grid.shared_bytes as u32;
            result::launch_kernel(
                function,
                narrow(grid.blocks),
                narrow(grid.threads),
                shared,
                stream,
                &mut pointers,
            )
        };
        started.map_err(|error| failed_in(source, entry, error))
    }

    fn buffer(&self, len: usize) -> Result<Buffer, Failure> {
        // SAFETY: any bits are a u32, and who asks writes every value before reading one.
        let slice = unsafe { self.device.alloc::<u32>(len.max(1)) };
        let slice = slice.map_err(|error| self.refused(4 * len, error))?;
        Ok(Buffer::new(Part::new(*slice.device_ptr(), len), slice))
    }

    fn zero(&self, part: Part) -> Result<(), Failure> {
        if part.is_empty() {
            return Ok(());
        }
        self.bind()?;
        // SAFETY: memory that whoever made the part keeps alive.
        let done =
            unsafe { result::memset_d8_async(part.address(), 0, 4 * part.len(), *self.device.cu_stream()) };
        done.map_err(failed)
    }

    fn copy(&self, from: Part, to: Part) -> Result<(), Failure> {
        require_as_many(from.len(), to.len())?;
        if from.is_empty() {
            return Ok(());
        }
        self.bind()?;
        let bytes = 4 * from.len();
        // SAFETY: as `zero`, twice, of the same length.
        let done = unsafe {
            result::memcpy_dtod_async(to.address(), from.address(), bytes, *self.device.cu_stream())
        };
        done.map_err(failed)
    }

    fn upload(&self, words: &[u32]) -> Result<Buffer, Failure> {
        let buffer = self.buffer(words.len())?;
        self.fill(buffer.part(), words.iter().copied())?;
        Ok(buffer)
    }

    fn download(&self, part: Part) -> Result<Vec<u32>, Failure> {
        let mut words = vec![0u32; part.len()];
        if !words.is_empty() {
            self.bind()?;
            // SAFETY: room for as many values as are read; the copy waits for all work on the stream.
            unsafe { result::memcpy_dtoh_sync(&mut words, part.address()) }.map_err(failed)?;
        }
        Ok(words)
    }

    fn gemm(&self, gemm: Gemm) -> Result<(), Failure> {
        let Some(product) = gemm.blas()? else { return Ok(()) };
        self.bind()?;
        let Blas { transpose, m, n, k, alpha, a, b, beta, c, batch } = product;
        let extents = [m, n, k, a.leading, b.leading, c.leading, batch].map(c_int::try_from);
        let [Ok(m), Ok(n), Ok(k), Ok(lda), Ok(ldb), Ok(ldc), Ok(batch)] = extents else {
            return Err(Failure::new(format!("too large a matrix product: {gemm:?}")));
        };
        let [left, right] = transpose.map(|transposed| {
            use blas::cublasOperation_t::{CUBLAS_OP_N, CUBLAS_OP_T};
            if transposed { CUBLAS_OP_T } else { CUBLAS_OP_N }
        });
        let f32 = blas::cudaDataType_t::CUDA_R_32F;
        let at = |x: &Operand| x.part.address() as *const c_void;
        let apart = |x: &Operand| x.apart as i64;
        let (alpha, beta) = (&raw const alpha, &raw const beta);
        // SAFETY: `Gemm::blas` has seen that all matrices lie in their parts, which their makers keep alive; both factors are on the host, as is cuBLAS's
        // way of reading them.
        let done = unsafe {
            cublas::gemm_strided_batched_ex(
                *self.blas.handle(),
                left,
                right,
                m,
                n,
                k,
                alpha.cast(),
                at(&a),
                f32,
                lda,
                apart(&a),
                at(&b),
                f32,
                ldb,
                apart(&b),
                beta.cast(),
                at(&c).cast_mut(),
                f32,
                ldc,
                apart(&c),
                batch,
                self.compute_type(),
                blas::cublasGemmAlgo_t::CUBLAS_GEMM_DFALT,
            )
        };
        done.map_err(|error| {
            // cuBLAS does not say whether the GPU is lost; the driver does.
            _ = self.wait();
            Failure::new(format!("cuBLAS: {error:?} in {gemm:?}"))
        })
    }

    fn processors(&self) -> usize {
        self.processors
    }
}

impl Driver {
    fn compute_type(&self) -> blas::cublasComputeType_t {
        use blas::cublasComputeType_t::{
            CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_16BF, CUBLAS_COMPUTE_32F_FAST_TF32,
        };
        const TF32: u8 = Precision::Tf32 as u8;
        const BF16: u8 = Precision::Bf16 as u8;
        match self.precision.load(Ordering::Relaxed) {
            TF32 => CUBLAS_COMPUTE_32F_FAST_TF32,
            BF16 => CUBLAS_COMPUTE_32F_FAST_16BF,
            _ => CUBLAS_COMPUTE_32F,
        }
    }
}
