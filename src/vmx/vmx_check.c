/* Intel SDM vol. 3, "Checks on the Guest State Area". Segments are in vmx_check_seg.c, controls and
 * host state in vmx_check_host.c. */
#include "vmx/vmx_check.h"
#include "vmx/vmx_rules.h"

/* "Checks on Guest Control Registers, Debug Registers, and MSRs" */

#define DEBUGCTL_BTF      BIT(1)
#define DEBUGCTL_RESERVED (BIT(3) | BIT(4) | BIT(5) | ~UINT64_C(0xffff))
#define RFLAGS_RESERVED   (BIT(3) | BIT(5) | BIT(15) | ~UINT64_C(0x3fffff))
#define PENDING_RESERVED  (UINT64_C(0x7f0) | BIT(13) | BIT(15) | ~UINT64_C(0x1ffff))
#define PENDING_BS        BIT(14)
#define BNDCFGS_RESERVED  UINT64_C(0xffc)
#define PDPTE_P           BIT(0)
#define PDPTE_RESERVED    (BIT(1) | BIT(2) | BIT(5) | BIT(6) | BIT(7) | BIT(8))

static bool cr0_fixed(const struct vmx_state *s)
{
    uint64_t free_if_unrestricted = vmx_unrestricted(s) ? CR0_PE | CR0_PG : 0;

    return vmx_fixed_ok(s->guest.cr0, s->limits.cr0_fixed0 & ~free_if_unrestricted,
                        s->limits.cr0_fixed1);
}

static bool cr0_pg_needs_pe(const struct vmx_state *s)
{
    return vmx_implies(s->guest.cr0 & CR0_PG, s->guest.cr0 & CR0_PE);
}

static bool cr4_fixed(const struct vmx_state *s)
{
    return vmx_fixed_ok(s->guest.cr4, s->limits.cr4_fixed0, s->limits.cr4_fixed1);
}

static bool cr4_cet_needs_wp(const struct vmx_state *s)
{
    return vmx_implies(s->guest.cr4 & CR4_CET, s->guest.cr0 & CR0_WP);
}

static bool debugctl_reserved(const struct vmx_state *s)
{
    return vmx_implies(s->ctl.entry & VMX_ENTRY_LOAD_DEBUG,
                       !(s->guest.debugctl & DEBUGCTL_RESERVED));
}

static bool long_mode_has_paging(const struct vmx_state *s)
{
    return vmx_implies(vmx_guest_64bit(s), s->guest.cr0 & CR0_PG);
}

static bool long_mode_has_pae(const struct vmx_state *s)
{
    return vmx_implies(vmx_guest_64bit(s), s->guest.cr4 & CR4_PAE);
}

static bool pcid_needs_long_mode(const struct vmx_state *s)
{
    return vmx_implies(!vmx_guest_64bit(s), !(s->guest.cr4 & CR4_PCIDE));
}

static bool cr3_in_width(const struct vmx_state *s)
{
    return vmx_phys_ok(s, s->guest.cr3, 1);
}

static bool dr7_is_32bit(const struct vmx_state *s)
{
    return vmx_implies(s->ctl.entry & VMX_ENTRY_LOAD_DEBUG, s->guest.dr7 >> 32 == 0);
}

static bool sysenter_esp_canonical(const struct vmx_state *s)
{
    return vmx_canonical(s, s->guest.sysenter_esp);
}

static bool sysenter_eip_canonical(const struct vmx_state *s)
{
    return vmx_canonical(s, s->guest.sysenter_eip);
}

static bool pat_types(const struct vmx_state *s)
{
    return vmx_implies(s->ctl.entry & VMX_ENTRY_LOAD_PAT, vmx_pat_ok(s->guest.pat));
}

static bool efer_reserved(const struct vmx_state *s)
{
    return vmx_implies(s->ctl.entry & VMX_ENTRY_LOAD_EFER, !(s->guest.efer & ~VMX_EFER_DEFINED));
}

static bool efer_lma_is_control(const struct vmx_state *s)
{
    bool lma = s->guest.efer & EFER_LMA;

    return vmx_implies(s->ctl.entry & VMX_ENTRY_LOAD_EFER, lma == vmx_guest_64bit(s));
}

static bool efer_lme_is_lma(const struct vmx_state *s)
{
    bool lma = s->guest.efer & EFER_LMA;
    bool lme = s->guest.efer & EFER_LME;

    return vmx_implies((s->ctl.entry & VMX_ENTRY_LOAD_EFER) && (s->guest.cr0 & CR0_PG), lma == lme);
}

static bool bndcfgs_valid(const struct vmx_state *s)
{
    return vmx_implies(s->ctl.entry & VMX_ENTRY_LOAD_BNDCFGS,
                       !(s->guest.bndcfgs & BNDCFGS_RESERVED) &&
                           vmx_canonical(s, s->guest.bndcfgs));
}

/* "Checks on Guest Descriptor-Table Registers" */

static bool gdtr_canonical(const struct vmx_state *s)
{
    return vmx_canonical(s, s->guest.segs.gdtr.base);
}

static bool idtr_canonical(const struct vmx_state *s)
{
    return vmx_canonical(s, s->guest.segs.idtr.base);
}

static bool gdtr_limit(const struct vmx_state *s)
{
    return s->guest.segs.gdtr.limit <= 0xffff;
}

static bool idtr_limit(const struct vmx_state *s)
{
    return s->guest.segs.idtr.limit <= 0xffff;
}

/* "Checks on Guest RIP, RFLAGS, and SSP" */

static bool runs_64bit_code(const struct vmx_state *s)
{
    return vmx_guest_64bit(s) && (s->guest.segs.seg[SEG_CS].attr & SEG_ATTR_L);
}

static bool rip_is_32bit(const struct vmx_state *s)
{
    return vmx_implies(!runs_64bit_code(s), s->guest.rip >> 32 == 0);
}

static bool rip_canonical(const struct vmx_state *s)
{
    return vmx_implies(runs_64bit_code(s), vmx_canonical(s, s->guest.rip));
}

static bool rflags_reserved(const struct vmx_state *s)
{
    return (s->guest.rflags & (RFLAGS_RESERVED | RFLAGS_FIXED)) == RFLAGS_FIXED;
}

static bool rflags_vm(const struct vmx_state *s)
{
    return vmx_implies(vmx_guest_64bit(s) || !(s->guest.cr0 & CR0_PE), !vmx_guest_v8086(s));
}

static bool rflags_if(const struct vmx_state *s)
{
    return vmx_implies(vmx_injects(s, VMX_INTR_EXTERNAL), s->guest.rflags & RFLAGS_IF);
}

/* "Checks on Guest Non-Register State" */

/* IA32_VMX_MISC bits 8:6: HLT, shutdown, wait-for-SIPI. */
static bool activity_supported(const struct vmx_state *s)
{
    uint32_t a = s->guest.activity;

    return a == VMX_ACTIVE || (a <= VMX_WAIT_SIPI && (s->limits.misc & BIT(5 + a)));
}

static bool hlt_at_cpl0(const struct vmx_state *s)
{
    return vmx_implies(s->guest.activity == VMX_HLT,
                       bits(s->guest.segs.seg[SEG_SS].attr, 6, 5) == 0);
}

static bool shadow_is_active(const struct vmx_state *s)
{
    return vmx_implies(s->guest.interruptibility & (VMX_BLOCK_STI | VMX_BLOCK_MOV_SS),
                       s->guest.activity == VMX_ACTIVE);
}

static bool hlt_accepts_event(const struct vmx_state *s)
{
    uint32_t vector = s->ctl.intr_info & 0xff;
    bool debug_or_mc = vector == 1 || vector == 18;

    return vmx_implies(s->guest.activity == VMX_HLT && (s->ctl.intr_info & VMX_INTR_VALID),
                       vmx_injects(s, VMX_INTR_EXTERNAL) || vmx_injects(s, VMX_INTR_NMI) ||
                           (vmx_injects(s, VMX_INTR_HW_EXCEPTION) && debug_or_mc) ||
                           (vmx_injects(s, VMX_INTR_OTHER) && vector == 0));
}

static bool shutdown_accepts_event(const struct vmx_state *s)
{
    bool mc = vmx_injects(s, VMX_INTR_HW_EXCEPTION) && (s->ctl.intr_info & 0xff) == 18;

    return vmx_implies(s->guest.activity == VMX_SHUTDOWN && (s->ctl.intr_info & VMX_INTR_VALID),
                       mc || vmx_injects(s, VMX_INTR_NMI));
}

static bool sipi_accepts_no_event(const struct vmx_state *s)
{
    return vmx_implies(s->guest.activity == VMX_WAIT_SIPI, !(s->ctl.intr_info & VMX_INTR_VALID));
}

static bool blocking_reserved(const struct vmx_state *s)
{
    return s->guest.interruptibility >> 5 == 0;
}

static bool one_shadow_only(const struct vmx_state *s)
{
    uint32_t both = VMX_BLOCK_STI | VMX_BLOCK_MOV_SS;

    return (s->guest.interruptibility & both) != both;
}

static bool sti_needs_if(const struct vmx_state *s)
{
    return vmx_implies(s->guest.interruptibility & VMX_BLOCK_STI, s->guest.rflags & RFLAGS_IF);
}

static bool interrupt_not_in_shadow(const struct vmx_state *s)
{
    return vmx_implies(vmx_injects(s, VMX_INTR_EXTERNAL),
                       !(s->guest.interruptibility & (VMX_BLOCK_STI | VMX_BLOCK_MOV_SS)));
}

static bool nmi_not_after_mov_ss(const struct vmx_state *s)
{
    return vmx_implies(vmx_injects(s, VMX_INTR_NMI),
                       !(s->guest.interruptibility & VMX_BLOCK_MOV_SS));
}

static bool smi_not_blocked(const struct vmx_state *s)
{
    return !(s->guest.interruptibility & VMX_BLOCK_SMI);
}

static bool nmi_not_blocked(const struct vmx_state *s)
{
    return vmx_implies(vmx_injects(s, VMX_INTR_NMI) && (s->ctl.pin & VMX_PIN_VIRTUAL_NMIS),
                       !(s->guest.interruptibility & VMX_BLOCK_NMI));
}

static bool enclave_not_after_mov_ss(const struct vmx_state *s)
{
    return vmx_implies(s->guest.interruptibility & VMX_BLOCK_ENCLAVE,
                       !(s->guest.interruptibility & VMX_BLOCK_MOV_SS));
}

static bool pending_debug_reserved(const struct vmx_state *s)
{
    return !(s->guest.pending_debug & PENDING_RESERVED);
}

/* A single step that an interrupt shadow or HLT holds back must be pending, and nothing else may
 * look like one. */
static bool pending_debug_bs(const struct vmx_state *s)
{
    uint32_t shadow = s->guest.interruptibility & (VMX_BLOCK_STI | VMX_BLOCK_MOV_SS);
    bool steps = (s->guest.rflags & RFLAGS_TF) && !(s->guest.debugctl & DEBUGCTL_BTF);
    bool bs = s->guest.pending_debug & PENDING_BS;

    return vmx_implies(shadow || s->guest.activity == VMX_HLT, bs == steps);
}

static bool link_valid(const struct vmx_state *s)
{
    return s->guest.link == ~UINT64_C(0) || vmx_phys_ok(s, s->guest.link, 4096);
}

/* "Checks on Guest Page-Directory-Pointer-Table Entries" */

static bool pdptes_valid(const struct vmx_state *s)
{
    bool pae = (s->guest.cr0 & CR0_PG) && (s->guest.cr4 & CR4_PAE) && !vmx_guest_64bit(s);

    for (unsigned i = 0; i < 4 && pae && vmx_proc2(s, VMX_PROC2_EPT); i++) {
        uint64_t e = s->guest.pdpte[i];

        if ((e & PDPTE_P) && ((e & PDPTE_RESERVED) || !vmx_phys_ok(s, e, 1))) {
            return false;
        }
    }
    return true;
}

/* clang-format off */
const struct vmx_rule vmx_guest_rules[] = {
    { "CR0: every bit must have a value that VMX operation supports", cr0_fixed },
    { "CR0: PG needs PE", cr0_pg_needs_pe },
    { "CR4: every bit must have a value that VMX operation supports", cr4_fixed },
    { "CR4: CET needs CR0.WP", cr4_cet_needs_wp },
    { "DEBUGCTL: reserved bits must be 0", debugctl_reserved },
    { "CR0: PG must be 1 in IA-32e mode", long_mode_has_paging },
    { "CR4: PAE must be 1 in IA-32e mode", long_mode_has_pae },
    { "CR4: PCIDE must be 0 outside IA-32e mode", pcid_needs_long_mode },
    { "CR3: no bit may be set beyond the physical width", cr3_in_width },
    { "DR7: bits 63:32 must be 0", dr7_is_32bit },
    { "SYSENTER_ESP: must be canonical", sysenter_esp_canonical },
    { "SYSENTER_EIP: must be canonical", sysenter_eip_canonical },
    { "PAT: each byte must be a memory type", pat_types },
    { "EFER: reserved bits must be 0", efer_reserved },
    { "EFER: LMA must equal the control \"IA-32e mode guest\"", efer_lma_is_control },
    { "EFER: LME must equal LMA while paging is on", efer_lme_is_lma },
    { "BNDCFGS: must be canonical, bits 11:2 must be 0", bndcfgs_valid },
    { "GDTR: the base must be canonical", gdtr_canonical },
    { "IDTR: the base must be canonical", idtr_canonical },
    { "GDTR: limit bits 31:16 must be 0", gdtr_limit },
    { "IDTR: limit bits 31:16 must be 0", idtr_limit },
    { "RIP: bits 63:32 must be 0 outside 64-bit code", rip_is_32bit },
    { "RIP: must be canonical", rip_canonical },
    { "RFLAGS: bit 1 must be 1, reserved bits must be 0", rflags_reserved },
    { "RFLAGS: VM must be 0 in IA-32e mode and in real mode", rflags_vm },
    { "RFLAGS: IF must be 1 to inject an external interrupt", rflags_if },
    { "activity state: must be one that this CPU supports", activity_supported },
    { "activity state: HLT needs SS.DPL 0", hlt_at_cpl0 },
    { "activity state: must be active while STI or MOV SS blocks events", shadow_is_active },
    { "activity state: HLT allows only an interrupt, NMI, #DB, #MC or MTF", hlt_accepts_event },
    { "activity state: shutdown allows only NMI or #MC", shutdown_accepts_event },
    { "activity state: wait-for-SIPI allows no injected event", sipi_accepts_no_event },
    { "interruptibility: reserved bits 31:5 must be 0", blocking_reserved },
    { "interruptibility: not blocked by STI and MOV SS at once", one_shadow_only },
    { "interruptibility: blocked by STI needs RFLAGS.IF", sti_needs_if },
    { "interruptibility: no external interrupt while STI or MOV SS blocks",
      interrupt_not_in_shadow },
    { "interruptibility: no NMI while MOV SS blocks", nmi_not_after_mov_ss },
    { "interruptibility: SMIs can be blocked in SMM only", smi_not_blocked },
    { "interruptibility: no NMI while virtual NMIs are blocked", nmi_not_blocked },
    { "interruptibility: no MOV SS blocking with an enclave interruption",
      enclave_not_after_mov_ss },
    { "pending debug exceptions: reserved bits must be 0", pending_debug_reserved },
    { "pending debug exceptions: BS must tell if a step is held back", pending_debug_bs },
    { "VMCS link pointer: must be all ones, or aligned and in the physical width", link_valid },
    { "PDPTEs: reserved bits of a present entry must be 0", pdptes_valid },
};
/* clang-format on */

const size_t vmx_guest_rule_count = ARRAY_SIZE(vmx_guest_rules);

static void report(const char *text, const char *broken[], unsigned max, unsigned *count)
{
    if (*count < max) {
        broken[*count] = text;
    }
    (*count)++;
}

static unsigned check(const struct vmx_state *s, const struct vmx_rule *rules, size_t n,
                      const char *broken[], unsigned max)
{
    unsigned count = 0;

    for (size_t i = 0; i < n; i++) {
        if (!rules[i].holds(s)) {
            report(rules[i].text, broken, max, &count);
        }
    }
    return count;
}

unsigned vmx_check_controls(const struct vmx_state *s, const char *broken[], unsigned max)
{
    return check(s, vmx_control_rules, vmx_control_rule_count, broken, max);
}

unsigned vmx_check_host(const struct vmx_state *s, const char *broken[], unsigned max)
{
    return check(s, vmx_host_rules, vmx_host_rule_count, broken, max);
}

unsigned vmx_check_guest(const struct vmx_state *s, const char *broken[], unsigned max)
{
    unsigned count = check(s, vmx_guest_rules, vmx_guest_rule_count, broken, max);

    for (size_t i = 0; i < vmx_seg_rule_count; i++) {
        const struct vmx_seg_rule *rule = &vmx_seg_rules[i];

        if (!rule->holds(s, &s->guest.segs.seg[rule->seg])) {
            report(rule->text, broken, max, &count);
        }
    }
    return count;
}
