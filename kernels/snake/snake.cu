// out = x + sin²(α x) / (α + ε), each channel with its α.
// Forward moves 8 bytes an element, backward 12 for both gradients together, or 16 where it adds: bound by memory, with some 30 operations an element
// beside it. Sine and cosine are those of the CPU's half: the compiler's own take a slow path for large angles.

#define EPS 1e-9f

struct Angle {
    float sine, cosine;
};

// Of the angle within half a turn of 0 that lies whole half turns from `angle`: both with one sign, which their products do not have.
__device__ __forceinline__ Angle within_half_a_turn(float angle) {
    // Adding 1.5·2^23 rounds to the nearest integer; π in parts of few bits, whose multiples are exact.
    const float round = 12582912.0f, quarter = 1.571f;
    const float turns = fmaf(angle, 0.318309886f, round) - round;
    float rest = fmaf(turns, -1.509958e-7f, fmaf(turns, -9.675026e-4f, fmaf(turns, -3.140625f, angle)));
    // NaN stays NaN.
    rest = rest > quarter ? quarter : rest < -quarter ? -quarter : rest;
    const float q = rest * rest;
    float sine = fmaf(q, -2.5052108e-8f, 2.7557319e-6f);
    sine = fmaf(q, fmaf(q, fmaf(q, fmaf(q, sine, -1.984127e-4f), 8.333333e-3f), -1.6666667e-1f), 1.0f);
    float cosine = fmaf(q, fmaf(q, 2.0876757e-9f, -2.755732e-7f), 2.4801587e-5f);
    cosine = fmaf(q, fmaf(q, fmaf(q, fmaf(q, cosine, -1.3888889e-3f), 4.1666668e-2f), -0.5f), 1.0f);
    return {rest * sine, cosine};
}

extern "C" __global__ void snake_forward(const float* __restrict__ x, const float* __restrict__ alpha, float* __restrict__ out, index_t rows,
                                         index_t channels) {
    each_of_row(rows, channels, [=](index_t row, index_t c) {
        const index_t i = row * channels + c;
        const float frequency = alpha[c], value = x[i], sine = within_half_a_turn(frequency * value).sine;
        out[i] = fmaf(sine * sine, 1.0f / (frequency + EPS), value);
    });
}

// dx, and the shares [chunks, C] of each chunk of `each` rows in dα: each where it is somewhere. Over reduce::over_columns.
extern "C" __global__ void snake_backward(const float* __restrict__ x, const float* __restrict__ alpha, const float* __restrict__ dout,
                                          float* __restrict__ dx, float beta, float* __restrict__ shares, index_t rows, index_t channels,
                                          index_t each) {
    __shared__ float tile[8][WARP];
    const index_t c = (index_t)blockIdx.x * WARP + threadIdx.x, chunk = blockIdx.y;
    const index_t last = min(rows, (chunk + 1) * each);
    float sum = 0.0f;
    if (c < channels) {
        const float frequency = alpha[c], inverse = 1.0f / (frequency + EPS);
#pragma unroll 4
        for (index_t row = chunk * each + threadIdx.y; row < last; row += 8) {
            const index_t i = row * channels + c;
            const float value = x[i], d = dout[i];
            const Angle at = within_half_a_turn(frequency * value);
            if (dx) accumulate(dx + i, d * fmaf(2.0f * at.sine * at.cosine * frequency, inverse, 1.0f), beta);
            sum += d * inverse * at.sine * fmaf(2.0f * value, at.cosine, -at.sine * inverse);
        }
    }
    tile[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (shares && threadIdx.y == 0 && c < channels) {
        for (int y = 1; y < 8; y++) sum += tile[y][threadIdx.x];
        shares[chunk * channels + c] = sum;
    }
}
