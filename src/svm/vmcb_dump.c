#include "svm/vmcb_dump.h"
#include "hv/dump_line.h"
#include "lib/log.h"
#include "lib/mem.h"

/* clang-format off */
#define FIELD(name, member) { name, offsetof(struct vmcb, member), sizeof(((struct vmcb *)0)->member) }
#define PART(name, member, part)                                             \
    { name, offsetof(struct vmcb, member) + offsetof(struct vmcb_seg, part), \
      sizeof(((struct vmcb_seg *)0)->part) }
#define TABLE(name, member) PART(name "_LIMIT", member, limit), PART(name "_BASE", member, base)
#define SEGMENT(name, member) \
    PART(name "_SEL", member, sel), PART(name "_ATTR", member, attr), TABLE(name, member)
/* The bytes of an instruction are no number, but a number holds eight of them, the first lowest. */
#define BYTES(name, first, count) { name, offsetof(struct vmcb, insn_bytes) + (first), (count) }

const struct vmcb_field vmcb_fields[] = {
    FIELD("CR_READS", cr_reads),
    FIELD("CR_WRITES", cr_writes),
    FIELD("DR_ACCESSES", dr_accesses),
    FIELD("EXCEPTIONS", exceptions),
    FIELD("INTERCEPTS0", intercepts[0]),
    FIELD("INTERCEPTS1", intercepts[1]),
    FIELD("INTERCEPTS2", intercepts[2]),
    FIELD("PAUSE_THRESHOLD", pause_threshold),
    FIELD("PAUSE_COUNT", pause_count),
    FIELD("IOPM", iopm),
    FIELD("MSRPM", msrpm),
    FIELD("TSC_OFFSET", tsc_offset),
    FIELD("ASID", asid),
    FIELD("TLB_CONTROL", tlb_control),
    FIELD("VINTR", vintr),
    FIELD("SHADOW", shadow),
    FIELD("EXIT_CODE", exit_code),
    FIELD("EXIT_INFO1", exit_info1),
    FIELD("EXIT_INFO2", exit_info2),
    FIELD("EXIT_INT_INFO", exit_int_info),
    FIELD("NESTED_CTL", nested_ctl),
    FIELD("AVIC_BAR", avic_bar),
    FIELD("GHCB", ghcb),
    FIELD("EVENT", event),
    FIELD("NESTED_CR3", nested_cr3),
    FIELD("LBR_CTL", lbr_ctl),
    FIELD("CLEAN", clean),
    FIELD("NEXT_RIP", next_rip),
    FIELD("INSN_COUNT", insn_count),
    BYTES("INSN_BYTES0", 0, 8),
    BYTES("INSN_BYTES8", 8, 7),
    SEGMENT("ES", es),
    SEGMENT("CS", cs),
    SEGMENT("SS", ss),
    SEGMENT("DS", ds),
    SEGMENT("FS", fs),
    SEGMENT("GS", gs),
    TABLE("GDTR", gdtr),
    SEGMENT("LDTR", ldtr),
    TABLE("IDTR", idtr),
    SEGMENT("TR", tr),
    FIELD("CPL", cpl),
    FIELD("EFER", efer),
    FIELD("CR4", cr4),
    FIELD("CR3", cr3),
    FIELD("CR0", cr0),
    FIELD("DR7", dr7),
    FIELD("DR6", dr6),
    FIELD("RFLAGS", rflags),
    FIELD("RIP", rip),
    FIELD("RSP", rsp),
    FIELD("RAX", rax),
    FIELD("STAR", star),
    FIELD("LSTAR", lstar),
    FIELD("CSTAR", cstar),
    FIELD("SFMASK", sfmask),
    FIELD("KERNEL_GS_BASE", kernel_gs_base),
    FIELD("SYSENTER_CS", sysenter_cs),
    FIELD("SYSENTER_ESP", sysenter_esp),
    FIELD("SYSENTER_EIP", sysenter_eip),
    FIELD("CR2", cr2),
    FIELD("PAT", pat),
    FIELD("DEBUGCTL", debugctl),
    FIELD("BRANCH_FROM", branch_from),
    FIELD("BRANCH_TO", branch_to),
    FIELD("EXCEPTION_FROM", exception_from),
    FIELD("EXCEPTION_TO", exception_to),
};
/* clang-format on */
const size_t vmcb_field_count = ARRAY_SIZE(vmcb_fields);

void vmcb_dump(const struct vmcb *vmcb)
{
    struct dump_line line = { .used = 0 };

    log_error("VMCB:");
    for (size_t i = 0; i < vmcb_field_count; i++) {
        const struct vmcb_field *f = &vmcb_fields[i];
        uint64_t value = 0;

        memcpy(&value, (const uint8_t *)vmcb + f->offset, f->size);
        dump_line_add(&line, f->name, value);
    }
    dump_line_end(&line);
}
