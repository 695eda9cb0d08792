// Complex numbers, and Fourier transforms of 2^n of them. Stands before every kernel, behind common.cuh; fft.rs says how transforms are started.
//
// In f64 they have operators; in f32 they are float2.

struct Complex {
    double re, im;
};

__device__ __forceinline__ Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
__device__ __forceinline__ Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
__device__ __forceinline__ Complex operator*(Complex a, Complex b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
__device__ __forceinline__ Complex operator*(double a, Complex b) { return {a * b.re, a * b.im}; }
__device__ __forceinline__ Complex conjugate(Complex a) { return {a.re, -a.im}; }

__device__ __forceinline__ double warp_sum_of_doubles(double value) {
    for (int apart = WARP / 2; apart > 0; apart /= 2) value += __shfl_xor_sync(ALL_LANES, value, apart);
    return value;
}

__device__ __forceinline__ float2 plus(float2 a, float2 b) { return make_float2(a.x + b.x, a.y + b.y); }
__device__ __forceinline__ float2 minus(float2 a, float2 b) { return make_float2(a.x - b.x, a.y - b.y); }
__device__ __forceinline__ float2 times(float2 a, float2 b) { return make_float2(fmaf(a.x, b.x, -(a.y * b.y)), fmaf(a.x, b.y, a.y * b.x)); }
__device__ __forceinline__ float2 scaled(float2 a, float scale) { return make_float2(a.x * scale, a.y * scale); }
__device__ __forceinline__ float2 conjugate(float2 a) { return make_float2(a.x, -a.y); }
// i conj(a). A transform back is one there between two of these.
__device__ __forceinline__ float2 swapped(float2 a) { return make_float2(a.y, a.x); }

// e^(−2πi at / 2^log_len), at < 2^24: both are exact as floats.
__device__ __forceinline__ float2 root_of_one(int at, int log_len) {
    float sine, cosine;
    sincospif(-2.0f * (float)at / (float)(1 << log_len), &sine, &cosine);
    return make_float2(cosine, sine);
}

// x ← its transform, in registers and in order.
template <int R>
__device__ __forceinline__ void small_transform(float2 (&x)[R]) {
    if constexpr (R == 2) {
        const float2 first = x[0];
        x[0] = plus(first, x[1]);
        x[1] = minus(first, x[1]);
    } else if constexpr (R == 4) {
        const float2 a = plus(x[0], x[2]), b = minus(x[0], x[2]), c = plus(x[1], x[3]), d = minus(x[1], x[3]);
        x[0] = plus(a, c);
        x[1] = make_float2(b.x + d.y, b.y - d.x);
        x[2] = minus(a, c);
        x[3] = make_float2(b.x - d.y, b.y + d.x);
    } else {
        // cos and −sin of 2π j / 16.
        const float cosine[10] = {1.0f, 0.92387953f, 0.70710678f, 0.38268343f, 0.0f, -0.38268343f, -0.70710678f, -0.92387953f, -1.0f, -0.92387953f};
        const float sine[10] = {0.0f, -0.38268343f, -0.70710678f, -0.92387953f, -1.0f, -0.92387953f, -0.70710678f, -0.38268343f, 0.0f, 0.38268343f};
        constexpr int S = R / 4;
        float2 rows[4][S];
#pragma unroll
        for (int n = 0; n < S; n++) {
            float2 column[4] = {x[n], x[S + n], x[2 * S + n], x[3 * S + n]};
            small_transform<4>(column);
#pragma unroll
            for (int k = 0; k < 4; k++) {
                const int j = n * k * (16 / R);
                rows[k][n] = j == 0 ? column[k] : times(column[k], make_float2(cosine[j], sine[j]));
            }
        }
#pragma unroll
        for (int k = 0; k < 4; k++) {
            small_transform<S>(rows[k]);
#pragma unroll
            for (int n = 0; n < S; n++) x[k + 4 * n] = rows[k][n];
        }
    }
}

// x[q] ← x[q] w^q, w being root number `at` of 2^log_len.
template <int R>
__device__ __forceinline__ void turn(float2 (&x)[R], int at, int log_len) {
    if (at == 0) return;
    const float2 w = root_of_one(at, log_len);
    x[1] = times(x[1], w);
    if constexpr (R >= 4) {
        // The fourth anew: products of products would lose a bit more.
        const float2 second = times(w, w), third = times(second, w), fourth = R > 4 ? root_of_one(4 * at, log_len) : w;
        x[2] = times(x[2], second);
        x[3] = times(x[3], third);
        float2 power = fourth;
#pragma unroll
        for (int q = 4; q < R; q += 4) {
            x[q] = times(x[q], power);
            x[q + 1] = times(x[q + 1], times(power, w));
            x[q + 2] = times(x[q + 2], times(power, second));
            x[q + 3] = times(x[q + 3], times(power, third));
            power = times(power, fourth);
        }
    }
}

// Where value i lies in shared memory: a gap behind each 16, so that no stride of a power of two meets one bank alone.
__device__ __forceinline__ int padded(int i) { return i + (i >> 4); }

// One pass over 2^log_all values in shared memory: R of them at a time, 2^log_span / R apart.
template <int R, int LOG_R, bool BACK>
__device__ __forceinline__ void transform_pass(float2* x, int log_all, int log_span, int log_columns) {
    const int log_step = log_span - LOG_R;
    for (int j = threadIdx.x; j < 1 << (log_all - LOG_R); j += blockDim.x) {
        const int inner = j & ((1 << log_step) - 1), first = ((j >> log_step) << log_span) + inner;
        const int at = inner >> log_columns;
        float2 v[R];
#pragma unroll
        for (int r = 0; r < R; r++) v[r] = x[padded(first + (r << log_step))];
        if (BACK) turn(v, at, log_span - log_columns);
        small_transform(v);
        if (!BACK) turn(v, at, log_span - log_columns);
#pragma unroll
        for (int r = 0; r < R; r++) x[padded(first + (r << log_step))] = v[r];
    }
    __syncthreads();
}

template <bool BACK>
__device__ __forceinline__ void odd_pass(float2* x, int log_len, int log_columns) {
    const int all = log_len + log_columns;
    if ((log_len & 3) == 1) transform_pass<2, 1, BACK>(x, all, all, log_columns);
    if ((log_len & 3) == 2) transform_pass<4, 2, BACK>(x, all, all, log_columns);
    if ((log_len & 3) == 3) transform_pass<8, 3, BACK>(x, all, all, log_columns);
}

// Transforms in place, in shared memory, 2^log_columns sequences of 2^log_len that lie as columns. Frequencies lie scrambled: `frequency_at` knows
// which is where; a product of two spectra need not. All threads call it, behind a barrier; it ends with one.
__device__ __forceinline__ void transform(float2* x, int log_len, int log_columns) {
    odd_pass<false>(x, log_len, log_columns);
    for (int span = log_columns + (log_len & ~3); span > log_columns; span -= 4) transform_pass<16, 4, false>(x, log_len + log_columns, span, log_columns);
}

// The way back, out of the scrambled order and without the scale, of values that are swapped: they end swapped.
__device__ __forceinline__ void transform_back(float2* x, int log_len, int log_columns) {
    for (int span = log_columns + 4; span <= log_columns + (log_len & ~3); span += 4)
        transform_pass<16, 4, true>(x, log_len + log_columns, span, log_columns);
    odd_pass<true>(x, log_len, log_columns);
}

// The frequency that lies at place `at` of 2^log_len.
__device__ __forceinline__ int frequency_at(int at, int log_len) {
    int found = 0, digit = (log_len & 3) ? log_len & 3 : 4;
    for (int left = log_len, low = 0; left > 0; digit = 4) {
        left -= digit;
        found |= (at >> left) << low;
        at &= (1 << left) - 1;
        low += digit;
    }
    return found;
}

// Longer transforms are cut: value n of a sequence is in row n >> log_len and column n % 2^log_len of a matrix, whose columns are transformed, turned,
// and then its rows. In memory they lie as [sequences, channels, rows, columns]. A block of the column kernels has all rows of 2^log_columns
// columns of 2^log_channels neighbouring channels; blocks over both lie along x, sequences along y.
struct Tile {
    index_t channels, sequence, first_channel;
    int log_rows, log_len, log_channels, log_columns, first_column;
};

__device__ __forceinline__ Tile tile_of_block(index_t channels, int log_rows, int log_len, int log_channels, int log_columns) {
    const int log_blocks = log_len - log_columns;
    const index_t first_channel = (index_t)(blockIdx.x >> log_blocks) << log_channels;
    const int first_column = (int)(blockIdx.x & ((1u << log_blocks) - 1)) << log_columns;
    return {channels, blockIdx.y, first_channel, log_rows, log_len, log_channels, log_columns, first_column};
}

// to ← the transformed and turned columns of load(sequence, channel, n).
template <typename Load>
__device__ __forceinline__ void transform_columns(Tile tile, float2* to, Load load) {
    DYNAMIC_SHARED(float2, x);
    const int log_all = tile.log_channels + tile.log_columns, all = 1 << (tile.log_rows + log_all), columns = 1 << tile.log_columns;
    for (int e = threadIdx.x; e < all; e += blockDim.x) {
        const int h = e & ((1 << tile.log_channels) - 1), column = (e >> tile.log_channels) & (columns - 1), row = e >> log_all;
        const index_t channel = tile.first_channel + h, n = ((index_t)row << tile.log_len) + tile.first_column + column;
        x[padded((row << log_all) + (h << tile.log_columns) + column)] = channel < tile.channels ? load(tile.sequence, channel, n) : make_float2(0.0f, 0.0f);
    }
    __syncthreads();
    transform(x, tile.log_rows, log_all);
    for (int e = threadIdx.x; e < all; e += blockDim.x) {
        const int column = tile.first_column + (e & (columns - 1)), h = (e >> tile.log_columns) & ((1 << tile.log_channels) - 1), row = e >> log_all;
        const index_t channel = tile.first_channel + h;
        if (channel >= tile.channels) continue;
        const float2 root = root_of_one(frequency_at(row, tile.log_rows) * column, tile.log_rows + tile.log_len);
        const index_t of_channel = tile.sequence * tile.channels + channel;
        to[(((of_channel << tile.log_rows) + row) << tile.log_len) + column] = times(x[padded(e)], root);
    }
}

// store(sequence, channel, n, value) for what `transform_columns` was given, times what was done to it in between.
template <typename Store>
__device__ __forceinline__ void columns_back(Tile tile, const float2* from, Store store) {
    DYNAMIC_SHARED(float2, x);
    const int log_all = tile.log_channels + tile.log_columns, all = 1 << (tile.log_rows + log_all), columns = 1 << tile.log_columns;
    for (int e = threadIdx.x; e < all; e += blockDim.x) {
        const int column = tile.first_column + (e & (columns - 1)), h = (e >> tile.log_columns) & ((1 << tile.log_channels) - 1), row = e >> log_all;
        const index_t channel = tile.first_channel + h, of_channel = tile.sequence * tile.channels + channel;
        float2 value = make_float2(0.0f, 0.0f);
        if (channel < tile.channels) {
            const float2 root = root_of_one(frequency_at(row, tile.log_rows) * column, tile.log_rows + tile.log_len);
            value = times(swapped(from[(((of_channel << tile.log_rows) + row) << tile.log_len) + column]), root);
        }
        x[padded(e)] = value;
    }
    __syncthreads();
    transform_back(x, tile.log_rows, log_all);
    for (int e = threadIdx.x; e < all; e += blockDim.x) {
        const int h = e & ((1 << tile.log_channels) - 1), column = (e >> tile.log_channels) & (columns - 1), row = e >> log_all;
        const index_t channel = tile.first_channel + h, n = ((index_t)row << tile.log_len) + tile.first_column + column;
        if (channel < tile.channels) store(tile.sequence, channel, n, swapped(x[padded((row << log_all) + (h << tile.log_columns) + column)]));
    }
}

// The row of a block, into shared memory and transformed.
__device__ __forceinline__ void transform_row(float2* x, const float2* row, int log_len) {
    for (int i = threadIdx.x; i < 1 << log_len; i += blockDim.x) x[padded(i)] = row[i];
    __syncthreads();
    transform(x, log_len, 0);
}

// A row whose swapped frequencies lie in shared memory, transformed back to where it came from. All threads, behind a barrier.
__device__ __forceinline__ void row_back(float2* x, float2* row, int log_len, float scale) {
    transform_back(x, log_len, 0);
    for (int i = threadIdx.x; i < 1 << log_len; i += blockDim.x) row[i] = scaled(swapped(x[padded(i)]), scale);
}
