// A stream of igzip with the memory it needs, and the functions of ISA-L that igzip calls and `build.rs` leaves out.
#include <stdlib.h>
#include <stdint.h>
#include <stddef.h>
#include "igzip_lib.h"

// What an x86 processor has, each with carry-less multiplication. The numbers are those of igzip.rs.
enum millrace_x86 { MILLRACE_NONE = 0, MILLRACE_SSE4 = 1, MILLRACE_AVX = 2, MILLRACE_AVX512 = 3 };

struct millrace_gzip {
        struct isal_zstream stream;
        uint8_t level_buffer[ISAL_DEF_LVL1_SMALL];
};

// Returns NULL if memory is exhausted.
struct millrace_gzip *millrace_gzip_new(void)
{
        struct millrace_gzip *gzip = malloc(sizeof(*gzip));
        if (gzip == NULL)
                return NULL;
        isal_deflate_init(&gzip->stream);
        gzip->stream.gzip_flag = IGZIP_GZIP;
        gzip->stream.level = 1;
        gzip->stream.level_buf = gzip->level_buffer;
        gzip->stream.level_buf_size = sizeof(gzip->level_buffer);
        return gzip;
}

void millrace_gzip_free(struct millrace_gzip *gzip)
{
        free(gzip);
}

// Compresses from `in` to `out`, and sets both lengths to how much was read and written. `last`: nothing follows this input.
// Returns 1 if the stream is complete, 0 if it is not, and igzip's error (below 0) if the parameters are wrong.
// A result of 0 from isal_deflate does not mean that the output sufficed. Only the state does.
int millrace_gzip_write(struct millrace_gzip *gzip, const uint8_t *in, uint32_t *in_length, int last, uint8_t *out,
                        uint32_t *out_length)
{
        struct isal_zstream *stream = &gzip->stream;
        stream->next_in = (uint8_t *) in;
        stream->avail_in = *in_length;
        stream->next_out = out;
        stream->avail_out = *out_length;
        stream->end_of_stream = last != 0;
        stream->flush = NO_FLUSH;
        int error = isal_deflate(stream);
        *in_length -= stream->avail_in;
        *out_length -= stream->avail_out;
        if (error != COMP_OK)
                return error;
        return stream->internal_state.state == ZSTATE_END;
}

// ISA-L chooses among its CRCs in a file that needs the CRCs of all its other uses. This is the same choice for igzip's.
typedef uint32_t (*crc_function)(uint32_t seed, const uint8_t *buffer, uint64_t length);

uint32_t crc32_gzip_refl_base(uint32_t seed, const uint8_t *buffer, uint64_t length);

#if defined(__x86_64__)
uint32_t crc32_gzip_refl_by8(uint32_t seed, const uint8_t *buffer, uint64_t length);
uint32_t crc32_gzip_refl_by8_02(uint32_t seed, const uint8_t *buffer, uint64_t length);
uint32_t crc32_gzip_refl_by16_10(uint32_t seed, const uint8_t *buffer, uint64_t length);

// The compiler's own detection, __builtin_cpu_supports, finds nothing if zig links. So Rust detects.
static crc_function choose_crc(enum millrace_x86 x86)
{
        switch (x86) {
        case MILLRACE_AVX512:
                return crc32_gzip_refl_by16_10;
        case MILLRACE_AVX:
                return crc32_gzip_refl_by8_02;
        case MILLRACE_SSE4:
                return crc32_gzip_refl_by8;
        default:
                return crc32_gzip_refl_base;
        }
}
#elif defined(__aarch64__)
#include "aarch64_multibinary.h"
uint32_t crc32_gzip_refl_crc_ext(uint32_t seed, const uint8_t *buffer, uint64_t length);
uint32_t crc32_gzip_refl_3crc_fold(uint32_t seed, const uint8_t *buffer, uint64_t length);
uint32_t crc32_gzip_refl_pmull(uint32_t seed, const uint8_t *buffer, uint64_t length);

static crc_function choose_crc(enum millrace_x86 unused)
{
        (void) unused;
        unsigned long features = getauxval(AT_HWCAP);
        if (features & HWCAP_CRC32) {
                switch (get_micro_arch_id()) {
                case MICRO_ARCH_ID(ARM, NEOVERSE_N1):
                case MICRO_ARCH_ID(ARM, CORTEX_A57):
                case MICRO_ARCH_ID(ARM, CORTEX_A72):
                        return crc32_gzip_refl_crc_ext;
                }
                if (features & HWCAP_PMULL)
                        return crc32_gzip_refl_3crc_fold;
        }
        if (features & HWCAP_PMULL)
                return crc32_gzip_refl_pmull;
        return crc32_gzip_refl_base;
}
#endif

static crc_function chosen = crc32_gzip_refl_base;

uint32_t crc32_gzip_refl(uint32_t seed, const uint8_t *buffer, uint64_t length)
{
        return __atomic_load_n(&chosen, __ATOMIC_RELAXED)(seed, buffer, length);
}

// Call it once, before the first stream.
void millrace_gzip_choose(enum millrace_x86 x86)
{
        __atomic_store_n(&chosen, choose_crc(x86), __ATOMIC_RELAXED);
}
