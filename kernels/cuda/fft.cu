// The rows of transforms that fft.cuh cuts in two: a block has a row of up to 4096 values in shared memory. Each reads and writes 8 bytes a value (and 8 of
// a spectrum, which all sequences share): bound by memory, closely followed by shared memory.

// x [rows, 2^log_len] ← its rows' transforms.
extern "C" __global__ void __launch_bounds__(256) fft_forward(float2* x, int log_len) {
    DYNAMIC_SHARED(float2, shared);
    float2* row = x + ((index_t)blockIdx.x << log_len);
    transform_row(shared, row, log_len);
    for (int i = threadIdx.x; i < 1 << log_len; i += blockDim.x) row[i] = shared[padded(i)];
}

// x ← its rows circularly convolved with the rows behind `spectra` [of_spectra, 2^log_len], which repeat; or correlated where `conjugated`.
extern "C" __global__ void __launch_bounds__(256) fft_filter(float2* x, const float2* spectra, index_t of_spectra, int log_len, int conjugated, float scale) {
    DYNAMIC_SHARED(float2, shared);
    float2* row = x + ((index_t)blockIdx.x << log_len);
    const float2* spectrum = spectra + ((blockIdx.x % of_spectra) << log_len);
    transform_row(shared, row, log_len);
    for (int i = threadIdx.x; i < 1 << log_len; i += blockDim.x) {
        const float2 k = spectrum[i];
        shared[padded(i)] = swapped(times(shared[padded(i)], conjugated ? conjugate(k) : k));
    }
    __syncthreads();
    row_back(shared, row, log_len, scale);
}

// x ← what its rows are transforms of.
extern "C" __global__ void __launch_bounds__(256) fft_back(float2* x, int log_len, float scale) {
    DYNAMIC_SHARED(float2, shared);
    float2* row = x + ((index_t)blockIdx.x << log_len);
    for (int i = threadIdx.x; i < 1 << log_len; i += blockDim.x) shared[padded(i)] = swapped(row[i]);
    __syncthreads();
    row_back(shared, row, log_len, scale);
}
