/* One virtual CPU: its registers, its local APIC, what is waiting to be injected, and the run loop,
 * which is the only place that moves RIP. One host CPU runs it at a time: no lock. */
#pragma once
#include "devices/lapic.h"
#include "hv/exit.h"
#include "hv/idle.h"
#include "hv/regs.h"
#include "hv/stats.h"
#include "lib/err.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    VEC_DE = 0,
    VEC_DB = 1,
    VEC_NMI = 2,
    VEC_BP = 3,
    VEC_OF = 4,
    VEC_UD = 6,
    VEC_NM = 7,
    VEC_DF = 8,
    VEC_TS = 10,
    VEC_NP = 11,
    VEC_SS = 12,
    VEC_GP = 13,
    VEC_PF = 14,
    VEC_AC = 17,
    VEC_MC = 18
};

enum event_type {
    EVENT_NONE,
    EVENT_IRQ,
    EVENT_NMI,
    EVENT_FAULT,
    EVENT_SOFT_INT,
    EVENT_PRIV_SOFT,
    EVENT_SOFT_FAULT
};

/* Something to deliver through the guest's IDT at the next entry. */
struct vm_event {
    enum event_type type;
    uint8_t vector;
    bool has_code;
    uint32_t code;
    uint8_t insn_len; /* bytes; of the software ones */
};

/* Where an interrupt controller outside the local APIC is asked. */
struct vcpu_extint {
    bool (*pending)(void *ctx);
    uint8_t (*ack)(void *ctx);
    void *ctx;
};

struct vm;
enum { VIRT_HW_SIZE = 128 }; /* bytes a backend has for itself in a vCPU */

struct vcpu {
    struct vcpu_regs regs; /* first: the entry stubs know it. rip is always valid between exits;
                              gpr[RSP] and rflags after virt_ops.load_regs */
    struct vm *vm;
    unsigned id;
    uint64_t hw[VIRT_HW_SIZE / 8]; /* struct vmx_vcpu or struct svm_vcpu */

    struct vm_exit exit; /* the last one: here and not on a stack, where its address would cost */
    uint64_t now;        /* host TSC right after it */

    bool look;   /* something may want to be injected: the one thing that the entry path tests */
    bool halted; /* in HLT or a nap, waiting for an interrupt */
    uint64_t nap_end; /* tick at which it wakes up by itself; TIMER_OFF: never */
    struct idle_watch idle;
    bool nmi_pending;
    bool regs_loaded;      /* gpr[RSP] and rflags are valid */
    struct vm_event event; /* delivered before anything else at the next entry */

    struct lapic lapic;
    struct vcpu_extint extint;
    struct timer_queue timers;
    uint64_t misc_enable;
    bool osxsave, pke; /* CR4's bits, which CPUID shows */
    uint64_t pv_eoi;   /* MSR_KVM_PV_EOI_EN: guest-physical address and enable bit */
    bool pv_eoi_armed;
    uint64_t kvm_system_time; /* MSR_KVM_SYSTEM_TIME_NEW, likewise */

    struct exit_stats stats;
};

/* Runs the vCPU on this host CPU until its VM stops. */
void vcpu_run(struct vcpu *v);

/* Queue a fault for the next entry; the instruction that caused it is not stepped over. #GP and
 * others with an error code get `code`. Two contributory faults make a double fault, as on a CPU.
 */
void vcpu_fault(struct vcpu *v, uint8_t vector);
void vcpu_fault_code(struct vcpu *v, uint8_t vector, uint32_t code);
/* A page fault at the guest-virtual address `at` (CR2). */
void vcpu_page_fault(struct vcpu *v, uint64_t at, uint32_t code);
