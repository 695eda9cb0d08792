// out_i = table[code_i], and dtable[v] = Σ dout_i over the places i of v.
// Forward writes 4 bytes an element and reads the table, which mostly lies in a cache; backward reads 4 bytes an element: bound by memory.

extern "C" __global__ void embedding_rows(const float* __restrict__ table, const uint32_t* __restrict__ codes, float* __restrict__ out, index_t rows,
                                          index_t channels) {
    each_of_row(rows, channels, [=](index_t row, index_t c) { out[row * channels + c] = table[codes[row] * channels + c]; });
}

// A block of 32 channels by 8 places for each row of the table, along x; the eight go through the row's places in turn.
extern "C" __global__ void embedding_sums(const float* __restrict__ dout, const uint32_t* __restrict__ starts, const uint32_t* __restrict__ places,
                                          float* __restrict__ dtable, float beta, index_t channels) {
    __shared__ float tile[8][WARP];
    const index_t row = blockIdx.x, c = (index_t)blockIdx.y * WARP + threadIdx.x, last = starts[row + 1];
    float sum = 0.0f;
    if (c < channels) {
#pragma unroll 4
        for (index_t i = starts[row] + threadIdx.y; i < last; i += 8) sum += dout[places[i] * channels + c];
    }
    tile[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && c < channels) {
        for (int y = 1; y < 8; y++) sum += tile[y][threadIdx.x];
        accumulate(dtable + row * channels + c, sum, beta);
    }
}
