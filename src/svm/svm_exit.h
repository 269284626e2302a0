/* From the hardware's words about a #VMEXIT to a struct vm_exit. Pure: no lock. AMD APM vol. 2,
 * appendix "SVM Intercept Exit Codes". */
#pragma once
#include "hv/exit.h"
#include "hv/insn.h"
#include <stdint.h>

enum {
    SVM_EXIT_EXCP_FIRST = 0x40,
    SVM_EXIT_EXCP_DB = 0x41,
    SVM_EXIT_EXCP_LAST = 0x5f,
    SVM_EXIT_INTR = 0x60,
    SVM_EXIT_VINTR = 0x64,
    SVM_EXIT_IRET = 0x74,
    SVM_EXIT_PAUSE = 0x77,
    SVM_EXIT_ROWS = 0x90,
    SVM_EXIT_NPF = 0x400,
};

/* Which of the instruction is needed, unless the CPU tells it. */
enum svm_needs {
    SVM_NEEDS_NOTHING,
    SVM_NEEDS_LEN,
    SVM_NEEDS_IO, /* port I/O tells where the next instruction is; of INS and OUTS more is needed */
    SVM_NEEDS_CR, /* the register that is moved */
};

struct svm_exit_raw {
    uint64_t code, info1, info2;
    const struct insn *insn; /* NULL if nothing of it is needed */
    uint16_t lmsw_source;    /* of an LMSW: the word that it loads */
};

struct svm_exit_row {
    enum exit_kind kind;
    enum svm_needs needs;
    void (*decode)(const struct svm_exit_raw *, struct vm_exit *); /* NULL: the kind says it all */
    bool on_demand; /* not intercepted all the time */
};

/* By exit code, which is also the number of the intercept; a code that is not named has a row of
 * zeros: EXIT_UNKNOWN. */
extern const struct svm_exit_row svm_exit_rows[SVM_EXIT_ROWS];

/* The row of any exit code. Never NULL. */
const struct svm_exit_row *svm_exit_row(uint64_t code);

/* True if the instruction must be fetched and decoded before svm_exit_row.decode. next_rip: as
 * the VMCB has it, 0 if the CPU does not tell; decode_assists: whether it offers them. */
bool svm_wants_insn(const struct svm_exit_row *row, uint64_t info1, uint64_t next_rip,
                    bool decode_assists);

/* LMSW, which a CPU does not tell from MOV to CR0. */
bool svm_is_lmsw(const struct insn *in);
