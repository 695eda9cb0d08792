// Rows of C channels. A row belongs to a warp, or to a block where rows are long; its second and third reading find it in the first cache.
// Forward moves 8 bytes an element, dx 12 (16 where it adds), the parameters' gradients 8: bound by memory.

template <bool WHOLE_BLOCK>
__device__ __forceinline__ void forward_row(const float* x, const float* weight, const float* bias, float* out, float* saved,
                                            index_t rows, index_t channels, float eps, bool gelu) {
    const auto [row, rank, size] = row_of_thread<WHOLE_BLOCK>();
    if (row >= rows) return;
    x += row * channels;
    out += row * channels;
    float sum = 0.0f;
    for (index_t c = rank; c < channels; c += size) sum += x[c];
    const float mean = row_sum<WHOLE_BLOCK>(sum) / channels;
    float squares = 0.0f;
    for (index_t c = rank; c < channels; c += size) {
        const float apart = x[c] - mean;
        squares += apart * apart;
    }
    const float rstd = 1.0f / sqrtf(row_sum<WHOLE_BLOCK>(squares) / channels + eps);
    for (index_t c = rank; c < channels; c += size) {
        const float y = (x[c] - mean) * rstd * weight[c] + bias[c];
        out[c] = gelu ? y * normal_cdf(y) : y;
    }
    if (saved && rank == 0) {
        saved[2 * row] = mean;
        saved[2 * row + 1] = rstd;
    }
}

// What backward sees of one channel: x̂, and the gradient behind the scale and shift.
struct Channel {
    float normed, dnormed;
};

__device__ __forceinline__ Channel channel(float x, float dout, float weight, float bias, float mean, float rstd, bool gelu) {
    const float normed = (x - mean) * rstd;
    return {normed, gelu ? dout * gelu_slope(normed * weight + bias) : dout};
}

template <bool WHOLE_BLOCK>
__device__ __forceinline__ void backward_row(const float* x, const float* weight, const float* bias, const float* saved, const float* dout,
                                             float* dx, float beta, index_t rows, index_t channels, bool gelu) {
    const auto [row, rank, size] = row_of_thread<WHOLE_BLOCK>();
    if (row >= rows) return;
    const float mean = saved[2 * row], rstd = saved[2 * row + 1];
    x += row * channels;
    dout += row * channels;
    dx += row * channels;
    float of_q = 0.0f, of_product = 0.0f;
    for (index_t c = rank; c < channels; c += size) {
        const Channel at = channel(x[c], dout[c], weight[c], gelu ? bias[c] : 0.0f, mean, rstd, gelu);
        const float q = at.dnormed * weight[c];
        of_q += q;
        of_product += q * at.normed;
    }
    of_q = row_sum<WHOLE_BLOCK>(of_q) / channels;
    of_product = row_sum<WHOLE_BLOCK>(of_product) / channels;
    for (index_t c = rank; c < channels; c += size) {
        const Channel at = channel(x[c], dout[c], weight[c], gelu ? bias[c] : 0.0f, mean, rstd, gelu);
        accumulate(dx + c, rstd * (at.dnormed * weight[c] - of_q - at.normed * of_product), beta);
    }
}

extern "C" __global__ void layer_norm_forward_warps(const float* x, const float* weight, const float* bias, float* out, float* saved,
                                                    index_t rows, index_t channels, float eps, int gelu) {
    forward_row<false>(x, weight, bias, out, saved, rows, channels, eps, gelu);
}

extern "C" __global__ void layer_norm_forward_blocks(const float* x, const float* weight, const float* bias, float* out, float* saved,
                                                     index_t rows, index_t channels, float eps, int gelu) {
    forward_row<true>(x, weight, bias, out, saved, rows, channels, eps, gelu);
}

extern "C" __global__ void layer_norm_backward_warps(const float* x, const float* weight, const float* bias, const float* saved,
                                                     const float* dout, float* dx, float beta, index_t rows, index_t channels, int gelu) {
    backward_row<false>(x, weight, bias, saved, dout, dx, beta, rows, channels, gelu);
}

extern "C" __global__ void layer_norm_backward_blocks(const float* x, const float* weight, const float* bias, const float* saved,
                                                      const float* dout, float* dx, float beta, index_t rows, index_t channels, int gelu) {
    backward_row<true>(x, weight, bias, saved, dout, dx, beta, rows, channels, gelu);
}

// dweight and dbias of chunks of `each` rows: parts [2, chunks, channels]. Blocks of 32 channels by 8 rows, over channels and chunks.
extern "C" __global__ void layer_norm_parameters(const float* x, const float* weight, const float* bias, const float* saved, const float* dout,
                                                 float* parts, index_t rows, index_t channels, index_t each, int gelu) {
    __shared__ float of_weight[8][WARP], of_bias[8][WARP];
    const index_t c = (index_t)blockIdx.x * WARP + threadIdx.x, chunk = blockIdx.y;
    const index_t last = min(rows, (chunk + 1) * each);
    float dweight = 0.0f, dbias = 0.0f;
    if (c < channels) {
        const float scale = gelu ? weight[c] : 1.0f, shift = gelu ? bias[c] : 0.0f;
        for (index_t row = chunk * each + threadIdx.y; row < last; row += 8) {
            const index_t i = row * channels + c;
            const Channel at = channel(x[i], dout[i], scale, shift, saved[2 * row], saved[2 * row + 1], gelu);
            dweight += at.dnormed * at.normed;
            dbias += at.dnormed;
        }
    }
    of_weight[threadIdx.y][threadIdx.x] = dweight;
    of_bias[threadIdx.y][threadIdx.x] = dbias;
    __syncthreads();
    if (threadIdx.y == 0 && c < channels) {
        for (int y = 1; y < 8; y++) {
            dweight += of_weight[y][threadIdx.x];
            dbias += of_bias[y][threadIdx.x];
        }
        parts[chunk * channels + c] = dweight;
        parts[(gridDim.y + chunk) * channels + c] = dbias;
    }
}
