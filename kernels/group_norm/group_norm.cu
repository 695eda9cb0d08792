// Statistics of each sequence of x [B, T, C] over all its frames and a group of channels: each stretch of frames is summed in f32 as differences to its
// own first frame, and the stretches are joined in f64, so that no mean costs precision.
// Blocks of 32 channels by 8 frames, stretches along y, sequences along z. Forward reads x twice and writes once: 12 bytes an element; backward reads
// x and dout twice and writes dx: 20 bytes, 24 where it adds. What is joined is a 64th of x. Bound by memory.

#define JOINING 256

// The sum over a block of JOINING threads, in every thread.
__device__ __forceinline__ double block_sum_of_doubles(double value) {
    __shared__ double of_threads[JOINING];
    __syncthreads();
    of_threads[threadIdx.x] = value;
    for (int apart = JOINING / 2; apart > 0; apart /= 2) {
        __syncthreads();
        if (threadIdx.x < apart) of_threads[threadIdx.x] += of_threads[threadIdx.x + apart];
    }
    __syncthreads();
    return of_threads[0];
}

// parts [B, stretches, 2, C] = Σ d and Σ d² of each channel, d = x − the stretch's first frame.
extern "C" __global__ void group_norm_stretches(const float* x, float* parts, index_t time, index_t channels, index_t each) {
    __shared__ float of_d[8][WARP], of_squares[8][WARP];
    const index_t c = (index_t)blockIdx.x * WARP + threadIdx.x, first = blockIdx.y * each, last = min(time, first + each);
    x += blockIdx.z * time * channels;
    float sum = 0.0f, squares = 0.0f;
    if (c < channels) {
        const float centre = x[first * channels + c];
#pragma unroll 4
        for (index_t t = first + threadIdx.y; t < last; t += 8) {
            const float d = x[t * channels + c] - centre;
            sum += d;
            squares += d * d;
        }
    }
    of_d[threadIdx.y][threadIdx.x] = sum;
    of_squares[threadIdx.y][threadIdx.x] = squares;
    __syncthreads();
    if (threadIdx.y == 0 && c < channels) {
        for (int y = 1; y < 8; y++) {
            sum += of_d[y][threadIdx.x];
            squares += of_squares[y][threadIdx.x];
        }
        parts += 2 * channels * ((index_t)blockIdx.z * gridDim.y + blockIdx.y);
        parts[c] = sum;
        parts[channels + c] = squares;
    }
}

// statistics [B, groups, 3] from the stretches: a block for each group, along x, of each sequence, along y.
extern "C" __global__ void group_norm_join(const float* x, const float* parts, float* statistics, index_t time, index_t channels, index_t groups,
                                           index_t each, float eps) {
    const index_t size = channels / groups, stretches = (time + each - 1) / each, pieces = stretches * size, sequence = blockIdx.y;
    const double elements = (double)time * size;
    x += sequence * time * channels + blockIdx.x * size;
    parts += sequence * stretches * 2 * channels + blockIdx.x * size;
    double total = 0.0;
    for (index_t i = threadIdx.x; i < pieces; i += JOINING) {
        const index_t stretch = i / size, c = i % size;
        const double frames = min(each, time - stretch * each);
        total += frames * x[stretch * each * channels + c] + parts[2 * stretch * channels + c];
    }
    const double mean = block_sum_of_doubles(total) / elements;
    // Within a stretch Σ(x − m)² = Σd² − (Σd)²/n; then n (m − μ)² for its distance from the mean.
    double squares = 0.0;
    for (index_t i = threadIdx.x; i < pieces; i += JOINING) {
        const index_t stretch = i / size, c = i % size;
        const double frames = min(each, time - stretch * each), sum = parts[2 * stretch * channels + c];
        const double distance = x[stretch * each * channels + c] + sum / frames - mean;
        squares += parts[(2 * stretch + 1) * channels + c] - sum * sum / frames + frames * distance * distance;
    }
    squares = block_sum_of_doubles(squares) / elements;
    if (threadIdx.x == 0) {
        statistics += 3 * (sequence * groups + blockIdx.x);
        statistics[0] = (float)mean;
        statistics[1] = (float)(mean - (double)(float)mean);
        statistics[2] = (float)(1.0 / sqrt((squares > 0.0 ? squares : 0.0) + (double)eps));
    }
}

// What one channel of one sequence is normalised with.
struct Norm {
    float mean, rest, rstd, scale, shift;
};

__device__ __forceinline__ Norm norm_of(const float* weight, const float* bias, const float* statistics, index_t c, index_t channels, index_t groups,
                                        bool shifts) {
    statistics += 3 * (blockIdx.z * groups + c / (channels / groups));
    return {statistics[0], statistics[1], statistics[2], weight[c], shifts ? bias[c] : 0.0f};
}

__device__ __forceinline__ float normed_by(Norm norm, float x) { return ((x - norm.mean) - norm.rest) * norm.rstd; }

extern "C" __global__ void group_norm_apply(const float* __restrict__ x, const float* __restrict__ weight, const float* __restrict__ bias,
                                            const float* __restrict__ statistics, float* __restrict__ out, index_t time, index_t channels,
                                            index_t groups, index_t each, int gelu) {
    const index_t c = (index_t)blockIdx.x * WARP + threadIdx.x, first = blockIdx.y * each, last = min(time, first + each);
    if (c >= channels) return;
    const Norm norm = norm_of(weight, bias, statistics, c, channels, groups, true);
    x += blockIdx.z * time * channels;
    out += blockIdx.z * time * channels;
#pragma unroll 4
    for (index_t t = first + threadIdx.y; t < last; t += 8) {
        const float y = normed_by(norm, x[t * channels + c]) * norm.scale + norm.shift;
        out[t * channels + c] = gelu ? y * normal_cdf(y) : y;
    }
}

// parts [B, stretches, 2, C] = Σ dn x̂ and Σ dn of each channel, dn what comes back to before the GELU.
extern "C" __global__ void group_norm_sums(const float* x, const float* weight, const float* bias, const float* statistics, const float* dout,
                                           float* parts, index_t time, index_t channels, index_t groups, index_t each, int gelu) {
    __shared__ float of_product[8][WARP], of_plain[8][WARP];
    const index_t c = (index_t)blockIdx.x * WARP + threadIdx.x, first = blockIdx.y * each, last = min(time, first + each);
    float products = 0.0f, plain = 0.0f;
    if (c < channels) {
        const Norm norm = norm_of(weight, bias, statistics, c, channels, groups, gelu);
        x += blockIdx.z * time * channels;
        dout += blockIdx.z * time * channels;
#pragma unroll 4
        for (index_t t = first + threadIdx.y; t < last; t += 8) {
            const float normed = normed_by(norm, x[t * channels + c]), d = dout[t * channels + c];
            const float dnormed = gelu ? d * gelu_slope(normed * norm.scale + norm.shift) : d;
            products += dnormed * normed;
            plain += dnormed;
        }
    }
    of_product[threadIdx.y][threadIdx.x] = products;
    of_plain[threadIdx.y][threadIdx.x] = plain;
    __syncthreads();
    if (threadIdx.y == 0 && c < channels) {
        for (int y = 1; y < 8; y++) {
            products += of_product[y][threadIdx.x];
            plain += of_plain[y][threadIdx.x];
        }
        parts += 2 * channels * ((index_t)blockIdx.z * gridDim.y + blockIdx.y);
        parts[c] = products;
        parts[channels + c] = plain;
    }
}

// totals [2, B, C]: the sums over all stretches. Sequences along y, the two along z.
extern "C" __global__ void group_norm_totals(const float* parts, float* totals, index_t stretches, index_t channels) {
    __shared__ double tile[8][WARP];
    const index_t c = (index_t)blockIdx.x * WARP + threadIdx.x, sequence = blockIdx.y, half = blockIdx.z;
    parts += (sequence * stretches * 2 + half) * channels;
    double sum = 0.0;
    if (c < channels)
        for (index_t stretch = threadIdx.y; stretch < stretches; stretch += 8) sum += parts[2 * stretch * channels + c];
    tile[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && c < channels) {
        for (int y = 1; y < 8; y++) sum += tile[y][threadIdx.x];
        totals[(half * gridDim.y + sequence) * channels + c] = (float)sum;
    }
}

// means [B, groups, 2] of q x̂ and of q = dn weight over a group's elements: a block for each group, along x, of each sequence, along y.
extern "C" __global__ void group_norm_means(const float* totals, const float* weight, float* means, index_t time, index_t channels) {
    const index_t size = channels / gridDim.x, sequence = blockIdx.y, first = blockIdx.x * size;
    const float *products = totals + sequence * channels, *plain = products + gridDim.y * channels;
    double of_product = 0.0, of_q = 0.0;
    for (index_t c = first + threadIdx.x; c < first + size; c += JOINING) {
        of_product += (double)weight[c] * products[c];
        of_q += (double)weight[c] * plain[c];
    }
    of_product = block_sum_of_doubles(of_product);
    of_q = block_sum_of_doubles(of_q);
    if (threadIdx.x == 0) {
        means += 2 * (sequence * gridDim.x + blockIdx.x);
        means[0] = (float)(of_product / ((double)time * size));
        means[1] = (float)(of_q / ((double)time * size));
    }
}

extern "C" __global__ void group_norm_backward(const float* __restrict__ x, const float* __restrict__ weight, const float* __restrict__ bias,
                                               const float* __restrict__ statistics, const float* __restrict__ dout,
                                               const float* __restrict__ means, float* __restrict__ dx, float beta, index_t time,
                                               index_t channels, index_t groups, index_t each, int gelu) {
    const index_t c = (index_t)blockIdx.x * WARP + threadIdx.x, first = blockIdx.y * each, last = min(time, first + each);
    if (c >= channels) return;
    const Norm norm = norm_of(weight, bias, statistics, c, channels, groups, gelu);
    means += 2 * (blockIdx.z * groups + c / (channels / groups));
    const float of_product = means[0], of_q = means[1];
    const index_t sequence = blockIdx.z * time * channels;
#pragma unroll 4
    for (index_t t = first + threadIdx.y; t < last; t += 8) {
        const index_t i = sequence + t * channels + c;
        const float normed = normed_by(norm, x[i]);
        const float dnormed = gelu ? dout[i] * gelu_slope(normed * norm.scale + norm.shift) : dout[i];
        accumulate(dx + i, norm.rstd * (dnormed * norm.scale - of_q - normed * of_product), beta);
    }
}
