// out_bt = x_bt + v_b; dx = dout and dv_b = Σ_t dout_bt. Sequences along z.
// Forward moves 8 bytes an element, backward 8 for dx (12 where it adds) and 4 for the sums: bound by memory.

extern "C" __global__ void add_to_frames_forward(const float* __restrict__ x, const float* __restrict__ v, float* __restrict__ out, index_t time,
                                                 index_t channels) {
    const index_t sequence = blockIdx.z;
    each_of_row(time, channels, [=](index_t t, index_t c) {
        const index_t i = (sequence * time + t) * channels + c;
        out[i] = x[i] + v[sequence * channels + c];
    });
}

extern "C" __global__ void add_to_frames_backward(const float* __restrict__ dout, float* __restrict__ dx, float beta, index_t len) {
    const index_t first = 4 * ((index_t)blockIdx.x * blockDim.x + threadIdx.x);
    if (first + 4 <= len && aligned16(dout) && aligned16(dx)) {
        accumulate4(dx + first, load4(dout + first), beta);
    } else {
        for (index_t i = first; i < first + 4 && i < len; i++) accumulate(dx + i, dout[i], beta);
    }
}

// parts [chunks, B, C] = Σ dout over `each` frames. Blocks of 32 channels by 8 frames, chunks along y.
extern "C" __global__ void add_to_frames_parts(const float* __restrict__ dout, float* __restrict__ parts, index_t time, index_t channels,
                                               index_t each) {
    __shared__ float tile[8][WARP];
    const index_t c = (index_t)blockIdx.x * WARP + threadIdx.x, chunk = blockIdx.y, last = min(time, (chunk + 1) * each);
    dout += blockIdx.z * time * channels;
    float sum = 0.0f;
    if (c < channels) {
#pragma unroll 4
        for (index_t t = chunk * each + threadIdx.y; t < last; t += 8) sum += dout[t * channels + c];
    }
    tile[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && c < channels) {
        for (int y = 1; y < 8; y++) sum += tile[y][threadIdx.x];
        parts[(chunk * gridDim.z + blockIdx.z) * channels + c] = sum;
    }
}
