#include "lib/mem.h"
#include "vmx/vmcs_access.h"
#include "vmx/vmx_bits.h"
#include "vmx/vmx_check.h"
#include <stddef.h>

/* Which field goes where, and how many of its low bytes. */
struct field_place {
    uint32_t field;
    uint16_t offset, size;
};

#define PLACE_BYTES(member) sizeof(((struct vmx_state *)0)->member)
#define PLACE(field, member)                                                                       \
    {                                                                                              \
        field, offsetof(struct vmx_state, member), PLACE_BYTES(member)                             \
    }
#define PLACE_SEG(name)                                                                            \
    PLACE(VMCS_GUEST_##name##_SEL, guest.segs.seg[SEG_##name].sel),                                \
        PLACE(VMCS_GUEST_##name##_LIMIT, guest.segs.seg[SEG_##name].limit),                        \
        PLACE(VMCS_GUEST_##name##_BASE, guest.segs.seg[SEG_##name].base),                          \
        PLACE(VMCS_GUEST_##name##_AR, guest.segs.seg[SEG_##name].attr)

static const struct field_place places[] = {
    PLACE(VMCS_PIN_CTLS, ctl.pin),
    PLACE(VMCS_PROC_CTLS, ctl.proc),
    PLACE(VMCS_PROC2_CTLS, ctl.proc2),
    PLACE(VMCS_EXIT_CTLS, ctl.exit),
    PLACE(VMCS_ENTRY_CTLS, ctl.entry),
    PLACE(VMCS_CR3_TARGET_COUNT, ctl.cr3_target_count),
    PLACE(VMCS_TPR_THRESHOLD, ctl.tpr_threshold),
    PLACE(VMCS_EXIT_MSR_STORE_COUNT, ctl.exit_msr_store_count),
    PLACE(VMCS_EXIT_MSR_LOAD_COUNT, ctl.exit_msr_load_count),
    PLACE(VMCS_ENTRY_MSR_LOAD_COUNT, ctl.entry_msr_load_count),
    PLACE(VMCS_ENTRY_INTR_INFO, ctl.intr_info),
    PLACE(VMCS_ENTRY_EXC_CODE, ctl.exc_code),
    PLACE(VMCS_ENTRY_INSN_LEN, ctl.insn_len),
    PLACE(VMCS_VPID, ctl.vpid),
    PLACE(VMCS_POSTED_INTR_VECTOR, ctl.posted_intr_vector),
    PLACE(VMCS_IO_BITMAP_A, ctl.io_bitmap_a),
    PLACE(VMCS_IO_BITMAP_B, ctl.io_bitmap_b),
    PLACE(VMCS_MSR_BITMAP, ctl.msr_bitmap),
    PLACE(VMCS_VIRT_APIC, ctl.virt_apic),
    PLACE(VMCS_APIC_ACCESS, ctl.apic_access),
    PLACE(VMCS_POSTED_INTR_DESC, ctl.posted_intr_desc),
    PLACE(VMCS_EPTP, ctl.eptp),
    PLACE(VMCS_PML_ADDR, ctl.pml),
    PLACE(VMCS_EXIT_MSR_STORE, ctl.exit_msr_store),
    PLACE(VMCS_EXIT_MSR_LOAD, ctl.exit_msr_load),
    PLACE(VMCS_ENTRY_MSR_LOAD, ctl.entry_msr_load),

    PLACE(VMCS_HOST_CR0, host.cr0),
    PLACE(VMCS_HOST_CR3, host.cr3),
    PLACE(VMCS_HOST_CR4, host.cr4),
    PLACE(VMCS_HOST_PAT, host.pat),
    PLACE(VMCS_HOST_EFER, host.efer),
    PLACE(VMCS_HOST_FS_BASE, host.fs_base),
    PLACE(VMCS_HOST_GS_BASE, host.gs_base),
    PLACE(VMCS_HOST_TR_BASE, host.tr_base),
    PLACE(VMCS_HOST_GDTR_BASE, host.gdtr_base),
    PLACE(VMCS_HOST_IDTR_BASE, host.idtr_base),
    PLACE(VMCS_HOST_SYSENTER_ESP, host.sysenter_esp),
    PLACE(VMCS_HOST_SYSENTER_EIP, host.sysenter_eip),
    PLACE(VMCS_HOST_RIP, host.rip),
    PLACE(VMCS_HOST_ES_SEL, host.sel[SEG_ES]),
    PLACE(VMCS_HOST_CS_SEL, host.sel[SEG_CS]),
    PLACE(VMCS_HOST_SS_SEL, host.sel[SEG_SS]),
    PLACE(VMCS_HOST_DS_SEL, host.sel[SEG_DS]),
    PLACE(VMCS_HOST_FS_SEL, host.sel[SEG_FS]),
    PLACE(VMCS_HOST_GS_SEL, host.sel[SEG_GS]),
    PLACE(VMCS_HOST_TR_SEL, host.sel[SEG_TR]),

    PLACE(VMCS_GUEST_CR0, guest.cr0),
    PLACE(VMCS_GUEST_CR3, guest.cr3),
    PLACE(VMCS_GUEST_CR4, guest.cr4),
    PLACE(VMCS_GUEST_DR7, guest.dr7),
    PLACE(VMCS_GUEST_RIP, guest.rip),
    PLACE(VMCS_GUEST_RFLAGS, guest.rflags),
    PLACE(VMCS_GUEST_DEBUGCTL, guest.debugctl),
    PLACE(VMCS_GUEST_PAT, guest.pat),
    PLACE(VMCS_GUEST_EFER, guest.efer),
    PLACE(VMCS_GUEST_BNDCFGS, guest.bndcfgs),
    PLACE(VMCS_GUEST_SYSENTER_ESP, guest.sysenter_esp),
    PLACE(VMCS_GUEST_SYSENTER_EIP, guest.sysenter_eip),
    PLACE(VMCS_GUEST_PENDING_DEBUG, guest.pending_debug),
    PLACE(VMCS_LINK, guest.link),
    PLACE(VMCS_GUEST_PDPTE0, guest.pdpte[0]),
    PLACE(VMCS_GUEST_PDPTE1, guest.pdpte[1]),
    PLACE(VMCS_GUEST_PDPTE2, guest.pdpte[2]),
    PLACE(VMCS_GUEST_PDPTE3, guest.pdpte[3]),
    PLACE(VMCS_GUEST_INTERRUPTIBILITY, guest.interruptibility),
    PLACE(VMCS_GUEST_ACTIVITY, guest.activity),
    PLACE_SEG(ES),
    PLACE_SEG(CS),
    PLACE_SEG(SS),
    PLACE_SEG(DS),
    PLACE_SEG(FS),
    PLACE_SEG(GS),
    PLACE_SEG(LDTR),
    PLACE_SEG(TR),
    PLACE(VMCS_GUEST_GDTR_BASE, guest.segs.gdtr.base),
    PLACE(VMCS_GUEST_GDTR_LIMIT, guest.segs.gdtr.limit),
    PLACE(VMCS_GUEST_IDTR_BASE, guest.segs.idtr.base),
    PLACE(VMCS_GUEST_IDTR_LIMIT, guest.segs.idtr.limit),
};

void vmx_state_read(struct vmx_state *s, const struct vmx_limits *limits)
{
    memset(s, 0, sizeof(*s));
    s->limits = *limits;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        uint64_t value;

        if (vmcs_try_read(places[i].field, &value)) {
            memcpy((char *)s + places[i].offset, &value, places[i].size);
        }
    }
    if (!(s->ctl.proc & VMX_PROC_PROC2)) {
        s->ctl.proc2 = 0;
    }
}
