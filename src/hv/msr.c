#include "hv/msr.h"
#include "arch/x86_64/msr.h"
#include "hv/cpuid.h"
#include "hv/cr.h"
#include "hv/exit_table.h"
#include "hv/kvm_clock.h"
#include "hv/pv_eoi.h"
#include "hv/vcpu.h"
#include "hv/vm.h"
#include "lib/bits.h"
#include "lib/log.h"

const struct msr_direct msr_direct[] = {
    {MSR_TSC,             false},
    { MSR_SYSENTER_CS,    true },
    { MSR_SYSENTER_ESP,   true },
    { MSR_SYSENTER_EIP,   true },
    { MSR_PAT,            true },
    { MSR_STAR,           true },
    { MSR_LSTAR,          true },
    { MSR_CSTAR,          true },
    { MSR_FMASK,          true },
    { MSR_FS_BASE,        true },
    { MSR_GS_BASE,        true },
    { MSR_KERNEL_GS_BASE, true },
    { MSR_TSC_AUX,        true },
};
const unsigned msr_direct_count = ARRAY_SIZE(msr_direct);

/* An MSR or a run of them. A function returns false where the CPU would raise #GP; a missing one is
 * always #GP. MSRs that a backend lets the guest use directly never get here. */
struct msr_rule {
    uint32_t first, last;
    bool (*read)(struct vcpu *v, uint32_t msr, uint64_t *value);
    bool (*write)(struct vcpu *v, uint32_t msr, uint64_t value);
};

static bool apic_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    pv_eoi_collect(v);
    return lapic_msr_read(&v->lapic, msr, value);
}

static bool apic_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
    pv_eoi_collect(v);
    return lapic_msr_write(&v->lapic, msr, value);
}

static bool read_zero(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)v;
    (void)msr;
    *value = 0;
    return true;
}

static bool write_ignore(struct vcpu *v, uint32_t msr, uint64_t value)
{
    (void)v;
    (void)msr;
    (void)value;
    return true;
}

static bool write_zero_only(struct vcpu *v, uint32_t msr, uint64_t value)
{
    (void)v;
    (void)msr;
    return value == 0;
}

static bool efer_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    struct vcpu_crs crs;

    (void)msr;
    v->vm->ops->get_crs(v, &crs);
    *value = crs.efer;
    return true;
}

static bool efer_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
    struct vcpu_crs crs;

    (void)msr;
    v->vm->ops->get_crs(v, &crs);
    if (!cr_write_efer(v->vm->cpuid, &crs, value)) {
        return false;
    }
    v->vm->ops->set_crs(v, &crs);
    return true;
}

/* VMX and SGX are not there, and the register is locked, as firmware leaves it. */
static bool feature_control_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)v;
    (void)msr;
    *value = FEATURE_CONTROL_LOCK;
    return true;
}

/* AMD's: the TSC counts at one rate (TscFreqSel). Linux takes it for granted that these three are
 * there. */
static bool hwcr_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)v;
    (void)msr;
    *value = BIT(24);
    return true;
}

static bool misc_enable_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = v->misc_enable;
    return true;
}

/* Fast strings (bit 0) may be switched; the other bits are what this machine is. */
static bool misc_enable_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
    (void)msr;
    v->misc_enable = (v->misc_enable & ~UINT64_C(1)) | (value & 1);
    return true;
}

static bool pv_eoi_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = v->pv_eoi;
    return true;
}

static bool pv_eoi_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
    (void)msr;
    return pv_eoi_enable(v, value);
}

/* The busiest first. */
static const struct msr_rule rules[] = {
    {MSR_TSC_DEADLINE,     MSR_TSC_DEADLINE,    apic_read,            apic_write       },
    { MSR_X2APIC_FIRST,    MSR_X2APIC_LAST,     apic_read,            apic_write       },
    { MSR_APIC_BASE,       MSR_APIC_BASE,       apic_read,            apic_write       },
    { MSR_EFER,            MSR_EFER,            efer_read,            efer_write       },
    { MSR_KVM_PV_EOI_EN,   MSR_KVM_PV_EOI_EN,   pv_eoi_read,          pv_eoi_write     },
    { MSR_KVM_WALL_CLOCK,  MSR_KVM_SYSTEM_TIME, kvm_clock_read,       kvm_clock_write  },
    { MSR_TSC,             MSR_TSC,             NULL,                 write_ignore     }, /* time is the host's; reads do not exit */
    { MSR_UCODE_REV,       MSR_UCODE_REV,       read_zero,            write_ignore     },
    { MSR_PLATFORM_ID,     MSR_PLATFORM_ID,     read_zero,            NULL             },
    { MSR_MISC_ENABLE,     MSR_MISC_ENABLE,     misc_enable_read,     misc_enable_write},
    { MSR_FEATURE_CONTROL, MSR_FEATURE_CONTROL, feature_control_read, NULL             },
    { MSR_DEBUGCTL,        MSR_DEBUGCTL,        read_zero,            write_zero_only  },
    { MSR_MCG_CAP,         MSR_MCG_STATUS,      read_zero,            write_zero_only  },
    { MSR_HWCR,            MSR_HWCR,            hwcr_read,            write_ignore     },
    { MSR_NB_CFG,          MSR_NB_CFG,          read_zero,            write_ignore     },
    { MSR_INT_PENDING,     MSR_INT_PENDING,     read_zero,            write_ignore     },
};

static const struct msr_rule *find(uint32_t msr)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rules); i++) {
        if (msr - rules[i].first <= rules[i].last - rules[i].first) {
            return &rules[i];
        }
    }
    return NULL;
}

static enum exit_action refuse(struct vcpu *v, struct vm_seen *seen, const char *what, uint32_t msr)
{
    if (vm_seen_first(seen, msr)) {
        log_debug("guest: %s of MSR %#x refused with #GP", what, msr);
    }
    vcpu_fault_code(v, VEC_GP, 0);
    return ACT_RESUME;
}

enum exit_action on_msr_read(struct vcpu *v, struct vm_exit *x)
{
    uint32_t msr = lo32(v->regs.gpr[RCX]);
    const struct msr_rule *r = find(msr);
    uint64_t value;

    (void)x;
    if (!r || !r->read || !r->read(v, msr, &value)) {
        return refuse(v, &v->vm->msrs_read, "read", msr);
    }
    v->regs.gpr[RAX] = lo32(value);
    v->regs.gpr[RDX] = hi32(value);
    return ACT_ADVANCE;
}

enum exit_action on_msr_write(struct vcpu *v, struct vm_exit *x)
{
    uint32_t msr = lo32(v->regs.gpr[RCX]);
    const struct msr_rule *r = find(msr);
    uint64_t value = make64(lo32(v->regs.gpr[RDX]), lo32(v->regs.gpr[RAX]));

    (void)x;
    if (!r || !r->write || !r->write(v, msr, value)) {
        return refuse(v, &v->vm->msrs_written, "write", msr);
    }
    return ACT_ADVANCE;
}
