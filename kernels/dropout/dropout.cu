// out = m ∘ x, and dx = m ∘ dout by the same kernels. Both move 8 bytes an element, or 12 where they add: bound by memory, with some 20 operations
// on integers an element beside it.

extern "C" __global__ void dropout_elements(const float* __restrict__ from, float* __restrict__ to, float beta, index_t len, unsigned long long key,
                                            index_t threshold, float scale) {
    const index_t first = 4 * ((index_t)blockIdx.x * blockDim.x + threadIdx.x);
    Dropping mask = dropping(key, threshold, scale, first);
    if (first + 4 <= len && aligned16(from) && aligned16(to)) {
        float4 v = load4(from + first);
        v.x = dropped(mask, v.x, first);
        v.y = dropped(mask, v.y, first + 1);
        v.z = dropped(mask, v.z, first + 2);
        v.w = dropped(mask, v.w, first + 3);
        accumulate4(to + first, v, beta);
    } else {
        for (index_t i = first; i < first + 4 && i < len; i++) accumulate(to + i, dropped(mask, from[i], i), beta);
    }
}

// Whole channels of sequences along z.
extern "C" __global__ void dropout_channels(const float* __restrict__ from, float* __restrict__ to, float beta, index_t time, index_t channels,
                                            unsigned long long key, index_t threshold, float scale) {
    const index_t sequence = blockIdx.z;
    Dropping mask = dropping(key, threshold, scale, sequence * channels);
    each_of_row(time, channels, [=](index_t t, index_t c) mutable {
        const index_t i = (sequence * time + t) * channels + c;
        accumulate(to + i, dropped(mask, from[i], sequence * channels + c), beta);
    });
}
