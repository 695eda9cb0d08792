// r = x + m ∘ f and y = layer_norm(r), a warp or a block for each row; the second and third reading of r find it in a cache.
// Forward moves 16 bytes an element where r is kept, else 12; backward 16 and 4 more for each gradient it adds to and for what comes back to r itself:
// bound by memory.

template <bool WHOLE_BLOCK>
__device__ __forceinline__ void forward_row(const float* x, const float* f, const float* weight, const float* bias, float* sum, float* y, float* saved,
                                            index_t rows, index_t channels, float eps, uint64_t key, index_t threshold, float scale) {
    const auto [row, rank, size] = row_of_thread<WHOLE_BLOCK>();
    if (row >= rows) return;
    const index_t first = row * channels;
    Dropping mask = dropping(key, threshold, scale, first);
    // Each value of r is read again only by the thread that wrote it. Where nobody wants it, y holds it until it is overwritten.
    float* r = (sum ? sum : y) + first;
    y += first;
    float total = 0.0f;
    for (index_t c = rank; c < channels; c += size) {
        const float value = x[first + c] + dropped(mask, f[first + c], first + c);
        r[c] = value;
        total += value;
    }
    const float mean = row_sum<WHOLE_BLOCK>(total) / channels;
    float squares = 0.0f;
    for (index_t c = rank; c < channels; c += size) {
        const float apart = r[c] - mean;
        squares += apart * apart;
    }
    const float rstd = 1.0f / sqrtf(row_sum<WHOLE_BLOCK>(squares) / channels + eps);
    for (index_t c = rank; c < channels; c += size) y[c] = (r[c] - mean) * rstd * weight[c] + bias[c];
    if (saved && rank == 0) {
        saved[2 * row] = mean;
        saved[2 * row + 1] = rstd;
    }
}

template <bool WHOLE_BLOCK>
__device__ __forceinline__ void backward_row(const float* r, const float* weight, const float* saved, const float* dy, const float* of_sum, float* dx,
                                             float* df, float beta_x, float beta_f, index_t rows, index_t channels, uint64_t key, index_t threshold,
                                             float scale) {
    const auto [row, rank, size] = row_of_thread<WHOLE_BLOCK>();
    if (row >= rows) return;
    const index_t first = row * channels;
    Dropping mask = dropping(key, threshold, scale, first);
    const float mean = saved[2 * row], rstd = saved[2 * row + 1];
    float of_q = 0.0f, of_product = 0.0f;
    for (index_t c = rank; c < channels; c += size) {
        const float q = dy[first + c] * weight[c];
        of_q += q;
        of_product += q * (r[first + c] - mean) * rstd;
    }
    of_q = row_sum<WHOLE_BLOCK>(of_q) / channels;
    of_product = row_sum<WHOLE_BLOCK>(of_product) / channels;
    for (index_t c = rank; c < channels; c += size) {
        const index_t i = first + c;
        const float normed = (r[i] - mean) * rstd;
        const float dr = rstd * (dy[i] * weight[c] - of_q - normed * of_product) + (of_sum ? of_sum[i] : 0.0f);
        if (dx) accumulate(dx + i, dr, beta_x);
        if (df) accumulate(df + i, dropped(mask, dr, i), beta_f);
    }
}

extern "C" __global__ void add_norm_forward_warps(const float* x, const float* f, const float* weight, const float* bias, float* sum, float* y,
                                                  float* saved, index_t rows, index_t channels, float eps, unsigned long long key,
                                                  index_t threshold, float scale) {
    forward_row<false>(x, f, weight, bias, sum, y, saved, rows, channels, eps, key, threshold, scale);
}

extern "C" __global__ void add_norm_forward_blocks(const float* x, const float* f, const float* weight, const float* bias, float* sum, float* y,
                                                   float* saved, index_t rows, index_t channels, float eps, unsigned long long key,
                                                   index_t threshold, float scale) {
    forward_row<true>(x, f, weight, bias, sum, y, saved, rows, channels, eps, key, threshold, scale);
}

extern "C" __global__ void add_norm_backward_warps(const float* r, const float* weight, const float* saved, const float* dy, const float* of_sum,
                                                   float* dx, float* df, float beta_x, float beta_f, index_t rows, index_t channels,
                                                   unsigned long long key, index_t threshold, float scale) {
    backward_row<false>(r, weight, saved, dy, of_sum, dx, df, beta_x, beta_f, rows, channels, key, threshold, scale);
}

extern "C" __global__ void add_norm_backward_blocks(const float* r, const float* weight, const float* saved, const float* dy, const float* of_sum,
                                                    float* dx, float* df, float beta_x, float beta_f, index_t rows, index_t channels,
                                                    unsigned long long key, index_t threshold, float scale) {
    backward_row<true>(r, weight, saved, dy, of_sum, dx, df, beta_x, beta_f, rows, channels, key, threshold, scale);
}
