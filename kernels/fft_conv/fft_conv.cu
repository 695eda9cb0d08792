// Two sequences of a channel are the real and the imaginary part of one: a real kernel convolves both at once, and of the correlation of two such pairs
// the real part is the sum of both sequences'. fft.cuh transforms; long sequences are cut into columns and rows.
//
// Bound by memory. Forward moves, for each complex value of the 2^n ≥ 2 L: 8 bytes there, 8 + 8 + 8 for the rows and their spectrum, 8 back; where scratch
// stays in L2 what is left is u, y and the spectra.

#define EXTENTS index_t channels, int log_rows, int log_len, int log_channels, int log_columns
#define TILE tile_of_block(channels, log_rows, log_len, log_channels, log_columns)

// packed [pairs, channels, 2^n] of the sequences in x [batch, time, channels], the last one alone where their number is odd.
extern "C" __global__ void __launch_bounds__(256) fft_conv_pack(const float* x, float2* packed, index_t batch, index_t time, EXTENTS) {
    transform_columns(TILE, packed, [=](index_t pair, index_t channel, index_t t) {
        if (t >= time) return make_float2(0.0f, 0.0f);
        const float* first = x + (2 * pair * time + t) * channels + channel;
        return make_float2(first[0], 2 * pair + 1 < batch ? first[time * channels] : 0.0f);
    });
}

// packed [channels, 2^n] of k [1 or 2, channels, time]: the second direction reversed, at the period's end.
extern "C" __global__ void __launch_bounds__(256) fft_conv_kernels(const float* k, float2* packed, index_t time, int both, EXTENTS) {
    const index_t period = (index_t)1 << (log_rows + log_len);
    transform_columns(TILE, packed, [=](index_t, index_t channel, index_t t) {
        float value = 0.0f;
        if (t < time) value = k[channel * time + t];
        if (both && period - 1 - t < time) value = k[(channels + channel) * time + period - 1 - t];
        return make_float2(value, 0.0f);
    });
}

// y [batch, time, channels] = beta y + what is packed + d x.
extern "C" __global__ void __launch_bounds__(256)
    fft_conv_unpack(const float2* packed, const float* x, const float* d, float* y, float beta, index_t batch, index_t time, EXTENTS) {
    columns_back(TILE, packed, [=](index_t pair, index_t channel, index_t t, float2 value) {
        if (t >= time) return;
        const index_t first = (2 * pair * time + t) * channels + channel, second = first + time * channels;
        accumulate(y + first, fmaf(d[channel], x[first], value.x), beta);
        if (2 * pair + 1 < batch) accumulate(y + second, fmaf(d[channel], x[second], value.y), beta);
    });
}

// From the spectra of u and the columns of dy: u ← ū dy, of which the sum is dk's spectrum; and, where there are spectra of kernels, dy ← du.
extern "C" __global__ void __launch_bounds__(256)
    fft_conv_correlate(float2* u, float2* dy, const float2* spectra, index_t of_spectra, int log_len, float scale) {
    DYNAMIC_SHARED(float2, shared);
    const index_t first = (index_t)blockIdx.x << log_len;
    transform_row(shared, dy + first, log_len);
    const float2* spectrum = spectra ? spectra + ((blockIdx.x % of_spectra) << log_len) : nullptr;
    for (int i = threadIdx.x; i < 1 << log_len; i += blockDim.x) {
        const float2 gradient = shared[padded(i)];
        u[first + i] = times(conjugate(u[first + i]), gradient);
        if (spectrum) shared[padded(i)] = swapped(times(gradient, conjugate(spectrum[i])));
    }
    __syncthreads();
    if (spectrum) row_back(shared, dy + first, log_len, scale);
}

// dk [1 or 2, channels, time] = beta dk + the real part of the correlations behind `packed` [channels, 2^n].
extern "C" __global__ void __launch_bounds__(256) fft_conv_kernel_gradient(const float2* packed, float* dk, float beta, index_t time, int both, EXTENTS) {
    const index_t period = (index_t)1 << (log_rows + log_len);
    columns_back(TILE, packed, [=](index_t, index_t channel, index_t t, float2 value) {
        if (t < time) accumulate(dk + channel * time + t, value.x, beta);
        if (both && period - 1 - t < time) accumulate(dk + (channels + channel) * time + period - 1 - t, value.x, beta);
    });
}

// parts [chunks, channels] = Σ dy u over each chunk of `each` rows. Blocks of 32 channels by 8 rows, over channels and chunks. Moves 8 bytes a value.
extern "C" __global__ void fft_conv_direct_parts(const float* u, const float* dy, float* parts, index_t rows, index_t channels, index_t each) {
    __shared__ float tile[8][WARP];
    const index_t channel = (index_t)blockIdx.x * WARP + threadIdx.x, chunk = blockIdx.y;
    const index_t last = min(rows, (chunk + 1) * each);
    float sum = 0.0f;
    if (channel < channels)
        for (index_t row = chunk * each + threadIdx.y; row < last; row += 8) sum = fmaf(u[row * channels + channel], dy[row * channels + channel], sum);
    tile[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && channel < channels) {
        for (int y = 1; y < 8; y++) sum += tile[y][threadIdx.x];
        parts[chunk * channels + channel] = sum;
    }
}
