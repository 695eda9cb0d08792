// out_t = x_{t−1} and dx_t = dout_{t+1}, 0 where there is none. Moves 8 bytes an element, 12 where it adds: bound by memory.

extern "C" __global__ void shift_values(const float* __restrict__ from, float* __restrict__ to, float beta, index_t len, index_t ahead) {
    each_of_sequence(len, [=](index_t sequence, index_t i) {
        const index_t source = i + ahead;
        const bool there = 0 <= source && source < len;
        accumulate(to + sequence * len + i, there ? from[sequence * len + source] : 0.0f, beta);
    });
}
