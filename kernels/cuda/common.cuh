// What stands before every kernel of this crate. Letters as in lib.rs: B batch, T time, C channels, H heads, N state, K taps.
//
// Sums are made in an order that depends on extents alone: no atomics on floats, so the same input gives the same bits.
// Kernels are `extern "C" __global__ void name(..)`; a block has at most 1024 threads and is a whole number of warps unless it says otherwise.

#ifndef EMULATED
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
typedef long long int64_t;
// The dynamic shared memory of a block, as an array of T.
#define DYNAMIC_SHARED(T, name)                                        \
    extern __shared__ __align__(16) unsigned char dynamic_shared[];   \
    T* name = reinterpret_cast<T*>(dynamic_shared)
// What a thread may ask of its own pointers before it reads four values at once.
#define CHECK_ALIGNED(pointer, bytes)
#endif

// Extents and offsets.
typedef long long index_t;

#define WARP 32
#define ALL_LANES 0xffffffffu

// Whether four values at once may be read from or written to `pointer`.
__device__ __forceinline__ bool aligned16(const void* pointer) { return (reinterpret_cast<uint64_t>(pointer) & 15) == 0; }

__device__ __forceinline__ float4 load4(const float* from) {
    CHECK_ALIGNED(from, 16);
    return *reinterpret_cast<const float4*>(from);
}

__device__ __forceinline__ void store4(float* to, float4 values) {
    CHECK_ALIGNED(to, 16);
    *reinterpret_cast<float4*>(to) = values;
}

// A gradient is added to, or set where beta is 0: what is there may be anything then.
__device__ __forceinline__ void accumulate(float* to, float value, float beta) { *to = beta == 0.0f ? value : *to + value; }

// Within 2 ulp of 1 / (1 + e^-x) for all x; 0 and 1 at the ends, never NaN.
__device__ __forceinline__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

// The sum over a warp, in every lane, by halves.
__device__ __forceinline__ float warp_sum(float value) {
    for (int apart = WARP / 2; apart > 0; apart /= 2) value += __shfl_xor_sync(ALL_LANES, value, apart);
    return value;
}

__device__ __forceinline__ float warp_max(float value) {
    for (int apart = WARP / 2; apart > 0; apart /= 2) value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, apart));
    return value;
}

// The sum over a block of whole warps along x, in every thread. All threads must call it; it may be called again at once.
__device__ __forceinline__ float block_sum(float value) {
    __shared__ float of_warps[WARP];
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    value = warp_sum(value);
    if (lane == 0) of_warps[warp] = value;
    __syncthreads();
    value = warp_sum(lane < warps ? of_warps[lane] : 0.0f);
    __syncthreads();
    return value;
}

__device__ __forceinline__ float block_max(float value) {
    __shared__ float of_warps[WARP];
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    value = warp_max(value);
    if (lane == 0) of_warps[warp] = value;
    __syncthreads();
    value = warp_max(lane < warps ? of_warps[lane] : of_warps[0]);
    __syncthreads();
    return value;
}

// Kernels of one element at a time, started by cuda/pointwise.rs: `name`_forward with out = FORWARD(x) and `name`_backward with
// dx = beta dx + BACKWARD(kept, dout). Four values a thread: as one load where all pointers allow it.
#define POINTWISE(name, FORWARD, BACKWARD)                                                                                       \
    extern "C" __global__ void name##_forward(const float* x, float* out, index_t len) {                                         \
        const index_t first = 4 * ((index_t)blockIdx.x * blockDim.x + threadIdx.x);                                               \
        if (first + 4 <= len && aligned16(x) && aligned16(out)) {                                                                \
            const float4 v = load4(x + first);                                                                                   \
            store4(out + first, make_float4(FORWARD(v.x), FORWARD(v.y), FORWARD(v.z), FORWARD(v.w)));                            \
        } else {                                                                                                                 \
            for (index_t i = first; i < first + 4 && i < len; i++) out[i] = FORWARD(x[i]);                                       \
        }                                                                                                                        \
    }                                                                                                                            \
    extern "C" __global__ void name##_backward(const float* kept, const float* dout, float* dx, float beta, index_t len) {       \
        const index_t first = 4 * ((index_t)blockIdx.x * blockDim.x + threadIdx.x);                                               \
        if (first + 4 <= len && aligned16(kept) && aligned16(dout) && aligned16(dx)) {                                           \
            const float4 k = load4(kept + first), d = load4(dout + first);                                                       \
            float4 v = make_float4(BACKWARD(k.x, d.x), BACKWARD(k.y, d.y), BACKWARD(k.z, d.z), BACKWARD(k.w, d.w));              \
            if (beta != 0.0f) {                                                                                                  \
                const float4 before = load4(dx + first);                                                                         \
                v = make_float4(before.x + v.x, before.y + v.y, before.z + v.z, before.w + v.w);                                 \
            }                                                                                                                    \
            store4(dx + first, v);                                                                                               \
        } else {                                                                                                                 \
            for (index_t i = first; i < first + 4 && i < len; i++) accumulate(dx + i, BACKWARD(kept[i], dout[i]), beta);         \
        }                                                                                                                        \
    }

__device__ __forceinline__ void accumulate4(float* to, float4 values, float beta) {
    if (beta != 0.0f) {
        const float4 before = load4(to);
        values = make_float4(before.x + values.x, before.y + values.y, before.z + values.z, before.w + values.w);
    }
    store4(to, values);
}

// Φ(x), the standard normal's distribution function, and the slope of the GELU x Φ(x).
__device__ __forceinline__ float normal_cdf(float x) { return 0.5f * erfcf(-0.70710678f * x); }

__device__ __forceinline__ float gelu_slope(float x) { return normal_cdf(x) + x * 0.39894228f * expf(-0.5f * x * x); }

// Rows that are added up, started over reduce::over_rows: a warp or a whole block has one. `rank` is a thread's place among the row's `size`.
struct Row {
    index_t at;
    int rank, size;
};

template <bool WHOLE_BLOCK>
__device__ __forceinline__ Row row_of_thread() {
    const int size = WHOLE_BLOCK ? (int)blockDim.x : WARP;
    return {WHOLE_BLOCK ? (index_t)blockIdx.x : (index_t)blockIdx.x * (blockDim.x / WARP) + threadIdx.x / WARP, (int)(threadIdx.x % size), size};
}

template <bool WHOLE_BLOCK>
__device__ __forceinline__ float row_sum(float value) { return WHOLE_BLOCK ? block_sum(value) : warp_sum(value); }

template <bool WHOLE_BLOCK>
__device__ __forceinline__ float row_max(float value) { return WHOLE_BLOCK ? block_max(value) : warp_max(value); }

#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif

// ln Σ e^(scale x) of `row`'s values, in all its threads; a class of −∞ adds nothing, NaN stays NaN.
template <bool WHOLE_BLOCK>
__device__ __forceinline__ float row_log_sum_exp(Row row, const float* x, index_t len, float scale) {
    float most = -INFINITY;
    for (index_t i = row.rank; i < len; i += row.size) most = fmaxf(most, x[i]);
    const float shift = row_max<WHOLE_BLOCK>(most) * scale;
    float sum = 0.0f;
    for (index_t i = row.rank; i < len; i += row.size) sum += expf(x[i] * scale - shift);
    return shift + logf(row_sum<WHOLE_BLOCK>(sum));
}

// Rows that are not added up, started over pointwise::rows: body(row, col) for each value, 32 neighbours at once and four of them a thread.
template <typename Body>
__device__ __forceinline__ void each_of_row(index_t rows, index_t cols, Body body) {
    const index_t row = (index_t)blockIdx.x * blockDim.y + threadIdx.y, first = (index_t)blockIdx.y * (4 * WARP) + threadIdx.x;
    if (row >= rows) return;
    if (first + 3 * WARP < cols) {
#pragma unroll
        for (int k = 0; k < 4; k++) body(row, first + k * WARP);
    } else {
        for (index_t col = first; col < cols; col += WARP) body(row, col);
    }
}

// Sequences as they lie, started over pointwise::sequences: body(sequence, i) for each of `len` values, four of them a thread.
template <typename Body>
__device__ __forceinline__ void each_of_sequence(index_t len, Body body) {
    const index_t first = 4 * (index_t)blockIdx.x * blockDim.x + threadIdx.x, apart = blockDim.x, sequence = blockIdx.y;
    if (first + 3 * apart < len) {
#pragma unroll
        for (int k = 0; k < 4; k++) body(sequence, first + k * apart);
    } else {
        for (index_t i = first; i < len && i < first + 4 * apart; i += apart) body(sequence, i);
    }
}

// Dropout's mask, dropout/mask.rs to the bit. `key` is the seed, mixed once; under a threshold of 0 all is kept as it is.
struct Dropping {
    uint64_t key;
    index_t upper;  // of the indices that offset and flip belong to
    uint32_t offset, flip, threshold;
    float scale;
};

__device__ __forceinline__ uint32_t mix32(uint32_t h) {
    h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
    h = (h ^ (h >> 13)) * 0xC2B2AE35u;
    return h ^ (h >> 16);
}

__device__ __forceinline__ uint64_t mix64(uint64_t seed) {
    uint64_t h = seed + 0x9E3779B97F4A7C15ull;
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9ull;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBull;
    return h ^ (h >> 31);
}

__device__ __forceinline__ void drop_from(Dropping& mask, index_t upper) {
    const uint64_t key = mix64(mask.key ^ (uint64_t)upper);
    mask.upper = upper;
    mask.offset = (uint32_t)key;
    mask.flip = (uint32_t)(key >> 32);
}

// The mask that Factors::args stands for, made ready for element `first` and its neighbours.
__device__ __forceinline__ Dropping dropping(uint64_t key, index_t threshold, float scale, index_t first) {
    Dropping mask = {key, 0, 0, 0, (uint32_t)threshold, scale};
    if (threshold != 0) drop_from(mask, first >> 32);
    return mask;
}

// `x`, element `index`, times its factor: a dropped infinity is 0.
__device__ __forceinline__ float dropped(Dropping& mask, float x, index_t index) {
    if (mask.threshold == 0) return x;
    if (index >> 32 != mask.upper) drop_from(mask, index >> 32);
    return mix32(mix32((uint32_t)index + mask.offset) ^ mask.flip) >= mask.threshold ? x * mask.scale : 0.0f;
}
