/* Good VMX states to break, one of each mode, for test_vmx_check.c. A test's own data: no lock. */
#pragma once
#include "vmx/vmx_rules.h"

static struct vmx_state s;

static void set_seg(enum seg seg, uint16_t sel, uint64_t base, uint32_t limit, uint32_t attr)
{
    s.guest.segs.seg[seg] = (struct segment){ sel, limit, base, attr };
}

static void limits(void)
{
    s.limits = (struct vmx_limits){
        .pin_ctls = 0xff00000016,
        .proc_ctls = 0xfff9fffe04006172,
        .proc2_ctls = 0x5fffff00000000,
        .exit_ctls = 0x7fffff00036dfb,
        .entry_ctls = 0x1ffff000011fb,
        .misc = 0x200401e5,
        .ept_vpid = BIT(6) | BIT(14) | BIT(16) | BIT(17),
        .cr0_fixed0 = CR0_PE | CR0_NE | CR0_PG,
        .cr0_fixed1 = 0xffffffff,
        .cr4_fixed0 = CR4_VMXE,
        .cr4_fixed1 = 0xb767ff,
        .phys_bits = 39,
        .linear_bits = 48,
    };
}

static void controls(void)
{
    s.ctl = (struct vmx_controls){
        .pin = 0x16 | VMX_PIN_EXTINT | VMX_PIN_NMI | VMX_PIN_VIRTUAL_NMIS | VMX_PIN_TIMER,
        .proc = 0x04006172 | VMX_PROC_HLT | VMX_PROC_IO_BITMAPS | VMX_PROC_MSR_BITMAPS |
                VMX_PROC_PROC2 | VMX_PROC_TPR_SHADOW,
        .proc2 = VMX_PROC2_EPT | VMX_PROC2_VPID | VMX_PROC2_PML,
        .exit = 0x00036dfb | VMX_EXIT_HOST_64BIT | VMX_EXIT_ACK_INTR | VMX_EXIT_LOAD_PAT |
                VMX_EXIT_LOAD_EFER | VMX_EXIT_SAVE_TIMER,
        .entry = 0x11fb | VMX_ENTRY_LOAD_DEBUG | VMX_ENTRY_GUEST_64BIT | VMX_ENTRY_LOAD_PAT |
                 VMX_ENTRY_LOAD_EFER,
        .exit_msr_store_count = 1,
        .exit_msr_load_count = 1,
        .entry_msr_load_count = 1,
        .vpid = 1,
        .io_bitmap_a = 0x1000,
        .io_bitmap_b = 0x2000,
        .msr_bitmap = 0x3000,
        .virt_apic = 0x4000,
        .eptp = 0x5000 | 3 << 3 | 6,
        .pml = 0x6000,
        .exit_msr_store = 0x7000,
        .exit_msr_load = 0x7100,
        .entry_msr_load = 0x7200,
    };
}

static void host(void)
{
    s.host = (struct vmx_host){
        .cr0 = CR0_PE | CR0_NE | CR0_WP | CR0_PG,
        .cr3 = 0x8000,
        .cr4 = CR4_PAE | CR4_VMXE,
        .pat = 0x0007040600070406,
        .efer = EFER_LMA | EFER_LME | EFER_NXE,
        .gs_base = 0xffff800000001000,
        .rip = 0xffffffff80001000,
        .sel = {[SEG_CS] = 8, [SEG_SS] = 16, [SEG_TR] = 24},
    };
}

static void long_mode(void)
{
    limits();
    controls();
    host();
    s.guest = (struct vmx_guest){
        .cr0 = CR0_PE | CR0_NE | CR0_WP | CR0_PG,
        .cr3 = 0x9000,
        .cr4 = CR4_PAE | CR4_VMXE,
        .dr7 = 0x400,
        .rip = 0xffffffff81000000,
        .rflags = RFLAGS_FIXED | RFLAGS_IF,
        .pat = 0x0007040600070406,
        .efer = EFER_LMA | EFER_LME | EFER_SCE,
        .link = UINT64_MAX,
        .pdpte = { UINT64_MAX }, /* used in PAE paging only */
    };
    set_seg(SEG_CS, 0x10, 0, 0xffffffff, 0xa09b);
    set_seg(SEG_SS, 0x18, 0, 0xffffffff, 0xc093);
    for (enum seg i = SEG_DS; i <= SEG_GS; i++) {
        set_seg(i, 0x18, 0, 0xffffffff, 0xc093);
    }
    set_seg(SEG_ES, 0x18, 0, 0xffffffff, 0xc093);
    set_seg(SEG_LDTR, 0x28, 0xffff888000000000, 0xffff, 0x82);
    set_seg(SEG_TR, 0x40, 0xfffffe0000003000, 0x206f, 0x8b);
    s.guest.segs.gdtr = (struct segment){ .base = 0xfffffe0000001000, .limit = 0x7f };
    s.guest.segs.idtr = (struct segment){ .base = 0xfffffe0000000000, .limit = 0xfff };
}

static void pae_mode(void)
{
    long_mode();
    s.ctl.entry &= ~VMX_ENTRY_GUEST_64BIT;
    s.guest.efer = 0;
    s.guest.rip = 0xc0100000;
    s.guest.segs.seg[SEG_CS].attr = 0xc09b;
    s.guest.pdpte[0] = 0xa001;
    s.guest.pdpte[1] = ~BIT(0); /* not present: anything goes */
}

static void v8086_mode(void)
{
    pae_mode();
    s.guest.rip = 0x100;
    s.guest.rflags |= RFLAGS_VM;
    for (enum seg i = SEG_ES; i <= SEG_GS; i++) {
        set_seg(i, 0x1234, 0x12340, 0xffff, 0xf3);
    }
}

static void real_mode(void)
{
    long_mode();
    s.ctl.entry &= ~VMX_ENTRY_GUEST_64BIT;
    s.ctl.proc2 |= VMX_PROC2_UNRESTRICTED;
    s.guest.cr0 = CR0_ET | CR0_NE | CR0_CD | CR0_NW;
    s.guest.cr3 = 0;
    s.guest.cr4 = CR4_VMXE;
    s.guest.efer = 0;
    s.guest.rip = 0xfff0;
    s.guest.rflags = RFLAGS_FIXED;
    for (enum seg i = SEG_ES; i <= SEG_GS; i++) {
        set_seg(i, 0, 0, 0xffff, 0x93);
    }
    set_seg(SEG_CS, 0xf000, 0xffff0000, 0xffff, 0x9b);
    set_seg(SEG_LDTR, 0, 0, 0xffff, SEG_ATTR_UNUSABLE);
    set_seg(SEG_TR, 0, 0, 0xffff, 0x8b);
    s.guest.segs.gdtr = (struct segment){ .base = 0, .limit = 0xffff };
    s.guest.segs.idtr = (struct segment){ .base = 0, .limit = 0xffff };
}

/* Ring 3, with data segments that are not usable, as Linux leaves them. */
static void user_mode(void)
{
    long_mode();
    set_seg(SEG_CS, 0x33, 0, 0xffffffff, 0xa0fb);
    set_seg(SEG_SS, 0x2b, 0, 0xffffffff, 0xc0f3);
    set_seg(SEG_DS, 0, UINT64_MAX, 0, SEG_ATTR_UNUSABLE);
    set_seg(SEG_ES, 0, UINT64_MAX, 0, SEG_ATTR_UNUSABLE);
    set_seg(SEG_FS, 0, 0x7f0000001000, 0, SEG_ATTR_UNUSABLE);
}
