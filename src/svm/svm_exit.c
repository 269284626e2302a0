#include "svm/svm_exit.h"
#include "hv/vcpu.h"
#include "lib/bits.h"
#include <stddef.h>

#define IO_IN      BIT(0)
#define IO_STRING  BIT(2)
#define IO_REP     BIT(3)
#define CR_IS_MOV  BIT(63) /* with decode assists: bits 3:0 are the general register */
#define NPF_WRITE  BIT(1)
#define NPF_FETCH  BIT(4)
#define NPF_TABLES BIT(33)

/* AMD APM vol. 2, "IOIO Intercept Information". */
static void decode_io(const struct svm_exit_raw *raw, struct vm_exit *x)
{
    x->io = (struct exit_io){
        .port = (uint16_t)bits(raw->info1, 31, 16),
        .size = (uint8_t)bits(raw->info1, 6, 4),
        .in = raw->info1 & IO_IN,
        .string = raw->info1 & IO_STRING,
        .rep = raw->info1 & IO_REP,
    };
    if (raw->insn) {
        x->io.addr_size = raw->insn->addr_size;
        x->io.seg = (uint8_t)raw->insn->mem.seg;
    }
}

static void decode_msr(const struct svm_exit_raw *raw, struct vm_exit *x)
{
    x->kind = raw->info1 & 1 ? EXIT_MSR_WRITE : EXIT_MSR_READ;
}

/* "Nested versus Guest Page Faults, Fault Ordering": EXITINFO2 is the guest-physical address. */
static void decode_npf(const struct svm_exit_raw *raw, struct vm_exit *x)
{
    x->mmio = (struct exit_mmio){
        .gpa = GPA(raw->info2),
        .read = !(raw->info1 & (NPF_WRITE | NPF_FETCH)),
        .write = raw->info1 & NPF_WRITE,
        .fetch = raw->info1 & NPF_FETCH,
        .tables = raw->info1 & NPF_TABLES,
    };
}

bool svm_is_lmsw(const struct insn *in)
{
    return in->map == INSN_MAP_0F && in->opcode == 1;
}

/* Code 0nh is a read of CRn, 1nh a write; the selective write is one of CR0. */
static void decode_cr(const struct svm_exit_raw *raw, struct vm_exit *x)
{
    bool read = raw->code < 0x10;
    bool selective = raw->code >= 0x20;

    x->cr = (struct exit_cr){
        .cr = selective ? 0 : (uint8_t)bits(raw->code, 3, 0),
        .access = read ? CR_MOV_FROM : CR_MOV_TO,
        .gpr = raw->insn ? raw->insn->rm : (uint8_t)bits(raw->info1, 3, 0),
    };
    if (raw->insn && svm_is_lmsw(raw->insn)) {
        x->cr.access = CR_LMSW;
        x->cr.lmsw_source = raw->lmsw_source;
    }
}

static void decode_ud(const struct svm_exit_raw *raw, struct vm_exit *x)
{
    (void)raw;
    x->refused.vector = VEC_UD;
}

static void decode_gp(const struct svm_exit_raw *raw, struct vm_exit *x)
{
    (void)raw;
    x->refused.vector = VEC_GP;
}

#define LEN     SVM_NEEDS_LEN
#define NOTHING SVM_NEEDS_NOTHING

const struct svm_exit_row svm_exit_rows[SVM_EXIT_ROWS] = {
    [0x04] = {EXIT_CR,         SVM_NEEDS_CR, decode_cr,  false}, /* reads of CR4 */
    [0x08] = { EXIT_CR,        SVM_NEEDS_CR, decode_cr,  false}, /* of CR8 */
    [0x14] = { EXIT_CR,        SVM_NEEDS_CR, decode_cr,  false}, /* writes of CR4 */
    [0x18] = { EXIT_CR,        SVM_NEEDS_CR, decode_cr,  false}, /* of CR8 */
    [0x52] = { EXIT_EXCEPTION, NOTHING,      NULL,       false}, /* #MC */
    [0x60] = { EXIT_EXTINT,    NOTHING,      NULL,       false},
    [0x61] = { EXIT_NMI,       NOTHING,      NULL,       false},
    [0x64] = { EXIT_WINDOW,    NOTHING,      NULL,       true }, /* VINTR */
    [0x65] = { EXIT_CR,        SVM_NEEDS_CR, decode_cr,  false}, /* CR0, but for TS and MP */
    [0x6f] = { EXIT_REFUSED,   NOTHING,      decode_gp,  false}, /* RDPMC */
    [0x72] = { EXIT_CPUID,     LEN,          NULL,       false},
    [0x73] = { EXIT_REFUSED,   NOTHING,      decode_ud,  false}, /* RSM */
    [0x74] = { EXIT_WINDOW,    NOTHING,      NULL,       true }, /* IRET */
    [0x76] = { EXIT_IGNORED,   LEN,          NULL,       false}, /* INVD */
    [0x77] = { EXIT_PAUSE,     LEN,          NULL,       true }, /* of a guest that may be idle */
    [0x78] = { EXIT_HLT,       LEN,          NULL,       false},
    [0x7a] = { EXIT_REFUSED,   NOTHING,      decode_ud,  false}, /* INVLPGA */
    [0x7b] = { EXIT_IO,        SVM_NEEDS_IO, decode_io,  false},
    [0x7c] = { EXIT_MSR_READ,  LEN,          decode_msr, false},
    [0x7f] = { EXIT_SHUTDOWN,  NOTHING,      NULL,       false},
    [0x80] = { EXIT_REFUSED,   NOTHING,      decode_ud,  false}, /* VMRUN */
    [0x81] = { EXIT_HYPERCALL, LEN,          NULL,       false}, /* VMMCALL */
    [0x82] = { EXIT_REFUSED,   NOTHING,      decode_ud,  false}, /* VMLOAD */
    [0x83] = { EXIT_REFUSED,   NOTHING,      decode_ud,  false}, /* VMSAVE */
    [0x84] = { EXIT_REFUSED,   NOTHING,      decode_ud,  false}, /* STGI */
    [0x85] = { EXIT_REFUSED,   NOTHING,      decode_ud,  false}, /* CLGI */
    [0x86] = { EXIT_REFUSED,   NOTHING,      decode_ud,  false}, /* SKINIT */
    [0x89] = { EXIT_IGNORED,   LEN,          NULL,       false}, /* WBINVD */
    [0x8a] = { EXIT_REFUSED,   NOTHING,      decode_ud,  false}, /* MONITOR */
    [0x8b] = { EXIT_REFUSED,   NOTHING,      decode_ud,  false}, /* MWAIT */
    [0x8d] = { EXIT_XSETBV,    LEN,          NULL,       false},
    [0x8e] = { EXIT_REFUSED,   NOTHING,      decode_ud,  false}, /* RDPRU */
};

const struct svm_exit_row *svm_exit_row(uint64_t code)
{
    static const struct svm_exit_row unknown;
    static const struct svm_exit_row npf = { EXIT_MMIO, NOTHING, decode_npf, false };

    return code < SVM_EXIT_ROWS ? &svm_exit_rows[code] : code == SVM_EXIT_NPF ? &npf : &unknown;
}

bool svm_wants_insn(const struct svm_exit_row *row, uint64_t info1, uint64_t next_rip,
                    bool decode_assists)
{
    switch (row->needs) {
    case SVM_NEEDS_NOTHING:
        return false;
    case SVM_NEEDS_LEN:
        return !next_rip;
    case SVM_NEEDS_IO:
        return info1 & IO_STRING;
    case SVM_NEEDS_CR:
        return !(next_rip && decode_assists && (info1 & CR_IS_MOV));
    }
    return true;
}
