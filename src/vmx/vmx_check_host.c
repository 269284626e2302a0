/* Intel SDM vol. 3, "Checks on VMX Controls and Host-State Area". */
#include "vmx/vmx_rules.h"

#define BASE_PAGE 4096

/* "VM-Execution Control Fields" */

static bool ctl_ok(uint32_t ctl, uint64_t capability)
{
    return vmx_fixed_ok(ctl, lo32(capability), hi32(capability));
}

static bool pin_supported(const struct vmx_state *s)
{
    return ctl_ok(s->ctl.pin, s->limits.pin_ctls);
}

static bool proc_supported(const struct vmx_state *s)
{
    return ctl_ok(s->ctl.proc, s->limits.proc_ctls);
}

static bool proc2_supported(const struct vmx_state *s)
{
    return vmx_implies(vmx_proc(s, VMX_PROC_PROC2), ctl_ok(s->ctl.proc2, s->limits.proc2_ctls));
}

/* IA32_VMX_MISC bits 24:16 say how many there are; every CPU so far has four. */
static bool cr3_targets(const struct vmx_state *s)
{
    return s->ctl.cr3_target_count <= bits(s->limits.misc, 24, 16);
}

static bool io_bitmaps(const struct vmx_state *s)
{
    return vmx_implies(vmx_proc(s, VMX_PROC_IO_BITMAPS),
                       vmx_phys_ok(s, s->ctl.io_bitmap_a, BASE_PAGE) &&
                           vmx_phys_ok(s, s->ctl.io_bitmap_b, BASE_PAGE));
}

static bool msr_bitmap(const struct vmx_state *s)
{
    return vmx_implies(vmx_proc(s, VMX_PROC_MSR_BITMAPS),
                       vmx_phys_ok(s, s->ctl.msr_bitmap, BASE_PAGE));
}

static bool virt_apic_page(const struct vmx_state *s)
{
    return vmx_implies(vmx_proc(s, VMX_PROC_TPR_SHADOW),
                       vmx_phys_ok(s, s->ctl.virt_apic, BASE_PAGE));
}

static bool tpr_threshold(const struct vmx_state *s)
{
    return vmx_implies(vmx_proc(s, VMX_PROC_TPR_SHADOW) && !vmx_proc2(s, VMX_PROC2_INTR_DELIVERY),
                       s->ctl.tpr_threshold <= 15);
}

static bool virtual_nmis(const struct vmx_state *s)
{
    return vmx_implies(s->ctl.pin & VMX_PIN_VIRTUAL_NMIS, s->ctl.pin & VMX_PIN_NMI);
}

static bool nmi_window(const struct vmx_state *s)
{
    return vmx_implies(vmx_proc(s, VMX_PROC_NMI_WINDOW), s->ctl.pin & VMX_PIN_VIRTUAL_NMIS);
}

static bool apic_access_page(const struct vmx_state *s)
{
    return vmx_implies(vmx_proc2(s, VMX_PROC2_APIC_ACCESS),
                       vmx_phys_ok(s, s->ctl.apic_access, BASE_PAGE));
}

static bool apic_needs_tpr_shadow(const struct vmx_state *s)
{
    return vmx_implies(
        vmx_proc2(s, VMX_PROC2_X2APIC | VMX_PROC2_APIC_REGS | VMX_PROC2_INTR_DELIVERY),
        vmx_proc(s, VMX_PROC_TPR_SHADOW));
}

static bool x2apic_or_access(const struct vmx_state *s)
{
    return !(vmx_proc2(s, VMX_PROC2_X2APIC) && vmx_proc2(s, VMX_PROC2_APIC_ACCESS));
}

static bool delivery_needs_extint(const struct vmx_state *s)
{
    return vmx_implies(vmx_proc2(s, VMX_PROC2_INTR_DELIVERY), s->ctl.pin & VMX_PIN_EXTINT);
}

static bool posted_intr_controls(const struct vmx_state *s)
{
    return vmx_implies(s->ctl.pin & VMX_PIN_POSTED_INTR,
                       vmx_proc2(s, VMX_PROC2_INTR_DELIVERY) && (s->ctl.exit & VMX_EXIT_ACK_INTR));
}

static bool posted_intr_fields(const struct vmx_state *s)
{
    return vmx_implies(s->ctl.pin & VMX_PIN_POSTED_INTR,
                       s->ctl.posted_intr_vector <= 255 &&
                           vmx_phys_ok(s, s->ctl.posted_intr_desc, 64));
}

static bool vpid_nonzero(const struct vmx_state *s)
{
    return vmx_implies(vmx_proc2(s, VMX_PROC2_VPID), s->ctl.vpid != 0);
}

/* EPTP: memory type 2:0, walk length - 1 in 5:3, accessed/dirty 6 ("Extended-Page-Table Pointer");
 * IA32_VMX_EPT_VPID_CAP: 4 levels 6, 5 levels 7, uncached 8, write-back 14, accessed/dirty 21. */
static bool eptp_type(const struct vmx_state *s)
{
    uint64_t cap = s->limits.ept_vpid;
    uint64_t type = bits(s->ctl.eptp, 2, 0);

    return vmx_implies(vmx_proc2(s, VMX_PROC2_EPT),
                       (type == 0 && (cap & BIT(8))) || (type == 6 && (cap & BIT(14))));
}

static bool eptp_levels(const struct vmx_state *s)
{
    uint64_t cap = s->limits.ept_vpid;
    uint64_t levels = bits(s->ctl.eptp, 5, 3) + 1;

    return vmx_implies(vmx_proc2(s, VMX_PROC2_EPT),
                       (levels == 4 && (cap & BIT(6))) || (levels == 5 && (cap & BIT(7))));
}

static bool eptp_dirty(const struct vmx_state *s)
{
    return vmx_implies(vmx_proc2(s, VMX_PROC2_EPT) && (s->ctl.eptp & BIT(6)),
                       s->limits.ept_vpid & BIT(21));
}

static bool eptp_reserved(const struct vmx_state *s)
{
    return vmx_implies(vmx_proc2(s, VMX_PROC2_EPT),
                       bits(s->ctl.eptp, 11, 7) == 0 && vmx_phys_ok(s, s->ctl.eptp, 1));
}

static bool needs_ept(const struct vmx_state *s)
{
    return vmx_implies(vmx_proc2(s, VMX_PROC2_UNRESTRICTED | VMX_PROC2_PML |
                                        VMX_PROC2_MODE_EXECUTE | VMX_PROC2_SUB_PAGE),
                       vmx_proc2(s, VMX_PROC2_EPT));
}

static bool pml_page(const struct vmx_state *s)
{
    return vmx_implies(vmx_proc2(s, VMX_PROC2_PML), vmx_phys_ok(s, s->ctl.pml, BASE_PAGE));
}

/* "VM-Exit Control Fields" */

static bool exit_supported(const struct vmx_state *s)
{
    return ctl_ok(s->ctl.exit, s->limits.exit_ctls);
}

static bool save_timer(const struct vmx_state *s)
{
    return vmx_implies(s->ctl.exit & VMX_EXIT_SAVE_TIMER, s->ctl.pin & VMX_PIN_TIMER);
}

/* An MSR list: 16 bytes an entry, aligned, wholly within the physical width. */
static bool msr_list(const struct vmx_state *s, uint64_t addr, uint32_t count)
{
    uint64_t last = addr + (uint64_t)count * 16 - 1;

    return vmx_implies(count, vmx_phys_ok(s, addr, 16) && vmx_phys_ok(s, last, 1));
}

static bool exit_store_list(const struct vmx_state *s)
{
    return msr_list(s, s->ctl.exit_msr_store, s->ctl.exit_msr_store_count);
}

static bool exit_load_list(const struct vmx_state *s)
{
    return msr_list(s, s->ctl.exit_msr_load, s->ctl.exit_msr_load_count);
}

/* "VM-Entry Control Fields" */

static bool entry_supported(const struct vmx_state *s)
{
    return ctl_ok(s->ctl.entry, s->limits.entry_ctls);
}

static bool entry_load_list(const struct vmx_state *s)
{
    return msr_list(s, s->ctl.entry_msr_load, s->ctl.entry_msr_load_count);
}

static bool not_from_smm(const struct vmx_state *s)
{
    return !(s->ctl.entry & (VMX_ENTRY_TO_SMM | VMX_ENTRY_END_DUAL));
}

static bool injects_any(const struct vmx_state *s)
{
    return (s->ctl.intr_info & VMX_INTR_VALID) != 0;
}

/* Type 1 is reserved; type 7 is the monitor trap flag, on CPUs that have it. */
static bool event_type(const struct vmx_state *s)
{
    bool has_mtf = hi32(s->limits.proc_ctls) & VMX_PROC_TRAP_FLAG;

    return vmx_implies(injects_any(s), bits(s->ctl.intr_info, 10, 8) != 1 &&
                                           vmx_implies(vmx_injects(s, VMX_INTR_OTHER), has_mtf));
}

static bool event_vector(const struct vmx_state *s)
{
    uint32_t vector = s->ctl.intr_info & 0xff;

    return vmx_implies(vmx_injects(s, VMX_INTR_NMI), vector == 2) &&
           vmx_implies(vmx_injects(s, VMX_INTR_HW_EXCEPTION), vector <= 31) &&
           vmx_implies(vmx_injects(s, VMX_INTR_OTHER), vector == 0);
}

/* #DF, #TS, #NP, #SS, #GP, #PF and #AC push an error code, but not in real mode. */
static bool event_code(const struct vmx_state *s)
{
    uint32_t with_code =
        BIT32(8) | BIT32(10) | BIT32(11) | BIT32(12) | BIT32(13) | BIT32(14) | BIT32(17);
    bool real = vmx_unrestricted(s) && !(s->guest.cr0 & CR0_PE);
    bool pushes = vmx_injects(s, VMX_INTR_HW_EXCEPTION) &&
                  (with_code >> (s->ctl.intr_info & 31) & 1) && !real;
    bool has = s->ctl.intr_info & VMX_INTR_HAS_CODE;

    return vmx_implies(injects_any(s), has == pushes);
}

static bool event_reserved(const struct vmx_state *s)
{
    return vmx_implies(injects_any(s), bits(s->ctl.intr_info, 30, 12) == 0);
}

static bool event_code_16bit(const struct vmx_state *s)
{
    return vmx_implies(injects_any(s) && (s->ctl.intr_info & VMX_INTR_HAS_CODE),
                       s->ctl.exc_code >> 16 == 0);
}

/* Only with IA32_VMX_MISC bit 30 may the length be 0. */
static bool event_length(const struct vmx_state *s)
{
    bool software = vmx_injects(s, VMX_INTR_SOFTWARE) || vmx_injects(s, VMX_INTR_SW_EXCEPTION) ||
                    vmx_injects(s, VMX_INTR_PRIV_SW_EXCEPTION);
    uint32_t least = s->limits.misc & BIT(30) ? 0 : 1;

    return vmx_implies(software, s->ctl.insn_len >= least && s->ctl.insn_len <= 15);
}

/* clang-format off */
const struct vmx_rule vmx_control_rules[] = {
    { "pin-based controls: every bit must be one that this CPU supports", pin_supported },
    { "processor-based controls: every bit must be one that this CPU supports",
      proc_supported },
    { "secondary controls: every bit must be one that this CPU supports", proc2_supported },
    { "CR3-target count: must not be above the CPU's", cr3_targets },
    { "I/O bitmaps: must be page-aligned and in the physical width", io_bitmaps },
    { "MSR bitmap: must be page-aligned and in the physical width", msr_bitmap },
    { "virtual-APIC page: must be page-aligned and in the physical width", virt_apic_page },
    { "TPR threshold: bits 31:4 must be 0", tpr_threshold },
    { "virtual NMIs need NMI exiting", virtual_nmis },
    { "NMI-window exiting needs virtual NMIs", nmi_window },
    { "APIC-access page: must be page-aligned and in the physical width", apic_access_page },
    { "APIC virtualization needs the TPR shadow", apic_needs_tpr_shadow },
    { "x2APIC mode and APIC accesses cannot be virtualized at once", x2apic_or_access },
    { "virtual-interrupt delivery needs external-interrupt exiting", delivery_needs_extint },
    { "posted interrupts need virtual-interrupt delivery and acknowledge on exit",
      posted_intr_controls },
    { "posted interrupts: the vector must be a byte, the descriptor 64-byte aligned",
      posted_intr_fields },
    { "VPID: must not be 0", vpid_nonzero },
    { "EPTP: the memory type must be one that this CPU supports", eptp_type },
    { "EPTP: the number of levels must be one that this CPU supports", eptp_levels },
    { "EPTP: accessed and dirty flags must be supported to be on", eptp_dirty },
    { "EPTP: reserved bits must be 0, the address in the physical width", eptp_reserved },
    { "unrestricted guest, page-modification log, mode-based execute and sub-pages need EPT",
      needs_ept },
    { "page-modification log: must be page-aligned and in the physical width", pml_page },
    { "VM-exit controls: every bit must be one that this CPU supports", exit_supported },
    { "saving the preemption timer needs the preemption timer", save_timer },
    { "VM-exit MSR-store list: must be 16-byte aligned and in the physical width",
      exit_store_list },
    { "VM-exit MSR-load list: must be 16-byte aligned and in the physical width",
      exit_load_list },
    { "VM-entry controls: every bit must be one that this CPU supports", entry_supported },
    { "VM-entry MSR-load list: must be 16-byte aligned and in the physical width",
      entry_load_list },
    { "entry to SMM and the end of dual-monitor treatment are for SMM only", not_from_smm },
    { "injected event: the type must not be reserved", event_type },
    { "injected event: the vector must fit the type", event_vector },
    { "injected event: an error code exactly where the exception pushes one", event_code },
    { "injected event: reserved bits 30:12 must be 0", event_reserved },
    { "injected event: error-code bits 31:16 must be 0", event_code_16bit },
    { "injected event: a software event needs an instruction length of 1 to 15", event_length },
};
/* clang-format on */

const size_t vmx_control_rule_count = ARRAY_SIZE(vmx_control_rules);

/* "Checks on Host Control Registers, MSRs, and SSP" */

static bool host_cr0(const struct vmx_state *s)
{
    return vmx_fixed_ok(s->host.cr0, s->limits.cr0_fixed0, s->limits.cr0_fixed1);
}

static bool host_cr4(const struct vmx_state *s)
{
    return vmx_fixed_ok(s->host.cr4, s->limits.cr4_fixed0, s->limits.cr4_fixed1);
}

static bool host_cet(const struct vmx_state *s)
{
    return vmx_implies(s->host.cr4 & CR4_CET, s->host.cr0 & CR0_WP);
}

static bool host_cr3(const struct vmx_state *s)
{
    return vmx_phys_ok(s, s->host.cr3, 1);
}

static bool host_sysenter(const struct vmx_state *s)
{
    return vmx_canonical(s, s->host.sysenter_esp) && vmx_canonical(s, s->host.sysenter_eip);
}

static bool host_pat(const struct vmx_state *s)
{
    return vmx_implies(s->ctl.exit & VMX_EXIT_LOAD_PAT, vmx_pat_ok(s->host.pat));
}

static bool host_efer(const struct vmx_state *s)
{
    uint64_t in_long_mode = EFER_LMA | EFER_LME;

    return vmx_implies(s->ctl.exit & VMX_EXIT_LOAD_EFER,
                       !(s->host.efer & ~VMX_EFER_DEFINED) &&
                           (s->host.efer & in_long_mode) == in_long_mode);
}

/* "Checks on Host Segment and Descriptor-Table Registers" */

static bool host_selectors(const struct vmx_state *s)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        if (s->host.sel[i] & 7) {
            return false;
        }
    }
    return true;
}

static bool host_cs(const struct vmx_state *s)
{
    return s->host.sel[SEG_CS] != 0;
}

static bool host_tr(const struct vmx_state *s)
{
    return s->host.sel[SEG_TR] != 0;
}

static bool host_bases(const struct vmx_state *s)
{
    const struct vmx_host *h = &s->host;

    return vmx_canonical(s, h->fs_base) && vmx_canonical(s, h->gs_base) &&
           vmx_canonical(s, h->tr_base) && vmx_canonical(s, h->gdtr_base) &&
           vmx_canonical(s, h->idtr_base);
}

/* "Checks Related to Address-Space Size": this host is always in 64-bit mode. */

static bool host_64bit(const struct vmx_state *s)
{
    return (s->ctl.exit & VMX_EXIT_HOST_64BIT) != 0;
}

static bool host_pae(const struct vmx_state *s)
{
    return (s->host.cr4 & CR4_PAE) != 0;
}

static bool host_rip(const struct vmx_state *s)
{
    return vmx_canonical(s, s->host.rip);
}

/* clang-format off */
const struct vmx_rule vmx_host_rules[] = {
    { "host CR0: every bit must have a value that VMX operation supports", host_cr0 },
    { "host CR4: every bit must have a value that VMX operation supports", host_cr4 },
    { "host CR4: CET needs CR0.WP", host_cet },
    { "host CR3: no bit may be set beyond the physical width", host_cr3 },
    { "host SYSENTER_ESP and SYSENTER_EIP: must be canonical", host_sysenter },
    { "host PAT: each byte must be a memory type", host_pat },
    { "host EFER: LMA and LME must be 1, reserved bits 0", host_efer },
    { "host selectors: RPL and TI must be 0", host_selectors },
    { "host CS: must not be 0", host_cs },
    { "host TR: must not be 0", host_tr },
    { "host FS, GS, TR, GDTR and IDTR: the bases must be canonical", host_bases },
    { "the control \"host address-space size\" must be 1", host_64bit },
    { "host CR4: PAE must be 1", host_pae },
    { "host RIP: must be canonical", host_rip },
};
/* clang-format on */

const size_t vmx_host_rule_count = ARRAY_SIZE(vmx_host_rules);
