// to [A, C, B, D] = from [A, B, C, D]. Moves 8 bytes an element, 12 where it adds: bound by memory. Arrays are weights, which fit in the second cache.

// Runs of D values move as they are; a thread for each value of `to`.
extern "C" __global__ void swap_axes_runs(const float* __restrict__ from, float* __restrict__ to, float beta, index_t a, index_t b, index_t c, index_t d) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= a * b * c * d) return;
    const index_t run = i / d, row = run % b, column = run / b % c, outer = run / b / c;
    accumulate(to + i, from[((outer * b + row) * c + column) * d + i % d], beta);
}

// D = 1: tiles of 32 by 32, along x, of each of A matrices, along y. Blocks of 32 by 8.
extern "C" __global__ void swap_axes_values(const float* __restrict__ from, float* __restrict__ to, float beta, index_t a, index_t b, index_t c,
                                            index_t d) {
    __shared__ float tile[WARP][WARP + 1];
    const index_t across = (c + WARP - 1) / WARP, row = blockIdx.x / across * WARP, column = blockIdx.x % across * WARP;
    from += blockIdx.y * b * c;
    to += blockIdx.y * b * c;
    for (int y = threadIdx.y; y < WARP; y += 8)
        if (row + y < b && column + threadIdx.x < c) tile[y][threadIdx.x] = from[(row + y) * c + column + threadIdx.x];
    __syncthreads();
    for (int y = threadIdx.y; y < WARP; y += 8)
        if (column + y < c && row + threadIdx.x < b) accumulate(to + (column + y) * b + row + threadIdx.x, tile[threadIdx.x][y], beta);
}
