// The update reads parameter, gradient and both moments and writes all but the gradient: 28 bytes an element. Bound by memory.

struct Step {
    float grad_scale, keep, rise1, beta2, rise2, rate, correction, eps;
};

__device__ __forceinline__ void update(const Step& s, float& p, float g, float& m, float& v) {
    g *= s.grad_scale;
    m += s.rise1 * (g - m);
    v = v * s.beta2 + s.rise2 * g * g;
    p = p * s.keep - s.rate * m / (sqrtf(v) / s.correction + s.eps);
}

// What the constants come to lies in `constants` as the fields of Step.
extern "C" __global__ void adamw_update(float* param, const float* grad, float* moment1, float* moment2, float grad_scale, float keep, float rise1,
                                        float beta2, float rise2, float rate, float correction, float eps, index_t len) {
    const Step step = {grad_scale, keep, rise1, beta2, rise2, rate, correction, eps};
    const index_t first = 4 * ((index_t)blockIdx.x * blockDim.x + threadIdx.x);
    if (first + 4 <= len && aligned16(param) && aligned16(grad) && aligned16(moment1) && aligned16(moment2)) {
        float4 p = load4(param + first), m = load4(moment1 + first), v = load4(moment2 + first);
        const float4 g = load4(grad + first);
        update(step, p.x, g.x, m.x, v.x);
        update(step, p.y, g.y, m.y, v.y);
        update(step, p.z, g.z, m.z, v.z);
        update(step, p.w, g.w, m.w, v.w);
        store4(param + first, p);
        store4(moment1 + first, m);
        store4(moment2 + first, v);
    } else {
        for (index_t i = first; i < first + 4 && i < len; i++) update(step, param[i], grad[i], moment1[i], moment2[i]);
    }
}

// parts [blocks], of double: Σ x² over the values that a block strides over. 256 threads. In f64 squares of f32 neither overflow nor vanish.
// Reads 4 bytes an element.
extern "C" __global__ void adamw_sum_squares(const float* x, double* parts, index_t len) {
    __shared__ double sums[256];
    const index_t stride = (index_t)gridDim.x * blockDim.x;
    double sum = 0.0;
    for (index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x; i < len; i += stride) {
        const double value = x[i];
        sum += value * value;
    }
    sums[threadIdx.x] = sum;
    __syncthreads();
    for (int half = 128; half > 0; half /= 2) {
        if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
        __syncthreads();
    }
    if (threadIdx.x == 0) parts[blockIdx.x] = sums[0];
}
