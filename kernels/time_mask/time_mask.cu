// out_f = e where frame f is masked, else x_f; dx_f = 0 or dout_f, de = Σ dout_f over masked frames. What is not needed is not read.
// Forward moves 4 to 8 bytes an element, backward the same and 4 for masked frames: bound by memory.

extern "C" __global__ void time_mask_forward(const float* __restrict__ x, const float* __restrict__ embedding, const int* __restrict__ mask,
                                             float* __restrict__ out, index_t frames, index_t channels) {
    each_of_row(frames, channels, [=](index_t f, index_t c) { out[f * channels + c] = mask[f] ? embedding[c] : x[f * channels + c]; });
}

extern "C" __global__ void time_mask_backward(const float* __restrict__ dout, const int* __restrict__ mask, float* __restrict__ dx, float beta,
                                              index_t frames, index_t channels) {
    each_of_row(frames, channels, [=](index_t f, index_t c) {
        const index_t i = f * channels + c;
        accumulate(dx + i, mask[f] ? 0.0f : dout[i], beta);
    });
}

// parts [chunks, C] = Σ dout over the masked ones of `each` frames. Blocks of 32 channels by 8 frames, over channels and chunks.
extern "C" __global__ void time_mask_parts(const float* __restrict__ dout, const int* __restrict__ mask, float* __restrict__ parts, index_t frames,
                                           index_t channels, index_t each) {
    __shared__ float tile[8][WARP];
    const index_t c = (index_t)blockIdx.x * WARP + threadIdx.x, chunk = blockIdx.y, last = min(frames, (chunk + 1) * each);
    float sum = 0.0f;
    if (c < channels)
        for (index_t f = chunk * each + threadIdx.y; f < last; f += 8)
            if (mask[f]) sum += dout[f * channels + c];
    tile[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && c < channels) {
        for (int y = 1; y < 8; y++) sum += tile[y][threadIdx.x];
        parts[chunk * channels + c] = sum;
    }
}
