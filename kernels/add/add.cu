// out = a + m ∘ b; da = dout and db = m ∘ dout. Forward moves 12 bytes an element, backward 12, and 4 more for each gradient it adds to:
// bound by memory.

extern "C" __global__ void add_forward(const float* __restrict__ a, const float* __restrict__ b, float* __restrict__ out, index_t len,
                                       unsigned long long key, index_t threshold, float scale) {
    const index_t first = 4 * ((index_t)blockIdx.x * blockDim.x + threadIdx.x);
    Dropping mask = dropping(key, threshold, scale, first);
    if (first + 4 <= len && aligned16(a) && aligned16(b) && aligned16(out)) {
        float4 sum = load4(a + first);
        const float4 v = load4(b + first);
        sum.x += dropped(mask, v.x, first);
        sum.y += dropped(mask, v.y, first + 1);
        sum.z += dropped(mask, v.z, first + 2);
        sum.w += dropped(mask, v.w, first + 3);
        store4(out + first, sum);
    } else {
        for (index_t i = first; i < first + 4 && i < len; i++) out[i] = a[i] + dropped(mask, b[i], i);
    }
}

// Either gradient may be wanted by nobody.
extern "C" __global__ void add_backward(const float* __restrict__ dout, float* __restrict__ da, float* __restrict__ db, float beta_a, float beta_b,
                                        index_t len, unsigned long long key, index_t threshold, float scale) {
    const index_t first = 4 * ((index_t)blockIdx.x * blockDim.x + threadIdx.x);
    Dropping mask = dropping(key, threshold, scale, first);
    if (first + 4 <= len && aligned16(dout) && aligned16(da) && aligned16(db)) {
        float4 v = load4(dout + first);
        if (da) accumulate4(da + first, v, beta_a);
        if (!db) return;
        v.x = dropped(mask, v.x, first);
        v.y = dropped(mask, v.y, first + 1);
        v.z = dropped(mask, v.z, first + 2);
        v.w = dropped(mask, v.w, first + 3);
        accumulate4(db + first, v, beta_b);
    } else {
        for (index_t i = first; i < first + 4 && i < len; i++) {
            if (da) accumulate(da + i, dout[i], beta_a);
            if (db) accumulate(db + i, dropped(mask, dout[i], i), beta_b);
        }
    }
}
