// Sums over rows: in chunks whose number depends on the extents alone, then over the chunks in their order.

// parts [chunks, cols] = the column sums of each chunk of `each` rows of x [rows, cols]. Blocks of 32 columns by 8 rows, over columns and chunks.
// Reads x once, 4 bytes an element: bound by memory.
extern "C" __global__ void column_parts(const float* x, float* parts, index_t rows, index_t cols, index_t each) {
    __shared__ float tile[8][WARP];
    const index_t col = (index_t)blockIdx.x * WARP + threadIdx.x, chunk = blockIdx.y;
    const index_t last = min(rows, (chunk + 1) * each);
    float sum = 0.0f;
    if (col < cols)
        for (index_t row = chunk * each + threadIdx.y; row < last; row += 8) sum += x[row * cols + col];
    tile[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && col < cols) {
        for (int y = 1; y < 8; y++) sum += tile[y][threadIdx.x];
        parts[chunk * cols + col] = sum;
    }
}

// out [len] = beta out + the sum of `count` parts [count, len], in their order.
extern "C" __global__ void sum_parts(const float* parts, float* out, index_t count, index_t len, float beta) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= len) return;
    float sum = 0.0f;
    for (index_t part = 0; part < count; part++) sum += parts[part * len + i];
    accumulate(out + i, sum, beta);
}

// sum [len] += x [len]. Moves 12 bytes an element: bound by memory.
extern "C" __global__ void add_to(const float* x, float* sum, index_t len) {
    const index_t first = 4 * ((index_t)blockIdx.x * blockDim.x + threadIdx.x);
    if (first + 4 <= len && aligned16(x) && aligned16(sum)) {
        const float4 a = load4(sum + first), b = load4(x + first);
        store4(sum + first, make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w));
    } else {
        for (index_t i = first; i < first + 4 && i < len; i++) sum[i] += x[i];
    }
}
