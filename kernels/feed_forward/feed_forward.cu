// What stands between the two products: bias, GELU and dropout in one pass each way. The products are cuBLAS's and bind as a rule.
// Forward moves 8 bytes for each middle value, 12 where h is kept, backward 16: bound by memory.

// The factors of dropout/mask.rs and dropout/factors.rs: a hash of the element's index.
struct Factors {
    uint32_t threshold;
    uint64_t seed;
    float scale;
};

__device__ __forceinline__ uint64_t mix64(uint64_t h) {
    h += 0x9E3779B97F4A7C15ull;
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9ull;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBull;
    return h ^ (h >> 31);
}

__device__ __forceinline__ uint32_t mix32(uint32_t h) {
    h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
    h = (h ^ (h >> 13)) * 0xC2B2AE35u;
    return h ^ (h >> 16);
}

__device__ __forceinline__ float factor(const Factors& factors, index_t i) {
    if (factors.threshold == 0) return factors.scale;
    const uint64_t key = mix64(factors.seed ^ ((uint64_t)i >> 32));
    const uint32_t hash = mix32(mix32((uint32_t)i + (uint32_t)key) ^ (uint32_t)(key >> 32));
    return hash >= factors.threshold ? factors.scale : 0.0f;
}

__device__ __forceinline__ float normal_cdf(float x) { return 0.5f * erfcf(-0.70710678f * x); }

// g = m GELU(h) with h = product + bias, in the product's place or, where `h` is wanted, beside it.
extern "C" __global__ void feed_forward_middle(const float* product, const float* bias, float* h, float* g, index_t len, index_t middle,
                                               unsigned long long threshold, unsigned long long seed, float scale) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= len) return;
    const float x = product[i] + bias[i % middle];
    if (h) h[i] = x;
    g[i] = factor({(uint32_t)threshold, seed, scale}, i) * x * normal_cdf(x);
}

// h becomes g, and dg becomes dh.
extern "C" __global__ void feed_forward_back(float* h, float* dg, index_t len, unsigned long long threshold, unsigned long long seed,
                                             float scale) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= len) return;
    const float x = h[i], below = normal_cdf(x), density = 0.39894228f * expf(-0.5f * x * x);
    const float m = factor({(uint32_t)threshold, seed, scale}, i);
    dg[i] *= m * (below + x * density);
    h[i] = m * x * below;
}

// y [rows, cols] = bias [cols] in every row: the product is added to it.
extern "C" __global__ void feed_forward_bias(const float* bias, float* y, index_t len, index_t cols) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < len) y[i] = bias[i % cols];
}
