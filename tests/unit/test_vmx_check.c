#include "unit.h"
#include "vmx_states.h"
#include <stdio.h>
#include <string.h>

/* A rule is tested by a good state with one thing changed: a row says from which state, what
 * changes, and which sentence must come out. */

#define MAX_BROKEN 64

static const char *broken[MAX_BROKEN];

static unsigned check_all(void)
{
    unsigned n = vmx_check_controls(&s, broken, MAX_BROKEN);

    n += vmx_check_host(&s, broken + n, MAX_BROKEN - n);
    n += vmx_check_guest(&s, broken + n, MAX_BROKEN - n);
    assert_true(n <= MAX_BROKEN);
    return n;
}

static void assert_good(void (*make)(void))
{
    make();
    if (check_all()) {
        fail_msg("broken: %s", broken[0]);
    }
}

static void a_good_state_of_each_mode_breaks_no_rule(void **state)
{
    (void)state;
    assert_good(long_mode);
    assert_good(pae_mode);
    assert_good(v8086_mode);
    assert_good(real_mode);
    assert_good(user_mode);
}

struct change {
    size_t offset, size; /* size 0 ends the list */
    uint64_t value;
    bool flip; /* the bits of value are inverted, else value is stored */
};

#define MEMBER(m) offsetof(struct vmx_state, m), sizeof(((struct vmx_state *)0)->m)
#define SET(m, v)                                                                                  \
    {                                                                                              \
        MEMBER(m), (v), false                                                                      \
    }
#define FLIP(m, v)                                                                                 \
    {                                                                                              \
        MEMBER(m), (v), true                                                                       \
    }
#define SEG_SET(m, v)   SET(guest.segs.seg[0].m, v)
#define SEG_FLIP(m, v)  FLIP(guest.segs.seg[0].m, v)
#define INJECT(type, v) SET(ctl.intr_info, VMX_INTR_VALID | (type) << 8 | (v))
#define NON_CANONICAL   BIT(47)
#define BEYOND          BIT(39) /* the physical width */

struct row {
    void (*from)(void);
    const char *text;
    struct change change[4];
};

/* clang-format off */
static const struct row rows[] = {
    { long_mode, "pin-based controls: every bit must be one that this CPU supports", { SET(ctl.pin, 0) } },
    { long_mode, "pin-based controls: every bit must be one that this CPU supports", { FLIP(ctl.pin, BIT(8)) } },
    { long_mode, "processor-based controls: every bit must be one that this CPU supports", { FLIP(ctl.proc, 2) } },
    { long_mode, "secondary controls: every bit must be one that this CPU supports", { FLIP(ctl.proc2, BIT(31)) } },
    { long_mode, "CR3-target count: must not be above the CPU's", { SET(ctl.cr3_target_count, 5) } },
    { long_mode, "I/O bitmaps: must be page-aligned and in the physical width", { FLIP(ctl.io_bitmap_a, 0x800) } },
    { long_mode, "I/O bitmaps: must be page-aligned and in the physical width", { FLIP(ctl.io_bitmap_b, BEYOND) } },
    { long_mode, "MSR bitmap: must be page-aligned and in the physical width", { FLIP(ctl.msr_bitmap, 1) } },
    { long_mode, "virtual-APIC page: must be page-aligned and in the physical width", { FLIP(ctl.virt_apic, 1) } },
    { long_mode, "TPR threshold: bits 31:4 must be 0", { SET(ctl.tpr_threshold, 16) } },
    { long_mode, "virtual NMIs need NMI exiting", { FLIP(ctl.pin, VMX_PIN_NMI) } },
    { long_mode, "NMI-window exiting needs virtual NMIs",
      { FLIP(ctl.pin, VMX_PIN_VIRTUAL_NMIS), FLIP(ctl.proc, VMX_PROC_NMI_WINDOW) } },
    { long_mode, "APIC-access page: must be page-aligned and in the physical width",
      { FLIP(ctl.proc2, VMX_PROC2_APIC_ACCESS), SET(ctl.apic_access, BEYOND) } },
    { long_mode, "APIC virtualization needs the TPR shadow",
      { FLIP(ctl.proc2, VMX_PROC2_APIC_REGS), FLIP(ctl.proc, VMX_PROC_TPR_SHADOW) } },
    { long_mode, "x2APIC mode and APIC accesses cannot be virtualized at once",
      { FLIP(ctl.proc2, VMX_PROC2_X2APIC | VMX_PROC2_APIC_ACCESS) } },
    { long_mode, "virtual-interrupt delivery needs external-interrupt exiting",
      { FLIP(ctl.proc2, VMX_PROC2_INTR_DELIVERY), FLIP(ctl.pin, VMX_PIN_EXTINT) } },
    { long_mode, "posted interrupts need virtual-interrupt delivery and acknowledge on exit",
      { FLIP(ctl.pin, VMX_PIN_POSTED_INTR) } },
    { long_mode, "posted interrupts: the vector must be a byte, the descriptor 64-byte aligned",
      { FLIP(ctl.pin, VMX_PIN_POSTED_INTR), SET(ctl.posted_intr_desc, 32) } },
    { long_mode, "VPID: must not be 0", { SET(ctl.vpid, 0) } },
    { long_mode, "EPTP: the memory type must be one that this CPU supports", { FLIP(ctl.eptp, 6) } },
    { long_mode, "EPTP: the number of levels must be one that this CPU supports", { FLIP(ctl.eptp, 1 << 3) } },
    { long_mode, "EPTP: accessed and dirty flags must be supported to be on", { FLIP(ctl.eptp, BIT(6)) } },
    { long_mode, "EPTP: reserved bits must be 0, the address in the physical width", { FLIP(ctl.eptp, BIT(11)) } },
    { long_mode, "EPTP: reserved bits must be 0, the address in the physical width", { FLIP(ctl.eptp, BEYOND) } },
    { real_mode, "unrestricted guest, page-modification log, mode-based execute and sub-pages need EPT",
      { SET(ctl.proc2, VMX_PROC2_UNRESTRICTED) } },
    { long_mode, "page-modification log: must be page-aligned and in the physical width", { FLIP(ctl.pml, 8) } },
    { long_mode, "VM-exit controls: every bit must be one that this CPU supports", { FLIP(ctl.exit, 1) } },
    { long_mode, "saving the preemption timer needs the preemption timer", { FLIP(ctl.pin, VMX_PIN_TIMER) } },
    { long_mode, "VM-exit MSR-store list: must be 16-byte aligned and in the physical width", { FLIP(ctl.exit_msr_store, 8) } },
    { long_mode, "VM-exit MSR-load list: must be 16-byte aligned and in the physical width", { FLIP(ctl.exit_msr_load, BEYOND) } },
    { long_mode, "VM-exit MSR-load list: must be 16-byte aligned and in the physical width",
      { SET(ctl.exit_msr_load, BEYOND - 16), SET(ctl.exit_msr_load_count, 2) } },
    { long_mode, "VM-entry controls: every bit must be one that this CPU supports", { FLIP(ctl.entry, BIT(31)) } },
    { long_mode, "VM-entry MSR-load list: must be 16-byte aligned and in the physical width", { FLIP(ctl.entry_msr_load, 1) } },
    { long_mode, "entry to SMM and the end of dual-monitor treatment are for SMM only", { FLIP(ctl.entry, VMX_ENTRY_TO_SMM) } },
    { long_mode, "injected event: the type must not be reserved", { INJECT(1u, 0) } },
    { long_mode, "injected event: the type must not be reserved",
      { INJECT(VMX_INTR_OTHER, 0), FLIP(limits.proc_ctls, (uint64_t)VMX_PROC_TRAP_FLAG << 32) } },
    { long_mode, "injected event: the vector must fit the type", { INJECT(VMX_INTR_NMI, 3) } },
    { long_mode, "injected event: the vector must fit the type", { INJECT(VMX_INTR_HW_EXCEPTION, 32) } },
    { long_mode, "injected event: an error code exactly where the exception pushes one", { INJECT(VMX_INTR_HW_EXCEPTION, 13) } },
    { long_mode, "injected event: an error code exactly where the exception pushes one",
      { INJECT(VMX_INTR_HW_EXCEPTION, 6 | VMX_INTR_HAS_CODE) } },
    { real_mode, "injected event: an error code exactly where the exception pushes one",
      { INJECT(VMX_INTR_HW_EXCEPTION, 13 | VMX_INTR_HAS_CODE) } },
    { long_mode, "injected event: reserved bits 30:12 must be 0", { INJECT(VMX_INTR_NMI, 2 | BIT32(12)) } },
    { long_mode, "injected event: error-code bits 31:16 must be 0",
      { INJECT(VMX_INTR_HW_EXCEPTION, 14 | VMX_INTR_HAS_CODE), SET(ctl.exc_code, 0x10000) } },
    { long_mode, "injected event: a software event needs an instruction length of 1 to 15", { INJECT(VMX_INTR_SOFTWARE, 0x80) } },
    { long_mode, "injected event: a software event needs an instruction length of 1 to 15",
      { INJECT(VMX_INTR_SW_EXCEPTION, 3), SET(ctl.insn_len, 16) } },

    { long_mode, "host CR0: every bit must have a value that VMX operation supports", { FLIP(host.cr0, CR0_NE) } },
    { long_mode, "host CR4: every bit must have a value that VMX operation supports", { FLIP(host.cr4, CR4_VMXE) } },
    { long_mode, "host CR4: CET needs CR0.WP", { FLIP(host.cr4, CR4_CET), FLIP(host.cr0, CR0_WP) } },
    { long_mode, "host CR3: no bit may be set beyond the physical width", { FLIP(host.cr3, BEYOND) } },
    { long_mode, "host SYSENTER_ESP and SYSENTER_EIP: must be canonical", { FLIP(host.sysenter_esp, NON_CANONICAL) } },
    { long_mode, "host SYSENTER_ESP and SYSENTER_EIP: must be canonical", { FLIP(host.sysenter_eip, NON_CANONICAL) } },
    { long_mode, "host PAT: each byte must be a memory type", { FLIP(host.pat, UINT64_C(2) << 56) } },
    { long_mode, "host EFER: LMA and LME must be 1, reserved bits 0", { FLIP(host.efer, EFER_LMA) } },
    { long_mode, "host EFER: LMA and LME must be 1, reserved bits 0", { FLIP(host.efer, BIT(1)) } },
    { long_mode, "host selectors: RPL and TI must be 0", { FLIP(host.sel[SEG_FS], 4) } },
    { long_mode, "host CS: must not be 0", { SET(host.sel[SEG_CS], 0) } },
    { long_mode, "host TR: must not be 0", { SET(host.sel[SEG_TR], 0) } },
    { long_mode, "host FS, GS, TR, GDTR and IDTR: the bases must be canonical", { FLIP(host.fs_base, NON_CANONICAL) } },
    { long_mode, "host FS, GS, TR, GDTR and IDTR: the bases must be canonical", { FLIP(host.gs_base, NON_CANONICAL) } },
    { long_mode, "host FS, GS, TR, GDTR and IDTR: the bases must be canonical", { FLIP(host.tr_base, NON_CANONICAL) } },
    { long_mode, "host FS, GS, TR, GDTR and IDTR: the bases must be canonical", { FLIP(host.gdtr_base, NON_CANONICAL) } },
    { long_mode, "host FS, GS, TR, GDTR and IDTR: the bases must be canonical", { FLIP(host.idtr_base, NON_CANONICAL) } },
    { long_mode, "the control \"host address-space size\" must be 1", { FLIP(ctl.exit, VMX_EXIT_HOST_64BIT) } },
    { long_mode, "host CR4: PAE must be 1", { FLIP(host.cr4, CR4_PAE) } },
    { long_mode, "host RIP: must be canonical", { FLIP(host.rip, NON_CANONICAL) } },

    { long_mode, "CR0: every bit must have a value that VMX operation supports", { FLIP(guest.cr0, CR0_NE) } },
    { long_mode, "CR0: every bit must have a value that VMX operation supports", { FLIP(guest.cr0, BIT(32)) } },
    { real_mode, "CR0: every bit must have a value that VMX operation supports", { FLIP(ctl.proc2, VMX_PROC2_UNRESTRICTED) } },
    { real_mode, "CR0: PG needs PE", { FLIP(guest.cr0, CR0_PG) } },
    { long_mode, "CR4: every bit must have a value that VMX operation supports", { FLIP(guest.cr4, CR4_VMXE) } },
    { long_mode, "CR4: CET needs CR0.WP", { FLIP(guest.cr4, CR4_CET), FLIP(guest.cr0, CR0_WP) } },
    { long_mode, "DEBUGCTL: reserved bits must be 0", { FLIP(guest.debugctl, BIT(3)) } },
    { long_mode, "CR0: PG must be 1 in IA-32e mode", { FLIP(guest.cr0, CR0_PG) } },
    { long_mode, "CR4: PAE must be 1 in IA-32e mode", { FLIP(guest.cr4, CR4_PAE) } },
    { pae_mode, "CR4: PCIDE must be 0 outside IA-32e mode", { FLIP(guest.cr4, CR4_PCIDE) } },
    { long_mode, "CR3: no bit may be set beyond the physical width", { FLIP(guest.cr3, BEYOND) } },
    { long_mode, "DR7: bits 63:32 must be 0", { FLIP(guest.dr7, BIT(32)) } },
    { long_mode, "SYSENTER_ESP: must be canonical", { FLIP(guest.sysenter_esp, NON_CANONICAL) } },
    { long_mode, "SYSENTER_EIP: must be canonical", { FLIP(guest.sysenter_eip, NON_CANONICAL) } },
    { long_mode, "PAT: each byte must be a memory type", { FLIP(guest.pat, 8) } },
    { long_mode, "EFER: reserved bits must be 0", { FLIP(guest.efer, EFER_SVME) } },
    { long_mode, "EFER: LMA must equal the control \"IA-32e mode guest\"", { FLIP(guest.efer, EFER_LMA) } },
    { pae_mode, "EFER: LMA must equal the control \"IA-32e mode guest\"", { FLIP(guest.efer, EFER_LMA) } },
    { long_mode, "EFER: LME must equal LMA while paging is on", { FLIP(guest.efer, EFER_LME) } },
    { long_mode, "BNDCFGS: must be canonical, bits 11:2 must be 0",
      { FLIP(ctl.entry, VMX_ENTRY_LOAD_BNDCFGS), SET(guest.bndcfgs, 4) } },
    { long_mode, "GDTR: the base must be canonical", { FLIP(guest.segs.gdtr.base, NON_CANONICAL) } },
    { long_mode, "IDTR: the base must be canonical", { FLIP(guest.segs.idtr.base, NON_CANONICAL) } },
    { long_mode, "GDTR: limit bits 31:16 must be 0", { SET(guest.segs.gdtr.limit, 0x10000) } },
    { long_mode, "IDTR: limit bits 31:16 must be 0", { SET(guest.segs.idtr.limit, 0x10000) } },
    { long_mode, "RIP: bits 63:32 must be 0 outside 64-bit code", { FLIP(guest.segs.seg[SEG_CS].attr, SEG_ATTR_L) } },
    { pae_mode, "RIP: bits 63:32 must be 0 outside 64-bit code", { FLIP(guest.rip, BIT(32)) } },
    { long_mode, "RIP: must be canonical", { FLIP(guest.rip, NON_CANONICAL) } },
    { long_mode, "RFLAGS: bit 1 must be 1, reserved bits must be 0", { FLIP(guest.rflags, 2) } },
    { long_mode, "RFLAGS: bit 1 must be 1, reserved bits must be 0", { FLIP(guest.rflags, BIT(22)) } },
    { long_mode, "RFLAGS: VM must be 0 in IA-32e mode and in real mode", { FLIP(guest.rflags, RFLAGS_VM) } },
    { real_mode, "RFLAGS: VM must be 0 in IA-32e mode and in real mode", { FLIP(guest.rflags, RFLAGS_VM) } },
    { long_mode, "RFLAGS: IF must be 1 to inject an external interrupt",
      { INJECT(VMX_INTR_EXTERNAL, 0x30), FLIP(guest.rflags, RFLAGS_IF) } },
    { long_mode, "activity state: must be one that this CPU supports", { SET(guest.activity, 4) } },
    { long_mode, "activity state: must be one that this CPU supports",
      { SET(guest.activity, VMX_HLT), FLIP(limits.misc, BIT(6)) } },
    { user_mode, "activity state: HLT needs SS.DPL 0", { SET(guest.activity, VMX_HLT) } },
    { long_mode, "activity state: must be active while STI or MOV SS blocks events",
      { SET(guest.activity, VMX_HLT), SET(guest.interruptibility, VMX_BLOCK_STI) } },
    { long_mode, "activity state: HLT allows only an interrupt, NMI, #DB, #MC or MTF",
      { SET(guest.activity, VMX_HLT), INJECT(VMX_INTR_HW_EXCEPTION, 6) } },
    { long_mode, "activity state: shutdown allows only NMI or #MC",
      { SET(guest.activity, VMX_SHUTDOWN), INJECT(VMX_INTR_EXTERNAL, 0x30) } },
    { long_mode, "activity state: wait-for-SIPI allows no injected event",
      { SET(guest.activity, VMX_WAIT_SIPI), INJECT(VMX_INTR_NMI, 2) } },
    { long_mode, "interruptibility: reserved bits 31:5 must be 0", { SET(guest.interruptibility, BIT(5)) } },
    { long_mode, "interruptibility: not blocked by STI and MOV SS at once",
      { SET(guest.interruptibility, VMX_BLOCK_STI | VMX_BLOCK_MOV_SS) } },
    { real_mode, "interruptibility: blocked by STI needs RFLAGS.IF", { SET(guest.interruptibility, VMX_BLOCK_STI) } },
    { long_mode, "interruptibility: no external interrupt while STI or MOV SS blocks",
      { SET(guest.interruptibility, VMX_BLOCK_STI), INJECT(VMX_INTR_EXTERNAL, 0x30) } },
    { long_mode, "interruptibility: no NMI while MOV SS blocks",
      { SET(guest.interruptibility, VMX_BLOCK_MOV_SS), INJECT(VMX_INTR_NMI, 2) } },
    { long_mode, "interruptibility: SMIs can be blocked in SMM only", { SET(guest.interruptibility, VMX_BLOCK_SMI) } },
    { long_mode, "interruptibility: no NMI while virtual NMIs are blocked",
      { SET(guest.interruptibility, VMX_BLOCK_NMI), INJECT(VMX_INTR_NMI, 2) } },
    { long_mode, "interruptibility: no MOV SS blocking with an enclave interruption",
      { SET(guest.interruptibility, VMX_BLOCK_ENCLAVE | VMX_BLOCK_MOV_SS) } },
    { long_mode, "pending debug exceptions: reserved bits must be 0", { SET(guest.pending_debug, BIT(13)) } },
    { long_mode, "pending debug exceptions: BS must tell if a step is held back",
      { SET(guest.interruptibility, VMX_BLOCK_STI), FLIP(guest.rflags, RFLAGS_TF) } },
    { long_mode, "pending debug exceptions: BS must tell if a step is held back",
      { SET(guest.activity, VMX_HLT), SET(guest.pending_debug, BIT(14)) } },
    { long_mode, "VMCS link pointer: must be all ones, or aligned and in the physical width", { SET(guest.link, 0x800) } },
    { real_mode, "SS: the DPL must be 0 in real mode or if CS is a data segment",
      { FLIP(guest.cr0, CR0_PE), SET(guest.segs.seg[SEG_CS].attr, 0x93), SET(guest.segs.seg[SEG_SS].attr, 0xf3) } },
    { pae_mode, "PDPTEs: reserved bits of a present entry must be 0", { FLIP(guest.pdpte[0], BIT(5)) } },
    { pae_mode, "PDPTEs: reserved bits of a present entry must be 0", { SET(guest.pdpte[3], BIT(0) | BEYOND) } },
};

struct seg_row {
    void (*from)(void);
    unsigned segs; /* a bit for each segment that gets the change */
    const char *text;
    struct change change[3];
};

#define ONE(seg)  (1u << SEG_##seg)
#define DATA      (ONE(DS) | ONE(ES) | ONE(FS) | ONE(GS))
#define CODE_DATA (DATA | ONE(CS) | ONE(SS))
#define ALL       (CODE_DATA | ONE(TR) | ONE(LDTR))
#define TYPE(was, is) SEG_FLIP(attr, (was) ^ (is))

static const struct seg_row seg_rows[] = {
    { long_mode, ONE(TR) | ONE(LDTR), "the selector must point into the GDT", { SEG_FLIP(sel, 4) } },
    { long_mode, ONE(SS), "the RPL must be that of CS", { SEG_FLIP(sel, 3) } },
    { v8086_mode, CODE_DATA, "in virtual-8086 mode the base must be 16 times the selector", { SEG_FLIP(base, 0x10) } },
    { long_mode, ONE(TR) | ONE(FS) | ONE(GS) | ONE(LDTR), "the base must be canonical", { SEG_FLIP(base, NON_CANONICAL) } },
    { user_mode, ONE(FS), "the base must be canonical", { SEG_FLIP(base, NON_CANONICAL) } },
    { long_mode, ONE(CS) | ONE(SS) | ONE(DS) | ONE(ES), "the base must be below 4 GiB", { SEG_FLIP(base, BIT(32)) } },
    { v8086_mode, CODE_DATA, "in virtual-8086 mode the limit must be FFFF", { SEG_SET(limit, 0xffffffff) } },
    { v8086_mode, CODE_DATA, "in virtual-8086 mode the access rights must be F3", { SEG_SET(attr, 0x93) } },
    { long_mode, ONE(CS), "the type must be accessed code (or writable data if unrestricted)", { TYPE(11, 10) } },
    { long_mode, ONE(CS), "the type must be accessed code (or writable data if unrestricted)", { TYPE(11, 3) } },
    { real_mode, ONE(CS), "the type must be accessed code (or writable data if unrestricted)", { TYPE(11, 1) } },
    { long_mode, ONE(SS), "the type must be accessed writable data", { TYPE(3, 1) } },
    { long_mode, DATA, "the type must have the accessed bit", { TYPE(3, 2) } },
    { long_mode, DATA, "a code segment must be readable", { TYPE(3, 9) } },
    { long_mode, ONE(TR), "the type must be a busy TSS (in IA-32e mode not a 16-bit one)", { TYPE(11, 3) } },
    { pae_mode, ONE(TR), "the type must be a busy TSS (in IA-32e mode not a 16-bit one)", { TYPE(11, 9) } },
    { long_mode, ONE(LDTR), "the type must be LDT", { TYPE(2, 3) } },
    { long_mode, CODE_DATA, "S must be 1 (code or data)", { SEG_FLIP(attr, BIT(4)) } },
    { long_mode, ONE(TR) | ONE(LDTR), "S must be 0 (system segment)", { SEG_FLIP(attr, BIT(4)) } },
    { real_mode, ONE(CS), "the DPL of a data segment must be 0", { SEG_SET(attr, 0xf3) } },
    { long_mode, ONE(CS), "the DPL of non-conforming code must be that of SS", { SEG_FLIP(attr, 3 << 5) } },
    { long_mode, ONE(CS), "the DPL of conforming code must not be above that of SS", { SEG_FLIP(attr, 3 << 5 | 4) } },
    { long_mode, ONE(SS), "the DPL must be the RPL", { SEG_FLIP(attr, 3 << 5) } },
    { real_mode, ONE(SS), "the DPL must be 0 in real mode or if CS is a data segment", { SEG_FLIP(attr, 3 << 5) } },
    { long_mode, DATA, "the DPL must not be below the RPL", { SEG_FLIP(sel, 3) } },
    { long_mode, ALL, "P must be 1", { SEG_FLIP(attr, BIT(7)) } },
    { long_mode, ALL, "reserved access-right bits (11:8 and 31:17) must be 0", { SEG_FLIP(attr, BIT(8)) } },
    { long_mode, ALL, "reserved access-right bits (11:8 and 31:17) must be 0", { SEG_FLIP(attr, BIT(17)) } },
    { long_mode, ONE(CS), "D/B must be 0 for 64-bit code", { SEG_FLIP(attr, SEG_ATTR_DB) } },
    { long_mode, CODE_DATA, "G must be 0 if limit bits 11:0 are not all 1", { SEG_SET(limit, 0xfffffffe) } },
    { long_mode, ONE(TR) | ONE(LDTR), "G must be 0 if limit bits 11:0 are not all 1",
      { SEG_SET(limit, 0x67), SEG_FLIP(attr, BIT(15)) } },
    { long_mode, CODE_DATA, "G must be 1 if limit bits 31:20 are not all 0", { SEG_FLIP(attr, BIT(15)) } },
    { long_mode, ONE(TR) | ONE(LDTR), "G must be 1 if limit bits 31:20 are not all 0", { SEG_SET(limit, 0x100fff) } },
    { long_mode, ONE(TR), "must be usable", { SEG_FLIP(attr, SEG_ATTR_UNUSABLE) } },
};
/* clang-format on */

static const char *const seg_names[SEG_COUNT] = {
    "ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"
};

/* Makes the changes, moved up to one segment register of the eight. */
static void apply(const struct change *change, size_t n, enum seg seg)
{
    for (size_t i = 0; i < n && change[i].size; i++) {
        char *at = (char *)&s + change[i].offset + seg * sizeof(struct segment);
        uint64_t value = 0;

        memcpy(&value, at, change[i].size);
        value = change[i].flip ? value ^ change[i].value : change[i].value;
        memcpy(at, &value, change[i].size);
    }
}

static void assert_names(const char *text)
{
    unsigned n = check_all();

    for (unsigned i = 0; i < n; i++) {
        if (strcmp(broken[i], text) == 0) {
            return;
        }
    }
    fail_msg("not named: %s", text);
}

static void seg_text(char *out, size_t size, enum seg seg, const char *text)
{
    snprintf(out, size, "%s: %s", seg_names[seg], text);
}

static void each_mutation_is_named_by_its_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        rows[i].from();
        apply(rows[i].change, ARRAY_SIZE(rows[i].change), 0);
        assert_names(rows[i].text);
    }
}

static void each_segment_mutation_is_named_with_its_segment(void **state)
{
    char text[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(seg_rows); i++) {
        for (enum seg seg = 0; seg < SEG_COUNT; seg++) {
            if (seg_rows[i].segs & 1u << seg) {
                seg_rows[i].from();
                apply(seg_rows[i].change, ARRAY_SIZE(seg_rows[i].change), seg);
                seg_text(text, sizeof(text), seg, seg_rows[i].text);
                assert_names(text);
            }
        }
    }
}

static void assert_rows_cover(const struct vmx_rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t j = 0;

        while (j < ARRAY_SIZE(rows) && strcmp(rows[j].text, rules[i].text) != 0) {
            j++;
        }
        if (j == ARRAY_SIZE(rows)) {
            fail_msg("no mutation for: %s", rules[i].text);
        }
    }
}

static bool seg_rows_cover(const struct vmx_seg_rule *rule)
{
    char text[128];

    for (size_t i = 0; i < ARRAY_SIZE(seg_rows); i++) {
        seg_text(text, sizeof(text), rule->seg, seg_rows[i].text);
        if ((seg_rows[i].segs & 1u << rule->seg) && strcmp(text, rule->text) == 0) {
            return true;
        }
    }
    return false;
}

static void every_rule_has_a_mutation(void **state)
{
    (void)state;
    assert_rows_cover(vmx_control_rules, vmx_control_rule_count);
    assert_rows_cover(vmx_host_rules, vmx_host_rule_count);
    assert_rows_cover(vmx_guest_rules, vmx_guest_rule_count);
    for (size_t i = 0; i < vmx_seg_rule_count; i++) {
        if (!seg_rows_cover(&vmx_seg_rules[i])) {
            fail_msg("no mutation for: %s", vmx_seg_rules[i].text);
        }
    }
}

static void rules_of_features_that_are_off_do_not_count(void **state)
{
    (void)state;
    long_mode();
    s.ctl.proc &= ~(VMX_PROC_IO_BITMAPS | VMX_PROC_MSR_BITMAPS | VMX_PROC_TPR_SHADOW);
    s.ctl.proc &= ~VMX_PROC_PROC2;
    s.ctl.proc2 = 0;
    s.ctl.io_bitmap_a = s.ctl.msr_bitmap = s.ctl.virt_apic = s.ctl.eptp = 1;
    s.ctl.vpid = 0;
    s.ctl.exit &= ~VMX_EXIT_LOAD_PAT;
    s.host.pat = UINT64_MAX;
    s.ctl.exit_msr_load_count = 0;
    s.ctl.exit_msr_load = 1;
    s.ctl.intr_info = 0x7fffffff;
    assert_int_equal(check_all(), 0);
}

static void events_that_the_manual_allows_break_no_rule(void **state)
{
    (void)state;
    long_mode();
    s.ctl.intr_info = VMX_INTR_VALID | 0x30;
    assert_int_equal(check_all(), 0);
    s.guest.activity = VMX_HLT;
    assert_int_equal(check_all(), 0);
    s.guest.activity = VMX_ACTIVE;
    s.ctl.intr_info = VMX_INTR_VALID | VMX_INTR_HAS_CODE | VMX_INTR_HW_EXCEPTION << 8 | 14;
    assert_int_equal(check_all(), 0);
    s.ctl.intr_info = VMX_INTR_VALID | VMX_INTR_SOFTWARE << 8 | 0x80;
    s.ctl.insn_len = 2;
    assert_int_equal(check_all(), 0);
    real_mode();
    s.ctl.intr_info = VMX_INTR_VALID | VMX_INTR_HW_EXCEPTION << 8 | 13;
    assert_int_equal(check_all(), 0);
}

static void all_broken_rules_are_counted_but_only_max_are_named(void **state)
{
    const char *named[2] = { NULL, NULL };

    (void)state;
    long_mode();
    s.guest.dr7 = UINT64_MAX;
    s.guest.rflags = 0;
    s.guest.segs.seg[SEG_TR].attr = SEG_ATTR_UNUSABLE;
    assert_true(vmx_check_guest(&s, named, 1) >= 4);
    assert_string_equal(named[0], "DR7: bits 63:32 must be 0");
    assert_null(named[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_state_of_each_mode_breaks_no_rule),
        cmocka_unit_test(each_mutation_is_named_by_its_rule),
        cmocka_unit_test(each_segment_mutation_is_named_with_its_segment),
        cmocka_unit_test(every_rule_has_a_mutation),
        cmocka_unit_test(rules_of_features_that_are_off_do_not_count),
        cmocka_unit_test(events_that_the_manual_allows_break_no_rule),
        cmocka_unit_test(all_broken_rules_are_counted_but_only_max_are_named),
    };
    return cmocka_run_group_tests_name("vmx_check", tests, NULL, NULL);
}
