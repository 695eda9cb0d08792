// out_j = x_t + p_j or token_e + p_j, with E tokens before frame `at`. Sequences along z.
// Forward moves 8 bytes an element (positions are found in a cache), backward 8 for dx and 4 for each of the sums: bound by memory.

extern "C" __global__ void place_tokens_forward(const float* __restrict__ x, const float* __restrict__ tokens, const float* __restrict__ positions,
                                                float* __restrict__ out, index_t at, index_t count, index_t time, index_t channels) {
    const index_t sequence = blockIdx.z, rows = count + time;
    each_of_row(rows, channels, [=](index_t j, index_t c) {
        const bool token = at <= j && j < at + count;
        const index_t frame = sequence * time + (j < at ? j : j - count);
        const float value = token ? tokens[(j - at) * channels + c] : x[frame * channels + c];
        out[(sequence * rows + j) * channels + c] = value + positions[j * channels + c];
    });
}

extern "C" __global__ void place_tokens_backward(const float* __restrict__ dout, float* __restrict__ dx, float beta, index_t at, index_t count,
                                                 index_t time, index_t channels) {
    const index_t sequence = blockIdx.z;
    each_of_row(time, channels, [=](index_t t, index_t c) {
        const index_t j = sequence * (count + time) + (t < at ? t : t + count);
        accumulate(dx + (sequence * time + t) * channels + c, dout[j * channels + c], beta);
    });
}

// sums [len] = Σ over sequences of what each has from its element `first` on.
extern "C" __global__ void place_tokens_sums(const float* __restrict__ dout, float* __restrict__ sums, float beta, index_t batch, index_t sequence,
                                             index_t first, index_t len) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= len) return;
    float sum = 0.0f;
#pragma unroll 4
    for (index_t b = 0; b < batch; b++) sum += dout[b * sequence + first + i];
    accumulate(sums + i, sum, beta);
}
