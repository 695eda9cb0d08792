// Powers of poles in f64, so that they are as exact over a minute of sound as over a frame. A thread walks by STRIDE powers at a time: neighbours in a
// block are neighbours in time, so that reads and writes are whole lines. Where a walk begins is found from a pole's squares.
//
// Bound by f64 multiplications, 8 flops for each sample and pair forward and 12 backward; bytes are 4 a sample (backward: for each PAIRS pairs).

// A block's threads, which is how many samples a step of a walk goes, and 2^BITS.
#define STRIDE 128
#define BITS 7
// Steps of a thread's walk forward; pairs whose walks a block begins at once.
#define STEPS 16
#define STAGED 32
// Pairs that a block takes over all samples backward.
#define PAIRS 4
// Values that backward keeps of a row and pair: the derivatives by dt, w and C.
#define PULLED 5

__device__ __forceinline__ Complex inverse(Complex a) {
    const double size = a.re * a.re + a.im * a.im;
    return {a.re / size, -a.im / size};
}

// What a rule makes of a = dt w, and the derivatives by a: rule.rs.
struct Discrete {
    Complex lambda, f, g, lambda_by_a, f_by_a, g_by_a;
};

#define FIRST_ORDER_HOLD 1
#define BILINEAR 2

// (eᵃ − 1 − a − a²/2) / a³, below |a| = 1 by its series 1/3! (1 + a/4 (1 + a/5 (…))).
__device__ __noinline__ Complex phi_3(Complex a) {
    const Complex one = {1.0, 0.0};
    if (a.re * a.re + a.im * a.im >= 1.0) {
        double sine, cosine;
        sincos(a.im, &sine, &cosine);
        const double size = exp(a.re);
        const Complex power = {size * cosine, size * sine};
        return (power - one - a - 0.5 * (a * a)) * inverse(a * a * a);
    }
    Complex sum = {0.0, 0.0};
    for (int k = 17; k >= 0; k--) sum = one + (1.0 / (k + 4)) * (sum * a);
    return (1.0 / 6.0) * sum;
}

__device__ __noinline__ Discrete discrete(Complex a, int rule) {
    const Complex one = {1.0, 0.0};
    Discrete at;
    if (rule == BILINEAR) {
        const Complex d = inverse(one - 0.5 * a);
        at.f = d;
        at.lambda = (one + 0.5 * a) * d;
        at.g = d * at.lambda;
        at.lambda_by_a = d * d;
        at.f_by_a = 0.5 * (d * d);
        at.g_by_a = at.f_by_a * at.lambda + d * at.lambda_by_a;
        return at;
    }
    const Complex phi3 = phi_3(a), phi2 = Complex{0.5, 0.0} + a * phi3, phi1 = one + a * phi2;
    const Complex phi1_by_a = phi1 - phi2, phi2_by_a = phi2 - 2.0 * phi3;
    const bool line = rule == FIRST_ORDER_HOLD;
    at.lambda = one + a * phi1;
    at.lambda_by_a = at.lambda;
    at.f = line ? phi2 : phi1;
    at.f_by_a = line ? phi2_by_a : phi1_by_a;
    at.g = at.lambda * at.f;
    at.g_by_a = at.lambda * at.f_by_a + at.lambda * at.f;
    if (line) {
        at.g = at.g + phi1 - phi2;
        at.g_by_a = at.g_by_a + phi1_by_a - phi2_by_a;
    }
    return at;
}

// Pair n of a row: its step, pole and C.
struct Pair {
    double dt;
    Complex w, c;
};

__device__ __forceinline__ Pair pair_of(const float* log_dt, const float* log_w_real, const float* w_imag, const float* c, index_t heads, index_t groups,
                                        index_t pairs, index_t row, index_t n) {
    const index_t head = row % heads, pole = (groups == 1 ? 0 : head * pairs) + n, own = 2 * (row * pairs + n);
    return {exp((double)log_dt[head]), {-exp((double)log_w_real[pole]), w_imag[pole]}, {c[own], c[own + 1]}};
}

// terms [rows, pairs, 3] of complex: λ, c₀ and c₁. A thread has a row's pair.
extern "C" __global__ void s4d_kernel_terms(const float* log_dt, const float* log_w_real, const float* w_imag, const float* c, double* terms, index_t heads,
                                            index_t groups, index_t pairs, index_t all, int rule) {
    const index_t index = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= all) return;
    const Pair p = pair_of(log_dt, log_w_real, w_imag, c, heads, groups, pairs, index / pairs, index % pairs);
    const Discrete at = discrete(p.dt * p.w, rule);
    const Complex first = p.dt * (p.c * at.f), rest = p.dt * (p.c * at.g);
    double* to = terms + 6 * index;
    to[0] = at.lambda.re, to[1] = at.lambda.im;
    to[2] = first.re, to[3] = first.im;
    to[4] = rest.re, to[5] = rest.im;
}

// λ^(2^b) for b = 0 … BITS.
__device__ __forceinline__ void squares_of(Complex lambda, Complex* squares) {
    for (int b = 0; b <= BITS; b++) {
        squares[b] = lambda;
        lambda = lambda * lambda;
    }
}

// from λ^t, t < STRIDE.
__device__ __forceinline__ Complex turned(Complex from, const Complex* squares, int t) {
    for (int b = 0; b < BITS; b++)
        if (t >> b & 1) from = from * squares[b];
    return from;
}

// k [rows, len]. A block has STRIDE STEPS samples of a row, tiles of them along y, and takes STAGED pairs at a time.
extern "C" __global__ void __launch_bounds__(128) s4d_kernel_forward(const double* terms, float* k, index_t pairs, index_t len) {
    __shared__ double staged[STAGED][2 * (BITS + 2)];
    const index_t row = blockIdx.x, base = (index_t)blockIdx.y * (STRIDE * STEPS);
    const int t = threadIdx.x;
    const double* own = terms + 6 * row * pairs;
    double sums[STEPS];
#pragma unroll
    for (int j = 0; j < STEPS; j++) sums[j] = 0.0;
    for (index_t from = 0; from < pairs; from += STAGED) {
        const int count = (int)min((index_t)STAGED, pairs - from);
        __syncthreads();
        if (t < count) {
            const double* term = own + 6 * (from + t);
            Complex* squares = reinterpret_cast<Complex*>(staged[t]);
            Complex square = {term[0], term[1]}, begin = {2.0 * term[4], 2.0 * term[5]};
            squares_of(square, squares);
            for (index_t rest = base; rest != 0; rest >>= 1) {
                if (rest & 1) begin = begin * square;
                square = square * square;
            }
            squares[BITS + 1] = begin;
        }
        __syncthreads();
        for (int n = 0; n < count; n++) {
            const Complex* squares = reinterpret_cast<const Complex*>(staged[n]);
            const Complex stride = squares[BITS];
            Complex power = turned(squares[BITS + 1], squares, t);
#pragma unroll
            for (int j = 0; j < STEPS; j++) {
                sums[j] += power.re;
                power = power * stride;
            }
        }
    }
#pragma unroll
    for (int j = 0; j < STEPS; j++) {
        const index_t at = base + t + j * STRIDE + 1;
        if (at < len) k[row * len + at] = (float)sums[j];
    }
    if (base == 0 && t == 0) {
        double first = 0.0;
        for (index_t n = 0; n < pairs; n++) first += 2.0 * own[6 * n + 2];
        k[row * len] = (float)first;
    }
}

// pulled [rows, pairs, PULLED] of double: the derivatives by dt, w and C, as ∂/∂Re + i ∂/∂Im. A block has PAIRS pairs of a row, along y.
extern "C" __global__ void __launch_bounds__(128) s4d_kernel_backward(const float* log_dt, const float* log_w_real, const float* w_imag, const float* c,
                                                                      const float* dk, double* pulled, index_t heads, index_t groups, index_t pairs,
                                                                      index_t len, int rule) {
    __shared__ double staged[PAIRS][2 * (BITS + 1)];
    __shared__ double of_warps[PAIRS][4][STRIDE / WARP];
    const index_t row = blockIdx.x, first = (index_t)blockIdx.y * PAIRS;
    const int t = threadIdx.x, count = (int)min((index_t)PAIRS, pairs - first);
    dk += row * len;
    if (t < PAIRS) {
        Complex lambda = {0.0, 0.0};
        if (t < count) {
            const Pair p = pair_of(log_dt, log_w_real, w_imag, c, heads, groups, pairs, row, first + t);
            lambda = discrete(p.dt * p.w, rule).lambda;
        }
        squares_of(lambda, reinterpret_cast<Complex*>(staged[t]));
    }
    __syncthreads();
    // Σ dK_{m+1} λ^m and Σ (m + 1) dK_{m+2} λ^m.
    Complex powers[PAIRS], strides[PAIRS], plain[PAIRS], counted[PAIRS];
#pragma unroll
    for (int n = 0; n < PAIRS; n++) {
        const Complex* squares = reinterpret_cast<const Complex*>(staged[n]);
        powers[n] = turned({1.0, 0.0}, squares, t);
        strides[n] = squares[BITS];
        plain[n] = counted[n] = {0.0, 0.0};
    }
    for (index_t m = t; m + 1 < len; m += STRIDE) {
        const double near = dk[m + 1], far = m + 2 < len ? (double)(m + 1) * dk[m + 2] : 0.0;
#pragma unroll
        for (int n = 0; n < PAIRS; n++) {
            plain[n] = plain[n] + near * powers[n];
            counted[n] = counted[n] + far * powers[n];
            powers[n] = powers[n] * strides[n];
        }
    }
#pragma unroll
    for (int n = 0; n < PAIRS; n++) {
        const double sums[4] = {warp_sum_of_doubles(plain[n].re), warp_sum_of_doubles(plain[n].im), warp_sum_of_doubles(counted[n].re),
                                warp_sum_of_doubles(counted[n].im)};
#pragma unroll
        for (int s = 0; s < 4; s++)
            if (t % WARP == 0) of_warps[n][s][t / WARP] = sums[s];
    }
    __syncthreads();
    if (t >= count) return;
    double sums[4] = {0.0, 0.0, 0.0, 0.0};
    for (int s = 0; s < 4; s++)
        for (int warp = 0; warp < STRIDE / WARP; warp++) sums[s] += of_warps[t][s][warp];
    const Pair p = pair_of(log_dt, log_w_real, w_imag, c, heads, groups, pairs, row, first + t);
    const Discrete at = discrete(p.dt * p.w, rule);
    const Complex by_first = {2.0 * dk[0], 0.0}, by_rest = {2.0 * sums[0], -2.0 * sums[1]};
    const Complex by_lambda = (2.0 * p.dt) * conjugate(p.c * at.g * Complex{sums[2], sums[3]});
    const Complex by_a = by_lambda * conjugate(at.lambda_by_a) + by_first * (p.dt * conjugate(p.c * at.f_by_a)) + by_rest * (p.dt * conjugate(p.c * at.g_by_a));
    const Complex by_c = p.dt * (by_first * conjugate(at.f) + by_rest * conjugate(at.g)), by_w = p.dt * by_a;
    const Complex by_dt = conjugate(by_first) * p.c * at.f + conjugate(by_rest) * p.c * at.g + conjugate(by_a) * p.w;
    double* to = pulled + PULLED * (row * pairs + first + t);
    to[0] = by_dt.re;
    to[1] = by_w.re, to[2] = by_w.im;
    to[3] = by_c.re, to[4] = by_c.im;
}

// dlog_dt [heads]: a warp has a head, and sums over its responses and pairs.
extern "C" __global__ void s4d_kernel_by_dt(const float* log_dt, const double* pulled, float* dlog_dt, float beta, index_t heads, index_t pairs,
                                            index_t responses) {
    const index_t head = ((index_t)blockIdx.x * blockDim.x + threadIdx.x) / WARP;
    if (head >= heads) return;
    double sum = 0.0;
    for (index_t i = threadIdx.x % WARP; i < responses * pairs; i += WARP)
        sum += pulled[PULLED * ((i / pairs * heads + head) * pairs + i % pairs)];
    sum = warp_sum_of_doubles(sum);
    if (threadIdx.x % WARP == 0) accumulate(dlog_dt + head, (float)(sum * exp((double)log_dt[head])), beta);
}

// The gradients of the poles [groups, pairs]: a warp has one, and sums over the rows that have it. Where nobody wants one it is null.
extern "C" __global__ void s4d_kernel_by_poles(const float* log_w_real, const double* pulled, float* dlog_w_real, float* dw_imag, float real_beta,
                                               float imag_beta, index_t heads, index_t groups, index_t pairs, index_t rows) {
    const index_t pole = ((index_t)blockIdx.x * blockDim.x + threadIdx.x) / WARP;
    if (pole >= groups * pairs) return;
    const index_t from = groups == 1 ? 0 : pole / pairs, apart = groups == 1 ? 1 : heads, n = pole % pairs;
    double re = 0.0, im = 0.0;
    for (index_t row = from + threadIdx.x % WARP * apart; row < rows; row += WARP * apart) {
        const double* of_row = pulled + PULLED * (row * pairs + n);
        re += of_row[1];
        im += of_row[2];
    }
    re = warp_sum_of_doubles(re);
    im = warp_sum_of_doubles(im);
    if (threadIdx.x % WARP != 0) return;
    if (dlog_w_real) accumulate(dlog_w_real + pole, (float)(-re * exp((double)log_w_real[pole])), real_beta);
    if (dw_imag) accumulate(dw_imag + pole, (float)im, imag_beta);
}

// dc [rows, pairs, 2]: a thread has a value.
extern "C" __global__ void s4d_kernel_by_c(const double* pulled, float* dc, float beta, index_t len) {
    const index_t i = (index_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < len) accumulate(dc + i, (float)pulled[PULLED * (i / 2) + 3 + i % 2], beta);
}
