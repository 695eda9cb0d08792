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
