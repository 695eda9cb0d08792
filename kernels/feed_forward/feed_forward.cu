// What stands between the two products: bias, GELU and dropout in one pass each way. The products are cuBLAS's and bind as a rule.
// Forward moves 8 bytes for each middle value, 12 where h is kept, backward 16: bound by memory.

// g = m GELU(h) with h = product + bias, in the product's place or, where `h` is wanted, beside it.
extern "C" __global__ void feed_forward_middle(const float* product, const float* bias, float* h, float* g, index_t len, index_t middle,
                                               unsigned long long key, index_t threshold, float scale) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= len) return;
    const float x = product[i] + bias[i % middle];
    if (h) h[i] = x;
    Dropping mask = dropping(key, threshold, scale, i);
    g[i] = dropped(mask, x * normal_cdf(x), i);
}

// h becomes g, and dg becomes dh.
extern "C" __global__ void feed_forward_back(float* h, float* dg, index_t len, unsigned long long key, index_t threshold,
                                             float scale) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= len) return;
    const float x = h[i];
    Dropping mask = dropping(key, threshold, scale, i);
    dg[i] = dropped(mask, dg[i] * gelu_slope(x), i);
    h[i] = dropped(mask, x * normal_cdf(x), i);
}

// y [rows, cols] = bias [cols] in every row: the product is added to it.
extern "C" __global__ void feed_forward_bias(const float* bias, float* y, index_t len, index_t cols) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < len) y[i] = bias[i % cols];
}
