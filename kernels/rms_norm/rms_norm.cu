// Groups of γ neighbouring channels of a row: t = x (or x silu(z)), out = t r weight (or that times silu(z)). A group belongs to a warp, or to a block
// where groups are long; what is read again is found in a cache.
// Forward moves 8 bytes an element without a gate and 12 with it, dx and dz 12 and 20 (4 more for each that is added to), dweight 8 and 12:
// bound by memory.

#define GATE_FIRST 1
#define GATE_LAST 2

__device__ __forceinline__ float silu_of(float z) { return z * sigmoid(z); }

template <bool WHOLE_BLOCK>
__device__ __forceinline__ void forward_row(const float* x, const float* z, const float* weight, float* out, float* saved, index_t rows, index_t size,
                                            index_t groups, float eps, int gate) {
    const auto [row, rank, threads] = row_of_thread<WHOLE_BLOCK>();
    if (row >= rows * groups) return;
    const index_t first = row * size;
    weight += row % groups * size;
    float squares = 0.0f;
    for (index_t c = rank; c < size; c += threads) {
        const float t = gate == GATE_FIRST ? x[first + c] * silu_of(z[first + c]) : x[first + c];
        squares += t * t;
    }
    const float r = 1.0f / sqrtf(row_sum<WHOLE_BLOCK>(squares) / size + eps);
    for (index_t c = rank; c < size; c += threads) {
        const float scaled = x[first + c] * r * weight[c];
        out[first + c] = gate ? scaled * silu_of(z[first + c]) : scaled;
    }
    if (saved && rank == 0) saved[row] = r;
}

template <bool WHOLE_BLOCK>
__device__ __forceinline__ void backward_row(const float* x, const float* z, const float* weight, const float* saved, const float* dout, float* dx,
                                             float* dz, float beta_x, float beta_z, index_t rows, index_t size, index_t groups, int gate) {
    const auto [row, rank, threads] = row_of_thread<WHOLE_BLOCK>();
    if (row >= rows * groups) return;
    const index_t first = row * size;
    weight += row % groups * size;
    const float r = saved[row];
    // Σ q x̂: wherever the gate sits, it is dout x r weight silu(z) of each channel.
    float along = 0.0f;
    for (index_t c = rank; c < size; c += threads) {
        const float product = dout[first + c] * weight[c] * x[first + c] * r;
        along += gate ? product * silu_of(z[first + c]) : product;
    }
    along = row_sum<WHOLE_BLOCK>(along) / size;
    for (index_t c = rank; c < size; c += threads) {
        const index_t i = first + c;
        const float q = dout[i] * weight[c];
        if (!gate) {
            if (dx) accumulate(dx + i, r * (q - x[i] * r * along), beta_x);
            continue;
        }
        const float open = sigmoid(z[i]), gated = z[i] * open, slope = open * (1.0f + z[i] * (1.0f - open));
        if (gate == GATE_FIRST) {
            const float dt = r * (q - x[i] * gated * r * along);
            if (dx) accumulate(dx + i, dt * gated, beta_x);
            if (dz) accumulate(dz + i, dt * x[i] * slope, beta_z);
        } else {
            if (dx) accumulate(dx + i, r * (q * gated - x[i] * r * along), beta_x);
            if (dz) accumulate(dz + i, q * x[i] * r * slope, beta_z);
        }
    }
}

extern "C" __global__ void rms_norm_forward_warps(const float* x, const float* z, const float* weight, float* out, float* saved, index_t rows,
                                                  index_t size, index_t groups, float eps, int gate) {
    forward_row<false>(x, z, weight, out, saved, rows, size, groups, eps, gate);
}

extern "C" __global__ void rms_norm_forward_blocks(const float* x, const float* z, const float* weight, float* out, float* saved, index_t rows,
                                                   index_t size, index_t groups, float eps, int gate) {
    forward_row<true>(x, z, weight, out, saved, rows, size, groups, eps, gate);
}

extern "C" __global__ void rms_norm_backward_warps(const float* x, const float* z, const float* weight, const float* saved, const float* dout,
                                                   float* dx, float* dz, float beta_x, float beta_z, index_t rows, index_t size, index_t groups,
                                                   int gate) {
    backward_row<false>(x, z, weight, saved, dout, dx, dz, beta_x, beta_z, rows, size, groups, gate);
}

extern "C" __global__ void rms_norm_backward_blocks(const float* x, const float* z, const float* weight, const float* saved, const float* dout,
                                                    float* dx, float* dz, float beta_x, float beta_z, index_t rows, index_t size, index_t groups,
                                                    int gate) {
    backward_row<true>(x, z, weight, saved, dout, dx, dz, beta_x, beta_z, rows, size, groups, gate);
}

// dweight = Σ dout x r (silu(z)) of chunks of `each` rows: parts [chunks, channels]. Blocks of 32 channels by 8 rows, over channels and chunks.
extern "C" __global__ void rms_norm_weight(const float* x, const float* z, const float* weight, const float* saved, const float* dout, float* parts,
                                           index_t rows, index_t size, index_t groups, index_t each, int gate) {
    __shared__ float tile[8][WARP];
    const index_t channels = size * groups, c = (index_t)blockIdx.x * WARP + threadIdx.x, chunk = blockIdx.y;
    const index_t last = min(rows, (chunk + 1) * each), group = c / size;
    float sum = 0.0f;
    if (c < channels) {
        for (index_t row = chunk * each + threadIdx.y; row < last; row += 8) {
            const index_t i = row * channels + c;
            const float product = dout[i] * x[i] * saved[row * groups + group];
            sum += gate ? product * silu_of(z[i]) : product;
        }
    }
    tile[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && c < channels) {
        for (int y = 1; y < 8; y++) sum += tile[y][threadIdx.x];
        parts[chunk * channels + c] = sum;
    }
}
