// w = g v / ‖v‖, with norms over the first two of three axes for each tap, or over rows. Arrays are weights, which fit in the second cache.
// Per tap: forward reads v twice and writes w, 12 bytes an element; backward reads v and dw twice and writes dv, 20. Per row once each: 8 and 12.
// Bound by memory.

// parts [chunks, K] = Σ a b of chunks of `each` rows of K taps. Blocks of 32 taps by 8 rows, over taps and chunks.
extern "C" __global__ void weight_norm_parts(const float* __restrict__ a, const float* __restrict__ b, float* __restrict__ parts, index_t rows,
                                             index_t taps, index_t each) {
    __shared__ float tile[8][WARP];
    const index_t k = (index_t)blockIdx.x * WARP + threadIdx.x, chunk = blockIdx.y, last = min(rows, (chunk + 1) * each);
    float sum = 0.0f;
    if (k < taps) {
#pragma unroll 4
        for (index_t row = chunk * each + threadIdx.y; row < last; row += 8) sum += a[row * taps + k] * b[row * taps + k];
    }
    tile[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && k < taps) {
        for (int y = 1; y < 8; y++) sum += tile[y][threadIdx.x];
        parts[chunk * taps + k] = sum;
    }
}

extern "C" __global__ void weight_norm_forward(const float* __restrict__ g, const float* __restrict__ v, const float* __restrict__ squares,
                                               float* __restrict__ w, index_t len, index_t taps) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < len) w[i] = v[i] * (g[i % taps] / sqrtf(squares[i % taps]));
}

// dg = s / n.
extern "C" __global__ void weight_norm_gain(const float* squares, const float* products, float* dg, float beta, index_t taps) {
    const index_t k = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (k < taps) accumulate(dg + k, products[k] / sqrtf(squares[k]), beta);
}

// dv = g / n (dw − v s / n²).
extern "C" __global__ void weight_norm_backward(const float* __restrict__ g, const float* __restrict__ v, const float* __restrict__ dw,
                                                const float* __restrict__ squares, const float* __restrict__ products, float* __restrict__ dv,
                                                float beta, index_t len, index_t taps) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x, k = i % taps;
    if (i < len) accumulate(dv + i, g[k] / sqrtf(squares[k]) * (dw[i] - v[i] * (products[k] / squares[k])), beta);
}

template <bool WHOLE_BLOCK>
__device__ __forceinline__ void forward_row(const float* g, const float* v, float* w, index_t rows, index_t inputs) {
    const Row row = row_of_thread<WHOLE_BLOCK>();
    if (row.at >= rows) return;
    v += row.at * inputs;
    w += row.at * inputs;
    float squares = 0.0f;
    for (index_t i = row.rank; i < inputs; i += row.size) squares += v[i] * v[i];
    const float factor = g[row.at] / sqrtf(row_sum<WHOLE_BLOCK>(squares));
    for (index_t i = row.rank; i < inputs; i += row.size) w[i] = v[i] * factor;
}

template <bool WHOLE_BLOCK>
__device__ __forceinline__ void backward_row(const float* g, const float* v, const float* dw, float* dg, float* dv, float beta_g, float beta_v,
                                             index_t rows, index_t inputs) {
    const Row row = row_of_thread<WHOLE_BLOCK>();
    if (row.at >= rows) return;
    const index_t first = row.at * inputs;
    float squares = 0.0f, products = 0.0f;
    for (index_t i = row.rank; i < inputs; i += row.size) {
        squares += v[first + i] * v[first + i];
        products += v[first + i] * dw[first + i];
    }
    squares = row_sum<WHOLE_BLOCK>(squares);
    products = row_sum<WHOLE_BLOCK>(products);
    const float norm = sqrtf(squares), across = g[row.at] / norm, along = products / squares;
    if (dg && row.rank == 0) accumulate(dg + row.at, products / norm, beta_g);
    if (!dv) return;
    for (index_t i = row.rank; i < inputs; i += row.size) accumulate(dv + first + i, across * (dw[first + i] - v[first + i] * along), beta_v);
}

extern "C" __global__ void weight_norm_rows_warps(const float* g, const float* v, float* w, index_t rows, index_t inputs) {
    forward_row<false>(g, v, w, rows, inputs);
}

extern "C" __global__ void weight_norm_rows_blocks(const float* g, const float* v, float* w, index_t rows, index_t inputs) {
    forward_row<true>(g, v, w, rows, inputs);
}

extern "C" __global__ void weight_norm_rows_backward_warps(const float* g, const float* v, const float* dw, float* dg, float* dv, float beta_g,
                                                           float beta_v, index_t rows, index_t inputs) {
    backward_row<false>(g, v, dw, dg, dv, beta_g, beta_v, rows, inputs);
}

extern "C" __global__ void weight_norm_rows_backward_blocks(const float* g, const float* v, const float* dw, float* dg, float* dv, float beta_g,
                                                            float beta_v, index_t rows, index_t inputs) {
    backward_row<true>(g, v, dw, dg, dv, beta_g, beta_v, rows, inputs);
}
