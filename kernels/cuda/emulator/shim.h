// CUDA's words for a C++ compiler: kernels run on the CPU, one block after another, the threads of a block in turns.
//
// A thread runs until it meets a barrier or a shuffle, or ends; then the next one runs. Orders are the caller's choice, so that what depends on
// them is found by running twice. Shared memory is NaN when a block begins. Faults end the launch with a sentence.

#define EMULATED 1

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <tuple>
#include <type_traits>
#include <ucontext.h>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline
#define __noinline__
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static __attribute__((section("emulated_shared"), aligned(16)))

extern char __start_emulated_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_emulated_shared[] __attribute__((weak, visibility("hidden")));

struct dim3 {
    unsigned x, y, z;
};

// What the caller says of a launch.
struct Launching {
    unsigned blocks[3], threads[3];
    unsigned shared_bytes;
    unsigned descending;
};

namespace emulated {

enum State { READY, AT_BARRIER, AT_WARP, ENDED };

struct Fiber {
    jmp_buf at;
    ucontext_t first;
    char* stack;
    bool begun;
    dim3 thread;
    State state;
    int line;
    unsigned mask;
    // What it shows to its warp, and what it showed when the warp met.
    uint64_t shows, shown;
};

const unsigned MOST = 1024, LANES = 32, GUARD = 256;
const size_t STACK = 256 << 10;
const unsigned POISON = 0x7fc0beefu;

static Fiber fibers[MOST];
static Fiber* me;
static jmp_buf scheduler;
static dim3 block, grid, extents;
static unsigned count;
static void (*job)();
static char said[400];
static bool failed;
alignas(256) static char dynamic_memory[(99 << 10) + GUARD];

__attribute__((noinline)) static void yield() {
    if (!_setjmp(me->at)) _longjmp(scheduler, 1);
}

__attribute__((noinline, format(printf, 1, 2))) static void fault(const char* words, ...) {
    if (!failed) {
        va_list list;
        va_start(list, words);
        int at = snprintf(said, sizeof said, "block (%u, %u, %u): ", block.x, block.y, block.z);
        vsnprintf(said + at, sizeof said - at, words, list);
        va_end(list);
        failed = true;
    }
}

static void body() {
    for (;;) {
        job();
        me->state = ENDED;
        yield();
    }
}

static void resume(Fiber& fiber) {
    me = &fiber;
    if (_setjmp(scheduler)) return;
    if (fiber.begun) _longjmp(fiber.at, 1);
    fiber.begun = true;
    if (!fiber.stack) {
        void* memory = mmap(0, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        fiber.stack = (char*)memory;
    }
    getcontext(&fiber.first);
    fiber.first.uc_stack.ss_sp = fiber.stack;
    fiber.first.uc_stack.ss_size = STACK;
    fiber.first.uc_link = 0;
    makecontext(&fiber.first, body, 0);
    setcontext(&fiber.first);
}

static void wait(State state, int line, unsigned mask) {
    me->state = state;
    me->line = line;
    me->mask = mask;
    yield();
}

static void barrier(int line) { wait(AT_BARRIER, line, 0); }

static unsigned lane_of(const Fiber* fiber) { return (unsigned)(fiber - fibers) % LANES; }

// What lane `from` of the own warp shows, after all lanes of `mask` have come here.
template <typename T>
static T shuffled(unsigned mask, T value, int from, int line) {
    static_assert(sizeof(T) <= 8, "a shuffle moves 8 bytes at most");
    me->shows = 0;
    memcpy(&me->shows, &value, sizeof(T));
    wait(AT_WARP, line, mask);
    const unsigned at = (unsigned)(me - fibers) / LANES * LANES + (unsigned)from % LANES;
    T got;
    memcpy(&got, &fibers[at].shown, sizeof(T));
    return got;
}

static int lane() { return (int)lane_of(me); }

template <typename T>
static T shuffled_down(unsigned mask, T value, unsigned apart, int line) {
    const int from = lane() + (int)apart;
    const T got = shuffled(mask, value, from < 32 ? from : lane(), line);
    return from < 32 ? got : value;
}

template <typename T>
static T shuffled_up(unsigned mask, T value, unsigned apart, int line) {
    const int from = lane() - (int)apart;
    const T got = shuffled(mask, value, from >= 0 ? from : lane(), line);
    return from >= 0 ? got : value;
}

static unsigned ballot(unsigned mask, bool value, int line) {
    shuffled(mask, (unsigned)value, lane(), line);
    unsigned all = 0;
    const unsigned first = (unsigned)(me - fibers) / LANES * LANES;
    for (unsigned l = 0; l < LANES; l++)
        if (mask >> l & 1) all |= (unsigned)(fibers[first + l].shown & 1) << l;
    return all;
}

// Lets the lanes of one meeting go on, where all have come. Whether it did.
static bool release_warp(unsigned first) {
    bool moved = false;
    for (unsigned i = first; i < first + LANES && i < count; i++) {
        if (fibers[i].state != AT_WARP) continue;
        const unsigned mask = fibers[i].mask;
        const int line = fibers[i].line;
        bool all = true;
        for (unsigned l = 0; l < LANES; l++) {
            if (!(mask >> l & 1)) continue;
            if (first + l >= count || fibers[first + l].state == ENDED) {
                fault("line %d: a shuffle names lane %u, which is not there", line, l);
                return false;
            }
            const Fiber& other = fibers[first + l];
            all = all && other.state == AT_WARP && other.line == line && other.mask == mask;
        }
        if (!(mask >> (i - first) & 1)) {
            fault("line %d: a shuffle whose mask leaves its own lane out", line);
            return false;
        }
        if (!all) continue;
        for (unsigned l = 0; l < LANES; l++) {
            if (!(mask >> l & 1)) continue;
            fibers[first + l].shown = fibers[first + l].shows;
            fibers[first + l].state = READY;
        }
        moved = true;
    }
    return moved;
}

static bool release() {
    unsigned waiting = 0, alive = 0;
    int line = -1;
    for (unsigned i = 0; i < count; i++) {
        if (fibers[i].state == ENDED) continue;
        alive++;
        if (fibers[i].state != AT_BARRIER) continue;
        if (line >= 0 && line != fibers[i].line) {
            fault("threads wait at different barriers, lines %d and %d", line, fibers[i].line);
            return false;
        }
        line = fibers[i].line;
        waiting++;
    }
    if (waiting == alive) {
        for (unsigned i = 0; i < count; i++)
            if (fibers[i].state == AT_BARRIER) fibers[i].state = READY;
        return true;
    }
    bool moved = false;
    for (unsigned first = 0; first < count; first += LANES) moved = release_warp(first) || moved;
    if (!moved && !failed) fault("threads wait for others that do not come");
    return moved;
}

static void run_block(bool descending) {
    for (unsigned i = 0; i < count; i++) fibers[i].state = READY;
    for (;;) {
        bool ended = true;
        for (unsigned k = 0; k < count; k++) {
            Fiber& fiber = fibers[descending ? count - 1 - k : k];
            if (fiber.state == READY) resume(fiber);
            if (failed) return;
            ended = ended && fiber.state == ENDED;
        }
        if (ended || !release()) return;
    }
}

static void poison(char* from, char* to) {
    for (; from + 4 <= to; from += 4) memcpy(from, &POISON, 4);
}

static const char* start(const Launching& launching, void (*work)()) {
    failed = false;
    job = work;
    const unsigned* b = launching.blocks;
    grid = {b[0], b[1], b[2]};
    extents = {launching.threads[0], launching.threads[1], launching.threads[2]};
    count = extents.x * extents.y * extents.z;
    for (unsigned i = 0; i < count; i++)
        fibers[i].thread = {i % extents.x, i / extents.x % extents.y, i / extents.x / extents.y};
    const size_t blocks = (size_t)b[0] * b[1] * b[2];
    for (size_t k = 0; k < blocks && !failed; k++) {
        const size_t at = launching.descending ? blocks - 1 - k : k;
        block = {(unsigned)(at % b[0]), (unsigned)(at / b[0] % b[1]), (unsigned)(at / b[0] / b[1])};
        if (__start_emulated_shared) poison(__start_emulated_shared, __stop_emulated_shared);
        poison(dynamic_memory, dynamic_memory + sizeof dynamic_memory);
        run_block(launching.descending);
        for (unsigned i = launching.shared_bytes; i + 4 <= launching.shared_bytes + GUARD; i += 4)
            if (memcmp(dynamic_memory + i, &POISON, 4)) fault("wrote behind its %u bytes of shared memory", launching.shared_bytes);
    }
    if (!failed) return 0;
    for (unsigned i = 0; i < MOST; i++) fibers[i].begun = false;
    return said;
}

// The letter of an argument's type, and its value out of 64 bits.
template <typename T>
constexpr char letter() {
    if (std::is_pointer<T>::value) return 'p';
    if (std::is_same<T, int>::value) return 'i';
    if (std::is_same<T, long long>::value) return 'l';
    if (std::is_same<T, float>::value) return 'f';
    if (std::is_same<T, unsigned long long>::value) return 'u';
    return '?';
}

template <typename T>
T value(uint64_t bits) {
    T value;
    memcpy(&value, &bits, sizeof(T));
    return value;
}

template <typename... A>
struct Call {
    static void (*kernel)(A...);
    static std::tuple<A...> args;
    static void run() { std::apply(kernel, args); }
};
template <typename... A>
void (*Call<A...>::kernel)(A...);
template <typename... A>
std::tuple<A...> Call<A...>::args;

template <typename... A, size_t... I>
const char* call(void (*kernel)(A...), const Launching& launching, const uint64_t* bits, const char* letters, std::index_sequence<I...>) {
    const char wanted[] = {letter<typename std::remove_cv<A>::type>()..., 0};
    if (strcmp(wanted, letters)) {
        snprintf(said, sizeof said, "the kernel takes `%s`, and was given `%s`", wanted, letters);
        return said;
    }
    Call<A...>::kernel = kernel;
    Call<A...>::args = std::tuple<A...>(value<typename std::remove_cv<A>::type>(bits[I])...);
    return start(launching, Call<A...>::run);
}

template <typename... A>
const char* enter(void (*kernel)(A...), const Launching& launching, const uint64_t* bits, const char* letters) {
    return call(kernel, launching, bits, letters, std::index_sequence_for<A...>());
}

static void check_aligned(const void* pointer, unsigned bytes, int line) {
    if ((uintptr_t)pointer % bytes) {
        fault("line %d: %u bytes are read or written at once where they may not", line, bytes);
        yield();
    }
}

}  // namespace emulated

#define threadIdx (emulated::me->thread)
#define blockIdx (emulated::block)
#define blockDim (emulated::extents)
#define gridDim (emulated::grid)
#define warpSize 32
#define __syncthreads() emulated::barrier(__LINE__)
#define __syncwarp(...) emulated::shuffled(0xffffffffu, 0, emulated::lane(), __LINE__)
#define __shfl_sync(mask, value, from) emulated::shuffled(mask, value, from, __LINE__)
#define __shfl_xor_sync(mask, value, bits) emulated::shuffled(mask, value, emulated::lane() ^ (bits), __LINE__)
#define __shfl_down_sync(mask, value, apart) emulated::shuffled_down(mask, value, apart, __LINE__)
#define __shfl_up_sync(mask, value, apart) emulated::shuffled_up(mask, value, apart, __LINE__)
#define __ballot_sync(mask, value) emulated::ballot(mask, value, __LINE__)
#define __any_sync(mask, value) (emulated::ballot(mask, value, __LINE__) != 0)
#define __all_sync(mask, value) (emulated::ballot(mask, value, __LINE__) == (mask))
#define DYNAMIC_SHARED(T, name) T* name = reinterpret_cast<T*>(emulated::dynamic_memory)
#define CHECK_ALIGNED(pointer, bytes) emulated::check_aligned(pointer, bytes, __LINE__)

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(16) double2 { double x, y; };
static inline float2 make_float2(float x, float y) { return {x, y}; }
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline int2 make_int2(int x, int y) { return {x, y}; }
static inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
static inline double2 make_double2(double x, double y) { return {x, y}; }

template <typename T, typename U>
static inline typename std::common_type<T, U>::type min(T a, U b) { return a < b ? a : b; }
template <typename T, typename U>
static inline typename std::common_type<T, U>::type max(T a, U b) { return a < b ? b : a; }
template <typename T>
static inline T __ldg(const T* at) { return *at; }
template <typename T>
static inline T atomicAdd(T* at, T value) {
    static_assert(std::is_integral<T>::value, "sums of floats would depend on the order of threads");
    T before = *at;
    *at += value;
    return before;
}

#define __expf expf
#define __logf logf
#define __cosf cosf
#define __sinf sinf
#define __sincosf sincosf
#define __powf powf
#define __fdividef(a, b) ((a) / (b))
#define __frcp_rn(a) (1.0f / (a))
#define __fmaf_rn fmaf
#define __threadfence()
static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static inline float normcdff(float x) { return (float)(0.5 * erfc(-(double)x * 0.70710678118654752440)); }
static inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }
static inline void sincospif(float x, float* s, float* c) {
    *s = (float)sin(M_PI * (double)x);
    *c = (float)cos(M_PI * (double)x);
}
static inline unsigned __float_as_uint(float x) { unsigned y; memcpy(&y, &x, 4); return y; }
static inline int __float_as_int(float x) { int y; memcpy(&y, &x, 4); return y; }
static inline float __uint_as_float(unsigned x) { float y; memcpy(&y, &x, 4); return y; }
static inline float __int_as_float(int x) { float y; memcpy(&y, &x, 4); return y; }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
