#include "vmx/vmx_ctl.h"
#include "arch/x86_64/msr.h"
#include "lib/bits.h"
#include "vmx/vmx_bits.h"
#include <stddef.h>

enum need { NEED, WANT, NEVER };
enum word { PIN, PROC, PROC2, EXIT, ENTRY, WORD_COUNT };

struct rule {
    enum word word;
    uint32_t bit;
    enum need need;
    const char *what;
};

static const struct rule rules[] = {
    {PIN,    VMX_PIN_EXTINT,         NEED,  "external-interrupt exiting"                       },
    { PIN,   VMX_PIN_NMI,            NEED,  "NMI exiting"                                      },
    { PIN,   VMX_PIN_VIRTUAL_NMIS,   NEED,  "virtual NMIs"                                     },
    { PIN,   VMX_PIN_TIMER,          NEED,  "VMX-preemption timer"                             },
    { PROC,  VMX_PROC_HLT,           NEED,  "HLT exiting"                                      },
    { PROC,  VMX_PROC_MWAIT,         NEED,  "MWAIT exiting"                                    },
    { PROC,  VMX_PROC_MONITOR,       NEED,  "MONITOR exiting"                                  },
    { PROC,  VMX_PROC_RDPMC,         NEED,  "RDPMC exiting"                                    },
    { PROC,  VMX_PROC_CR8_LOAD,      NEED,  "CR8-load exiting"                                 },
    { PROC,  VMX_PROC_CR8_STORE,     NEED,  "CR8-store exiting"                                },
    { PROC,  VMX_PROC_IO_BITMAPS,    NEED,  "I/O bitmaps"                                      },
    { PROC,  VMX_PROC_MSR_BITMAPS,   NEED,  "MSR bitmaps"                                      },
    { PROC,  VMX_PROC_PROC2,         NEED,  "secondary controls"                               },
    { PROC,  VMX_PROC_CR3_LOAD,      NEVER, "an exit on every CR3 load (no TRUE control MSRs)" },
    { PROC,  VMX_PROC_CR3_STORE,     NEVER, "an exit on every CR3 store (no TRUE control MSRs)"},
    { PROC,  VMX_PROC_INVLPG,        NEVER, "an exit on every INVLPG"                          },
    { PROC,  VMX_PROC_RDTSC,         NEVER, "an exit on every RDTSC"                           },
    { PROC,  VMX_PROC_INTR_WINDOW,   NEVER, "interrupt-window exiting"                         },
    { PROC,  VMX_PROC_NMI_WINDOW,    NEVER, "NMI-window exiting"                               },
    { PROC2, VMX_PROC2_EPT,          NEED,  "EPT (nested page tables)"                         },
    { PROC2, VMX_PROC2_VPID,         WANT,  "VPID (tagged TLB entries)"                        },
    { PROC2, VMX_PROC2_UNRESTRICTED, WANT,  "unrestricted guest (real-mode guests)"            },
    { PROC2, VMX_PROC2_RDTSCP,       WANT,  "RDTSCP in a guest"                                },
    { PROC2, VMX_PROC2_INVPCID,      WANT,  "INVPCID in a guest"                               },
    { EXIT,  VMX_EXIT_HOST_64BIT,    NEED,  "64-bit host"                                      },
    { EXIT,  VMX_EXIT_SAVE_DEBUG,    NEED,  "saving of debug controls"                         },
    { EXIT,  VMX_EXIT_SAVE_EFER,     NEED,  "saving of EFER on exit"                           },
    { EXIT,  VMX_EXIT_LOAD_EFER,     NEED,  "loading of EFER on exit"                          },
    { EXIT,  VMX_EXIT_SAVE_PAT,      NEED,  "saving of PAT on exit"                            },
    { EXIT,  VMX_EXIT_LOAD_PAT,      NEED,  "loading of PAT on exit"                           },
    { ENTRY, VMX_ENTRY_LOAD_DEBUG,   NEED,  "loading of debug controls"                        },
    { ENTRY, VMX_ENTRY_LOAD_EFER,    NEED,  "loading of EFER on entry"                         },
    { ENTRY, VMX_ENTRY_LOAD_PAT,     NEED,  "loading of PAT on entry"                          },
};

static bool judge(const struct rule *r, const uint64_t cap[WORD_COUNT], uint32_t out[WORD_COUNT],
                  struct preflight *report)
{
    bool may = hi32(cap[r->word]) & r->bit;
    bool must = lo32(cap[r->word]) & r->bit;

    if (r->need == NEVER) {
        if (must && report) {
            preflight_add(report, r->what, false, true, "this CPU forces it on");
        }
        return !must;
    }
    out[r->word] |= may ? r->bit : 0;
    if (!may && report) {
        preflight_add(report, r->what, false, r->need == NEED, NULL);
    }
    return may || r->need == WANT;
}

bool vmx_ctl_negotiate(const struct vmx_limits *limits, struct vmx_ctls *out,
                       struct preflight *report)
{
    const uint64_t cap[WORD_COUNT] = {
        [PIN] = limits->pin_ctls,   [PROC] = limits->proc_ctls,   [PROC2] = limits->proc2_ctls,
        [EXIT] = limits->exit_ctls, [ENTRY] = limits->entry_ctls,
    };
    uint32_t word[WORD_COUNT];
    bool ok = true;

    for (unsigned i = 0; i < WORD_COUNT; i++) {
        word[i] = lo32(cap[i]);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(rules); i++) {
        ok &= judge(&rules[i], cap, word, report);
    }
    *out = (struct vmx_ctls){
        word[PIN], word[PROC], word[PROC2], word[EXIT], word[ENTRY],
    };
    return ok;
}

enum vmx_lock vmx_feature_control(uint64_t value)
{
    if (!(value & FEATURE_CONTROL_LOCK)) {
        return VMX_LOCK_OPEN;
    }
    return value & FEATURE_CONTROL_VMX_OUTSIDE ? VMX_LOCK_ON : VMX_LOCK_OFF;
}
