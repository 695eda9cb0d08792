// Valid frames of x [B, T, C], of which sequence b has lens[b]. What is moved is 8 bytes an element, 12 where it is added, 4 to read where a mean is
// made and 4 to write on its way back: bound by memory. Sequences along z.

// to_t = from_t, or from_{len−1−t}, for t < len, and 0 beyond.
extern "C" __global__ void padding_frames(const float* __restrict__ from, const int* __restrict__ lens, float* __restrict__ to, float beta,
                                          index_t time, index_t channels, int reversed) {
    const index_t len = lens[blockIdx.z], sequence = blockIdx.z * time;
    each_of_row(time, channels, [=](index_t t, index_t c) {
        const index_t source = sequence + (reversed ? len - 1 - t : t);
        accumulate(to + (sequence + t) * channels + c, t < len ? from[source * channels + c] : 0.0f, beta);
    });
}

// parts [chunks, B, C] = Σ_t x_t / len over the valid ones of `each` frames. Blocks of 32 channels by 8 frames, chunks along y.
extern "C" __global__ void padding_mean_parts(const float* __restrict__ x, const int* __restrict__ lens, float* __restrict__ parts, index_t time,
                                              index_t channels, index_t each) {
    __shared__ float tile[8][WARP];
    const index_t c = (index_t)blockIdx.x * WARP + threadIdx.x, chunk = blockIdx.y, len = lens[blockIdx.z];
    const index_t last = min(len, (chunk + 1) * each);
    x += blockIdx.z * time * channels;
    float sum = 0.0f;
    if (c < channels) {
#pragma unroll 4
        for (index_t t = chunk * each + threadIdx.y; t < last; t += 8) sum += x[t * channels + c];
    }
    tile[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && c < channels) {
        for (int y = 1; y < 8; y++) sum += tile[y][threadIdx.x];
        parts[(chunk * gridDim.z + blockIdx.z) * channels + c] = len ? sum / len : 0.0f;
    }
}

// dx_t = dout / len for t < len.
extern "C" __global__ void padding_mean_backward(const float* __restrict__ dout, const int* __restrict__ lens, float* __restrict__ dx, float beta,
                                                 index_t time, index_t channels) {
    const index_t len = lens[blockIdx.z], sequence = blockIdx.z;
    each_of_row(time, channels, [=](index_t t, index_t c) {
        accumulate(dx + (sequence * time + t) * channels + c, t < len ? dout[sequence * channels + c] / len : 0.0f, beta);
    });
}

// out_b = x_b0, sequences `apart` values from each other.
extern "C" __global__ void padding_first(const float* __restrict__ x, float* __restrict__ out, float beta, index_t batch, index_t apart,
                                         index_t channels) {
    each_of_row(batch, channels, [=](index_t b, index_t c) { accumulate(out + b * channels + c, x[b * apart + c], beta); });
}

// dx_b0 = dout_b.
extern "C" __global__ void padding_first_backward(const float* __restrict__ dout, float* __restrict__ dx, float beta, index_t batch, index_t apart,
                                                  index_t channels) {
    each_of_row(batch, channels, [=](index_t b, index_t c) { accumulate(dx + b * apart + c, dout[b * channels + c], beta); });
}
