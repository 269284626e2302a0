#include "guest/start.h"
#include "hv/vm.h"
#include "lib/mem.h"

/* Access rights (regs.h): present, DPL 0, and busy TSS, read-write data, execute-read code. */
enum {
    AR_CODE64 = 0xa09b,
    AR_CODE32 = 0xc09b,
    AR_DATA32 = 0xc093,
    AR_CODE16 = 0x9b,
    AR_DATA16 = 0x93,
    AR_TSS64 = 0x8b,
    AR_LDT = 0x82
};

static const uint64_t gdt[] = {
    [START_CS64 / 8] = UINT64_C(0x00af9b000000ffff),
    [START_DS / 8] = UINT64_C(0x00cf93000000ffff),
    [START_CS32 / 8] = UINT64_C(0x00cf9b000000ffff),
};

struct start_state {
    struct vcpu_crs crs; /* cr3 comes from the tables */
    struct segment cs, data, tr, ldtr;
    uint32_t gdt_limit, idt_limit;
};

static const struct start_state states[START_MODES] = {
    [START_RESET] = {
        .crs = { .cr0 = CR0_ET },
        .cs = { .sel = 0xf000, .base = 0xffff0000, .limit = 0xffff, .attr = AR_CODE16 },
        .data = { .limit = 0xffff, .attr = AR_DATA16 },
        .tr = { .limit = 0xffff, .attr = AR_TSS64 },
        .ldtr = { .limit = 0xffff, .attr = AR_LDT },
        .gdt_limit = 0xffff,
        .idt_limit = 0xffff,
    },
    [START_REAL] = {
        .crs = { .cr0 = CR0_ET },
        .cs = { .limit = 0xffff, .attr = AR_CODE16 },
        .data = { .limit = 0xffff, .attr = AR_DATA16 },
        .tr = { .limit = 0xffff, .attr = AR_TSS64 },
        .ldtr = { .limit = 0xffff, .attr = AR_LDT },
        .idt_limit = 0x3ff,
    },
    [START_PROT] = {
        .crs = { .cr0 = CR0_PE | CR0_ET },
        .cs = { .sel = START_CS32, .limit = UINT32_MAX, .attr = AR_CODE32 },
        .data = { .sel = START_DS, .limit = UINT32_MAX, .attr = AR_DATA32 },
        .tr = { .limit = 0x67, .attr = AR_TSS64 },
        .ldtr = { .attr = SEG_ATTR_UNUSABLE },
        .gdt_limit = sizeof gdt - 1,
    },
    [START_LONG] = {
        .crs = { .cr0 = CR0_PE | CR0_ET | CR0_PG, .cr4 = CR4_PAE, .efer = EFER_LME | EFER_LMA },
        .cs = { .sel = START_CS64, .limit = UINT32_MAX, .attr = AR_CODE64 },
        .data = { .sel = START_DS, .limit = UINT32_MAX, .attr = AR_DATA32 },
        .tr = { .limit = 0x67, .attr = AR_TSS64 },
        .ldtr = { .attr = SEG_ATTR_UNUSABLE },
        .gdt_limit = sizeof gdt - 1,
    },
};

bool start_write_tables(const struct vcpu *v, const struct start_tables *at)
{
    enum { PRESENT_WRITE = 3, LARGE = 0x80, PDS = 4 };
    const uint64_t entries = PAGE_SIZE / 8;
    uint64_t *page = vm_ram(v->vm, at->page_tables, START_TABLE_PAGES * PAGE_SIZE);
    uint64_t *pd;

    if (!page || vm_copy_out(v->vm, at->gdt, gdt, sizeof gdt) != ERR_NONE) {
        return false;
    }
    memset(page, 0, START_TABLE_PAGES * PAGE_SIZE);
    page[0] = (at->page_tables.v + PAGE_SIZE) | PRESENT_WRITE;
    for (unsigned i = 0; i < PDS; i++) {
        page[entries + i] = (at->page_tables.v + (2 + i) * PAGE_SIZE) | PRESENT_WRITE;
    }
    pd = page + 2 * entries;
    for (uint64_t i = 0; i < PDS * entries; i++) {
        pd[i] = i * 2 * MIB | PRESENT_WRITE | LARGE;
    }
    return true;
}

/* All but RIP and RSP. */
static void set_state(struct vcpu *v, const struct start_state *s, gpa_t gdt_at, uint64_t cr3)
{
    const struct virt_ops *ops = v->vm->ops;
    struct vcpu_segs segs = {
        .gdtr = {.base = gdt_at.v, .limit = s->gdt_limit },
          .idtr = { .limit = s->idt_limit              }
    };
    struct vcpu_crs crs = s->crs;

    for (unsigned i = 0; i < SEG_LDTR; i++) {
        segs.seg[i] = s->data;
    }
    segs.seg[SEG_CS] = s->cs;
    segs.seg[SEG_LDTR] = s->ldtr;
    segs.seg[SEG_TR] = s->tr;
    crs.cr3 = cr3;
    ops->set_segs(v, &segs);
    ops->set_crs(v, &crs);
    memset(&v->regs, 0, sizeof v->regs);
    v->regs.rflags = RFLAGS_FIXED;
    v->regs_loaded = true;
}

void start_set_state(struct vcpu *v, enum start_mode mode, const struct start_tables *at,
                     gpa_t entry, uint64_t rsp)
{
    struct start_state s = states[mode];

    if (mode == START_REAL) {
        s.cs.sel = (uint16_t)(entry.v >> 4);
        s.cs.base = entry.v;
    }
    set_state(v, &s, at->gdt, mode == START_LONG ? at->page_tables.v : 0);
    v->regs.gpr[RSP] = rsp;
    v->regs.rip = mode == START_REAL ? 0 : entry.v;
    v->vm->ops->set_rip(v);
}

void start_reset(struct vcpu *v)
{
    enum { RESET_OFFSET = 0xfff0 };

    set_state(v, &states[START_RESET], GPA(0), 0);
    v->regs.rip = RESET_OFFSET;
    v->vm->ops->set_rip(v);
    v->event.type = EVENT_NONE;
    v->nmi_pending = false;
    v->halted = false;
    v->vm->ops->reset(v);
    v->look = true;              /* also puts away a window that was asked for */
    v->osxsave = v->pke = false; /* as CR4 is */
    v->pv_eoi = 0;
    v->pv_eoi_armed = false;
    v->kvm_system_time = 0;
    idle_hold(v, 0);
    v->idle = (struct idle_watch){ 0 };
}
