/* A VM exit in vendor-neutral words. Backends produce it in struct vcpu, exit.c handles it. Each
 * belongs to the CPU that runs the vCPU: no lock. */
#pragma once
#include "lib/addr.h"
#include <stdbool.h>
#include <stdint.h>

enum exit_kind {
    EXIT_UNKNOWN = 0, /* ends the VM with a dump; what a table does not name */
    EXIT_IO,
    EXIT_MMIO, /* an access to guest-physical memory that is not mapped */
    EXIT_CPUID,
    EXIT_MSR_READ,
    EXIT_MSR_WRITE,
    EXIT_CR,
    EXIT_HLT,
    EXIT_PAUSE, /* asked for only of a guest that may poll while it is idle */
    EXIT_HYPERCALL,
    EXIT_XSETBV,
    EXIT_WINDOW,    /* the guest can take an interrupt or NMI now */
    EXIT_EXTINT,    /* a host interrupt is pending */
    EXIT_NMI,       /* the host got an NMI */
    EXIT_TIMER,     /* the deadline of virt_ops.run has come */
    EXIT_EXCEPTION, /* a machine check, or an exception that nobody asked for */
    EXIT_REFUSED,   /* an instruction that this virtual CPU does not have: #UD or #GP */
    EXIT_IGNORED,   /* an instruction with nothing to do (INVD, WBINVD, ...): stepped over */
    EXIT_FETCH,     /* its instruction could not be read: a fault is queued, or the VM was killed */
    EXIT_SHUTDOWN,  /* triple fault */
    EXIT_KIND_COUNT
};

/* The word for statistics and logs: "io", "cpuid", ...; never NULL for a kind below the count. */
const char *exit_kind_name(enum exit_kind kind);

struct exit_io {
    uint16_t port;
    uint8_t size; /* 1, 2 or 4 bytes */
    bool in, string, rep;
    uint8_t addr_size; /* of a string instruction: 2, 4 or 8 bytes */
    uint8_t seg;       /* enum seg of an OUTS source */
};

struct exit_mmio {
    gpa_t gpa;
    bool read, write, fetch;
    bool tables; /* not the instruction's: the CPU's own, of the guest's page tables */
};

enum cr_access { CR_MOV_TO, CR_MOV_FROM, CR_CLTS, CR_LMSW };
struct exit_cr {
    uint8_t cr, gpr;
    enum cr_access access;
    uint16_t lmsw_source;
};

struct exit_refused {
    uint8_t vector; /* #UD, or #GP with an error code of 0 */
};

struct vm_exit {
    enum exit_kind kind;
    uint8_t insn_len;   /* bytes; 0 if the hardware gives none: the handler fills it in */
    uint32_t hw_reason; /* raw, for logs only */
    uint64_t hw_info;   /* likewise */
    union {
        struct exit_io io;
        struct exit_mmio mmio;
        struct exit_cr cr;
        struct exit_refused refused;
    };
};

/* What the run loop does after the handler. RIP is advanced in one place only. */
enum exit_action {
    ACT_RESUME,  /* re-enter at the same RIP (fault injected, or a trap-like exit) */
    ACT_ADVANCE, /* step over the instruction, then re-enter */
    ACT_IDLE,    /* step over, then wait for an interrupt */
    ACT_NAP,     /* step over, then sleep until v->nap_end, or an interrupt before it */
    ACT_STOP,    /* this VM is finished (it stopped or was killed) */
};

struct vcpu;
typedef enum exit_action exit_fn(struct vcpu *, struct vm_exit *);
