// out = s r (x − μ + m), a warp or a block for each row; statistics are formed again in backward, from rows that lie in a cache anyway.
// Forward moves 8 bytes an element, backward 12, or 16 where it adds: bound by memory.

template <bool WHOLE_BLOCK>
__device__ __forceinline__ float2 statistics(Row row, const float* x, index_t channels) {
    float sum = 0.0f, squares = 0.0f;
    for (index_t c = row.rank; c < channels; c += row.size) sum += x[c];
    const float mean = row_sum<WHOLE_BLOCK>(sum) / channels;
    for (index_t c = row.rank; c < channels; c += row.size) squares += (x[c] - mean) * (x[c] - mean);
    return make_float2(mean, 1.0f / sqrtf(row_sum<WHOLE_BLOCK>(squares) / channels));
}

template <bool WHOLE_BLOCK>
__device__ __forceinline__ void forward_row(const float* x, const float* gain, const float* shift, float* out, index_t rows, index_t channels) {
    const Row row = row_of_thread<WHOLE_BLOCK>();
    if (row.at >= rows) return;
    x += row.at * channels;
    out += row.at * channels;
    const float2 norm = statistics<WHOLE_BLOCK>(row, x, channels);
    const float scale = gain[0] * norm.y, centre = norm.x - shift[0];
    for (index_t c = row.rank; c < channels; c += row.size) out[c] = scale * (x[c] - centre);
}

// shares [2, rows]: what each row adds to the gain's gradient, and to the shift's.
template <bool WHOLE_BLOCK>
__device__ __forceinline__ void backward_row(const float* x, const float* gain, const float* shift, const float* dout, float* dx, float beta,
                                             float* shares, index_t rows, index_t channels) {
    const Row row = row_of_thread<WHOLE_BLOCK>();
    if (row.at >= rows) return;
    x += row.at * channels;
    dout += row.at * channels;
    const float2 norm = statistics<WHOLE_BLOCK>(row, x, channels);
    const float mean = norm.x, rstd = norm.y, factor = gain[0] * rstd;
    float of_dout = 0.0f, along = 0.0f;
    for (index_t c = row.rank; c < channels; c += row.size) {
        of_dout += dout[c];
        along += dout[c] * (x[c] - mean);
    }
    of_dout = row_sum<WHOLE_BLOCK>(of_dout);
    // Σ dout (x − μ + m) = Σ dout (x − μ) + m Σ dout.
    along = row_sum<WHOLE_BLOCK>(along) + shift[0] * of_dout;
    if (row.rank == 0) {
        shares[row.at] = rstd * along;
        shares[rows + row.at] = factor * of_dout;
    }
    if (!dx) return;
    dx += row.at * channels;
    const float level = of_dout / channels, slope = along / channels * rstd * rstd;
    for (index_t c = row.rank; c < channels; c += row.size) accumulate(dx + c, factor * (dout[c] - level - (x[c] - mean) * slope), beta);
}

extern "C" __global__ void scalar_norm_forward_warps(const float* x, const float* gain, const float* shift, float* out, index_t rows,
                                                     index_t channels) {
    forward_row<false>(x, gain, shift, out, rows, channels);
}

extern "C" __global__ void scalar_norm_forward_blocks(const float* x, const float* gain, const float* shift, float* out, index_t rows,
                                                      index_t channels) {
    forward_row<true>(x, gain, shift, out, rows, channels);
}

extern "C" __global__ void scalar_norm_backward_warps(const float* x, const float* gain, const float* shift, const float* dout, float* dx, float beta,
                                                      float* shares, index_t rows, index_t channels) {
    backward_row<false>(x, gain, shift, dout, dx, beta, shares, rows, channels);
}

extern "C" __global__ void scalar_norm_backward_blocks(const float* x, const float* gain, const float* shift, const float* dout, float* dx, float beta,
                                                       float* shares, index_t rows, index_t channels) {
    backward_row<true>(x, gain, shift, dout, dx, beta, shares, rows, channels);
}
