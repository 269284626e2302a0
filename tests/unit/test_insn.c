#include "hv/insn.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Decodes a copy that ends where `count` says, so that ASan sees a read too far. */
static enum insn_result decode(const uint8_t *bytes, unsigned count, enum insn_mode mode,
                               struct insn *out)
{
    uint8_t *copy = malloc(count ? count : 1);
    enum insn_result r;

    assert_non_null(copy);
    memcpy(copy, bytes, count);
    r = insn_decode(copy, count, mode, out);
    free(copy);
    return r;
}

static unsigned from_hex(const char *hex, uint8_t *bytes)
{
    unsigned n = 0, at = 0;
    int used;

    while (sscanf(hex + at, "%2hhx%n", &bytes[n], &used) == 1) {
        at += (unsigned)used;
        n++;
    }
    return n;
}

/* The lengths of all opcodes, from an independent decoder (Zydis 4.0): prefix, opcode, then 44 88
 * 11 11 ..., that is ModRM /0 with a SIB byte and disp8. A dot is no claim. */
static const struct {
    enum insn_mode mode;
    const char *prefix;
    const char *len[4];
} opcode_lengths[] = {
    {INSN_64,
     "",   { "444425..444425..444425..444425..444425..444425..444425..444425..",
        "................1111111111111111...4....582511112222222222222222",
        "58.54444444444441111111111.1111199991111251111112222222255555555",
        "5531..58413112.14444...1444444442222222255.21111.1..115811111144" }  },
    { INSN_32,
     "",   { "444425114444251.4444251144442511444425.1444425.1444425.1444425.1",
        "1111111111111111111111111111111111.4....582511112222222222222222",
        "5855444444444444111111111171111155551111251111112222222255555555",
        "5531..584131121144442211444444442222222255721111.1..115811111144" }  },
    { INSN_16,
     "",   { "333323113333231.3333231133332311333323.1333323.1333323.1333323.1",
        "1111111111111111111111111111111111.3....352411112222222222222222",
        "4544333333333333111111111151111133331111231111112222222233333333",
        "4431..454131121133332211333333332222222233521111.1..114511111133" }  },
    { INSN_64,
     "66", { "555534..555534..555534..555534..555534..555534..555534..555534..",
        "................2222222222222222...5....473622223333333333333333",
        "67.65555555555552222222222.22222aaaa2222342222223333333344444444",
        "6642..67524223.25555...25555555533333333...32222.2..226722222255" }},
    { INSN_64,
     "0f", { "5555.22222.2.52.55555555555555553333....55555555222222.2........",
        "5555555555555555.555555555555555555555555555..556...555255....55",
        "66666666666666665555555555555555222565..2225655555555555.5.55555",
        "55656.6.22222222.55555..55555555555555.555555555.555555.55555555" }},
    { INSN_16,
     "0f", { "4444.22222.2.42.4444444444..44443333....44444444222222.2........",
        "4444444444444444.444444444444444444444444444..445...444244....44",
        "44444444444444444444444444444444222454..2224544444444444.4.44444",
        "44545.5.22222222.44444..44444444444444.444444444.444444.44444444" }},
};

static void every_opcode_has_its_length(void **state)
{
    (void)state;
    for (unsigned t = 0; t < sizeof(opcode_lengths) / sizeof(opcode_lengths[0]); t++) {
        for (unsigned op = 0; op < 256; op++) {
            char digit[2] = { opcode_lengths[t].len[op / 64][op % 64] };
            uint8_t bytes[15];
            unsigned n = from_hex(opcode_lengths[t].prefix, bytes);
            struct insn in;

            if (digit[0] == '.') {
                continue;
            }
            memset(bytes + n, 0x11, sizeof(bytes) - n);
            bytes[n] = (uint8_t)op;
            bytes[n + 1] = 0x44;
            bytes[n + 2] = 0x88;
            if (insn_decode(bytes, 15, opcode_lengths[t].mode, &in) != INSN_OK ||
                in.len != strtoul(digit, NULL, 16)) {
                fail_msg("mode %d, %s %02x: %u bytes, not %s", opcode_lengths[t].mode,
                         opcode_lengths[t].prefix, op, in.len, digit);
            }
        }
    }
}

/* Lengths that depend on more than the opcode. */
static const struct {
    enum insn_mode mode;
    const char *bytes;
} whole[] = {
    {INSN_64,  "f6 04 24 01"                                 }, /* TEST m8, imm8 has an immediate, */
    { INSN_64, "f6 14 24"                                    }, /* NOT does not */
    { INSN_64, "66 f7 04 24 01 02"                           }, /* TEST m16, imm16 */
    { INSN_64, "48 b8 01 02 03 04 05 06 07 08"               }, /* MOV rax, imm64 */
    { INSN_64, "66 48 81 00 01 02 03 04"                     }, /* REX.W wins over 66 */
    { INSN_64, "67 a1 01 02 03 04"                           }, /* moffs goes by the address size */
    { INSN_32, "67 a1 01 02"                                 },
    { INSN_64, "66 e8 01 02 03 04"                           }, /* CALL ignores 66 in 64-bit mode, */
    { INSN_32, "66 e8 01 02"                                 }, /* but not elsewhere */
    { INSN_32, "9a 01 02 03 04 05 06"                        }, /* far CALL */
    { INSN_16, "ea 5b e0 00 f0"                              }, /* far JMP */
    { INSN_64, "0f 22 1c"                                    }, /* MOV cr3: mod is ignored, no SIB byte follows */
    { INSN_64, "44 0f 20 c0"                                 }, /* MOV rax, cr8 */
    { INSN_64, "0f ba 20 05"                                 }, /* BT m32, imm8 */
    { INSN_64, "0f 01 d1"                                    }, /* XSETBV */
    { INSN_64, "0f c7 0e"                                    }, /* CMPXCHG8B */
    { INSN_64, "66 0f 38 82 08"                              }, /* INVPCID */
    { INSN_64, "66 0f 3a 0f c1 08"                           }, /* PALIGNR */
    { INSN_64, "66 0f 78 c0 01 02"                           }, /* EXTRQ has two bytes, */
    { INSN_64, "0f 78 c1"                                    }, /* VMREAD none */
    { INSN_64, "c5 f8 77"                                    }, /* VZEROUPPER has no ModRM */
    { INSN_64, "c5 fd 6f 44 24 10"                           }, /* VMOVDQA */
    { INSN_64, "c4 e2 78 f2 01"                              }, /* ANDN */
    { INSN_64, "c4 e3 7b f0 c1 05"                           }, /* RORX */
    { INSN_64, "c5 f9 70 c1 05"                              }, /* VPSHUFD */
    { INSN_64, "62 f1 fd 48 6f 44 24 01"                     }, /* VMOVDQA64 */
    { INSN_64, "62 f3 75 48 3a c1 01"                        }, /* VINSERTI32x8 */
    { INSN_64, "62 f5 74 48 58 c1"                           }, /* VADDPH */
    { INSN_32, "c5 06"                                       }, /* LDS, since a VEX would have ones there */
    { INSN_32, "c4 44 24 10"                                 }, /* LES */
    { INSN_32, "c5 f8 77"                                    },
    { INSN_32, "62 06"                                       }, /* BOUND */
    { INSN_32, "62 f1 7d 48 6f 01"                           },
    { INSN_64, "8f 00"                                       }, /* POP */
    { INSN_64, "f3 0f b8 c1"                                 },
    { INSN_64, "f3 0f 1e fa"                                 }, /* ENDBR64 */
    { INSN_64, "66 2e 0f 1f 84 00 00 00 00 00"               },
    { INSN_16, "66 67 8b 84 88 01 02 03 04"                  },
    { INSN_16, "66 81 06 01 02 03 04 05 06"                  },
    { INSN_16, "67 66 c7 05 01 02 03 04 05 06 07 08"         },
    { INSN_64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 90"}, /* 15 bytes */
};

static void a_part_of_an_instruction_is_truncated(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        uint8_t bytes[32] = { 0 };
        unsigned n = from_hex(whole[i].bytes, bytes);
        struct insn in;

        for (unsigned count = 0; count < n; count++) {
            if (decode(bytes, count, whole[i].mode, &in) != INSN_TRUNCATED) {
                fail_msg("%s cut to %u bytes", whole[i].bytes, count);
            }
        }
        if (decode(bytes, 32, whole[i].mode, &in) != INSN_OK || in.len != n) {
            fail_msg("%s: %u bytes", whole[i].bytes, in.len);
        }
    }
}

static void what_is_no_instruction_is_invalid(void **state)
{
    static const struct {
        enum insn_mode mode;
        const char *bytes;
    } row[] = {
        {INSN_64,  "06"                                                         }, /* PUSH es */
        { INSN_64, "82 00 00"                                                   },
        { INSN_64, "9a 00 00 00 00 00 00"                                       },
        { INSN_64, "ce"                                                         },
        { INSN_64, "d4 0a"                                                      },
        { INSN_64, "0f 04"                                                      },
        { INSN_64, "0f 24 c0"                                                   }, /* MOV from a test register */
        { INSN_64, "8f 28 40 96 b9 a3 ff 66 90 90"                              }, /* XOP */
        { INSN_64, "c4 e0 78 00 00"                                             }, /* VEX map 0 */
        { INSN_64, "62 f7 7c 48 00 00"                                          }, /* EVEX map 7 */
        { INSN_64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90"            }, /* 16 bytes */
        { INSN_64, "2e 2e 2e 2e 2e 2e 2e 2e 2e 81 04 25 01 02 03 04 01 02 03 04"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        uint8_t bytes[32] = { 0 };
        struct insn in;

        (void)from_hex(row[i].bytes, bytes);
        if (decode(bytes, 32, row[i].mode, &in) != INSN_INVALID) {
            fail_msg("%s is taken to be valid", row[i].bytes);
        }
    }
}

/* Whatever the bytes: no read too far, the same answer from just enough of them, none from fewer.
 */
static void random_bytes_are_safe(void **state)
{
    static const enum insn_mode modes[] = { INSN_16, INSN_32, INSN_64 };
    unsigned seed = 1;

    (void)state;
    for (unsigned i = 0; i < 60000; i++) {
        enum insn_mode mode = modes[i % 3];
        uint8_t bytes[15];
        struct insn in, again;

        for (unsigned j = 0; j < 15; j++) {
            seed = seed * 1103515245 + 12345;
            bytes[j] = (uint8_t)(seed >> 16);
        }
        if (decode(bytes, 15, mode, &in) == INSN_OK) {
            assert_in_range(in.len, 1, 15);
            assert_int_equal(decode(bytes, in.len, mode, &again), INSN_OK);
            assert_int_equal(in.len, again.len);
            assert_int_equal(decode(bytes, in.len - 1U, mode, &again), INSN_TRUNCATED);
        }
    }
}

static const char *const op_name[INSN_OP_COUNT] = {
    "other",   "add",  "or",   "adc",  "sbb",   "and",   "sub",      "xor",  "cmp", "test", "not",
    "neg",     "inc",  "dec",  "bt",   "bts",   "btr",   "btc",      "rol",  "ror", "rcl",  "rcr",
    "shl",     "shr",  "sar",  "mov",  "movzx", "movsx", "mov sreg", "push", "pop", "xchg", "xadd",
    "cmpxchg", "stos", "lods", "scas", "movs",  "cmps",  "ins",      "outs",
};
static const char *const seg_name[] = { "es", "cs", "ss", "ds", "fs", "gs" };

/* One line: operation.size, operands in order, prefixes, address size, what it does to memory. */
static void describe(const struct insn *in, char *line, size_t size)
{
    char reg[16], imm[32], mem[64];
    const char *first, *second;
    const struct insn_mem *m = &in->mem;

    snprintf(reg, sizeof(reg), "r%u%s.%u", in->reg, in->reg_high ? "h" : "", in->op_size);
    snprintf(imm, sizeof(imm), "%lld", (long long)in->imm);
    snprintf(mem, sizeof(mem), "r%u", in->rm);
    if (in->has_mem) {
        char base[8] = "", index[16] = "";

        if (m->base != INSN_NO_REG) {
            snprintf(base, sizeof(base), "r%u", m->base);
        }
        if (m->index != INSN_NO_REG) {
            snprintf(index, sizeof(index), "+r%u*%u", m->index, m->scale);
        }
        snprintf(mem, sizeof(mem), "%s:[%s%s%s%+lld].%u", seg_name[m->seg],
                 m->rip_relative ? "rip" : "", base, index, (long long)m->disp, in->mem_size);
    }
    first = in->form == INSN_REG_RM ? reg : mem;
    second = in->form == INSN_RM       ? NULL
             : in->form == INSN_RM_IMM ? imm
             : in->form == INSN_RM_CL  ? "cl"
             : in->form == INSN_REG_RM ? mem
                                       : reg;
    snprintf(line, size, "%s%s%s %s%s%s a%u %s%s", in->lock ? "lock " : "",
             in->rep == 0xF3   ? "rep "
             : in->rep == 0xF2 ? "repne "
                               : "",
             op_name[in->op], first, second ? ", " : "", second ? second : "", in->addr_size,
             in->read ? "r" : "", in->write ? "w" : "");
}

static const struct {
    enum insn_mode mode;
    const char *bytes, *expect;
} operands[] = {
  /* loads and stores of every size and register */
    {INSN_64,  "88 07",                      "mov ds:[r7+0].1, r0.1 a8 w"                },
    { INSN_64, "88 27",                      "mov ds:[r7+0].1, r0h.1 a8 w"               },
    { INSN_64, "40 88 27",                   "mov ds:[r7+0].1, r4.1 a8 w"                },
    { INSN_64, "44 88 27",                   "mov ds:[r7+0].1, r12.1 a8 w"               },
    { INSN_64, "66 89 07",                   "mov ds:[r7+0].2, r0.2 a8 w"                },
    { INSN_64, "89 07",                      "mov ds:[r7+0].4, r0.4 a8 w"                },
    { INSN_64, "4d 89 1f",                   "mov ds:[r15+0].8, r11.8 a8 w"              },
    { INSN_64, "8a 3e",                      "mov r3h.1, ds:[r6+0].1 a8 r"               },
    { INSN_64, "8b 87 30 00 00 00",          "mov r0.4, ds:[r7+48].4 a8 r"               },
    { INSN_64, "c6 07 80",                   "mov ds:[r7+0].1, -128 a8 w"                },
    { INSN_64, "48 c7 07 fe ff ff ff",       "mov ds:[r7+0].8, -2 a8 w"                  },
    { INSN_16, "c7 06 34 12 cd ab",          "mov ds:[+4660].2, -21555 a2 w"             },
    { INSN_64, "a0 b0 00 e0 fe 00 00 00 80", "mov r0.1, ds:[-9223372032578682704].1 a8 r"},
    { INSN_32, "a1 20 00 e0 fe",             "mov r0.4, ds:[+4276092960].4 a4 r"         },
    { INSN_32, "66 a3 b0 00 e0 fe",          "mov ds:[+4276093104].2, r0.2 a4 w"         },
    { INSN_16, "26 a2 00 80",                "mov es:[+32768].1, r0.1 a2 w"              },
    { INSN_64, "0f b6 07",                   "movzx r0.4, ds:[r7+0].1 a8 r"              },
    { INSN_64, "48 0f b7 07",                "movzx r0.8, ds:[r7+0].2 a8 r"              },
    { INSN_64, "66 0f be 27",                "movsx r4.2, ds:[r7+0].1 a8 r"              },
    { INSN_64, "4c 0f bf 07",                "movsx r8.8, ds:[r7+0].2 a8 r"              },
    { INSN_64, "48 63 07",                   "movsx r0.8, ds:[r7+0].4 a8 r"              },
    { INSN_64, "66 63 07",                   "movsx r0.2, ds:[r7+0].2 a8 r"              },
    { INSN_32, "63 07",                      "other ds:[r7+0].0 a4 "                     }, /* ARPL */
  /* addressing */
    { INSN_64, "8b 05 f6 ff ff ff",          "mov r0.4, ds:[rip-10].4 a8 r"              },
    { INSN_64, "67 8b 05 00 01 00 00",       "mov r0.4, ds:[rip+256].4 a4 r"             },
    { INSN_32, "8b 05 00 01 00 00",          "mov r0.4, ds:[+256].4 a4 r"                },
    { INSN_64, "8b 04 25 f0 ff ff ff",       "mov r0.4, ds:[-16].4 a8 r"                 },
    { INSN_64, "8b 44 24 08",                "mov r0.4, ss:[r4+8].4 a8 r"                },
    { INSN_64, "8b 45 f8",                   "mov r0.4, ss:[r5-8].4 a8 r"                },
    { INSN_64, "41 8b 45 f8",                "mov r0.4, ds:[r13-8].4 a8 r"               },
    { INSN_64, "41 8b 04 24",                "mov r0.4, ds:[r12+0].4 a8 r"               },
    { INSN_64, "41 8b 04 a5 01 00 00 00",    "mov r0.4, ds:[+1].4 a8 r"                  },
    { INSN_64, "42 8b 04 a1",                "mov r0.4, ds:[r1+r12*4+0].4 a8 r"          },
    { INSN_64, "8b 84 cd 00 00 00 80",       "mov r0.4, ss:[r5+r1*8-2147483648].4 a8 r"  },
    { INSN_16, "8b 00",                      "mov r0.2, ds:[r3+r6*1+0].2 a2 r"           },
    { INSN_16, "8b 4b 80",                   "mov r1.2, ss:[r5+r7*1-128].2 a2 r"         },
    { INSN_16, "8b 46 02",                   "mov r0.2, ss:[r5+2].2 a2 r"                },
    { INSN_16, "8b 97 00 80",                "mov r2.2, ds:[r3-32768].2 a2 r"            },
    { INSN_16, "66 67 8b 04 58",             "mov r0.4, ds:[r0+r3*2+0].4 a4 r"           },
    { INSN_32, "67 8b 06 00 90",             "mov r0.4, ds:[-28672].4 a2 r"              },
    { INSN_32, "36 8b 00",                   "mov r0.4, ss:[r0+0].4 a4 r"                },
    { INSN_32, "3e 8b 45 00",                "mov r0.4, ds:[r5+0].4 a4 r"                },
    { INSN_64, "65 8b 04 25 10 00 00 00",    "mov r0.4, gs:[+16].4 a8 r"                 },
    { INSN_64, "64 2e 8b 45 00",             "mov r0.4, fs:[r5+0].4 a8 r"                },
    { INSN_64, "3e 8b 45 00",                "mov r0.4, ss:[r5+0].4 a8 r"                },
    { INSN_64, "48 66 89 07",                "mov ds:[r7+0].2, r0.2 a8 w"                }, /* a REX out of place */
  /* arithmetic */
    { INSN_64, "00 07",                      "add ds:[r7+0].1, r0.1 a8 rw"               },
    { INSN_64, "f0 48 09 07",                "lock or ds:[r7+0].8, r0.8 a8 rw"           },
    { INSN_64, "12 07",                      "adc r0.1, ds:[r7+0].1 a8 r"                },
    { INSN_64, "1b 07",                      "sbb r0.4, ds:[r7+0].4 a8 r"                },
    { INSN_64, "39 07",                      "cmp ds:[r7+0].4, r0.4 a8 r"                },
    { INSN_64, "3b 07",                      "cmp r0.4, ds:[r7+0].4 a8 r"                },
    { INSN_64, "80 27 f0",                   "and ds:[r7+0].1, -16 a8 rw"                },
    { INSN_64, "66 81 2f 00 80",             "sub ds:[r7+0].2, -32768 a8 rw"             },
    { INSN_64, "48 83 37 ff",                "xor ds:[r7+0].8, -1 a8 rw"                 },
    { INSN_64, "83 3f 05",                   "cmp ds:[r7+0].4, 5 a8 r"                   },
    { INSN_64, "84 07",                      "test ds:[r7+0].1, r0.1 a8 r"               },
    { INSN_64, "f7 07 00 00 00 80",          "test ds:[r7+0].4, -2147483648 a8 r"        },
    { INSN_64, "f6 17",                      "not ds:[r7+0].1 a8 rw"                     },
    { INSN_64, "f7 1f",                      "neg ds:[r7+0].4 a8 rw"                     },
    { INSN_64, "f7 27",                      "other ds:[r7+0].0 a8 "                     }, /* MUL */
    { INSN_64, "fe 07",                      "inc ds:[r7+0].1 a8 rw"                     },
    { INSN_64, "48 ff 0f",                   "dec ds:[r7+0].8 a8 rw"                     },
    { INSN_16, "d0 07",                      "rol ds:[r3+0].1, 1 a2 rw"                  },
    { INSN_16, "26 d1 0d",                   "ror es:[r7+0].2, 1 a2 rw"                  },
    { INSN_16, "c0 17 09",                   "rcl ds:[r3+0].1, 9 a2 rw"                  },
    { INSN_16, "66 c1 1f 1f",                "rcr ds:[r3+0].4, 31 a2 rw"                 },
    { INSN_16, "d2 27",                      "shl ds:[r3+0].1, cl a2 rw"                 },
    { INSN_64, "48 d3 2f",                   "shr ds:[r7+0].8, cl a8 rw"                 },
    { INSN_32, "d3 37",                      "shl ds:[r7+0].4, cl a4 rw"                 },
    { INSN_32, "d1 3f",                      "sar ds:[r7+0].4, 1 a4 rw"                  },
    { INSN_64, "d1 f8",                      "sar r0, 1 a8 "                             },
    { INSN_16, "ff 37",                      "push ds:[r3+0].2 a2 r"                     },
    { INSN_32, "ff 37",                      "push ds:[r7+0].4 a4 r"                     },
    { INSN_64, "ff 37",                      "push ds:[r7+0].8 a8 r"                     },
    { INSN_64, "66 ff 37",                   "push ds:[r7+0].2 a8 r"                     },
    { INSN_16, "66 26 8f 07",                "pop es:[r3+0].4 a2 w"                      },
    { INSN_64, "8f 07",                      "pop ds:[r7+0].8 a8 w"                      },
    { INSN_16, "fe 37",                      "other ds:[r3+0].0 a2 "                     }, /* no PUSH of a byte */
    { INSN_16, "8c 1f",                      "mov sreg ds:[r3+0].2 a2 w"                 },
    { INSN_64, "4c 8c 27",                   "mov sreg ds:[r7+0].2 a8 w"                 },
    { INSN_64, "0f a3 07",                   "bt ds:[r7+0].4, r0.4 a8 r"                 },
    { INSN_64, "f0 0f ba 2f 03",             "lock bts ds:[r7+0].4, 3 a8 rw"             },
    { INSN_64, "0f b3 07",                   "btr ds:[r7+0].4, r0.4 a8 rw"               },
    { INSN_64, "0f ba 3f 03",                "btc ds:[r7+0].4, 3 a8 rw"                  },
    { INSN_64, "87 07",                      "xchg ds:[r7+0].4, r0.4 a8 rw"              },
    { INSN_64, "0f c1 07",                   "xadd ds:[r7+0].4, r0.4 a8 rw"              },
    { INSN_64, "0f b0 0f",                   "cmpxchg ds:[r7+0].1, r1.1 a8 rw"           },
    { INSN_32, "c4 c1 78 10 00",             "other ds:[r0+0].0 a4 "                     }, /* VEX.B is for 64-bit mode */
    { INSN_64, "c5 f8 b6 07",                "other ds:[r7+0].0 a8 "                     }, /* not MOVZX */
    { INSN_64, "01 c8",                      "add r0, r1.4 a8 "                          }, /* no memory */
    { INSN_64, "41 01 c8",                   "add r8, r1.4 a8 "                          },
    { INSN_64, "0f 22 d8",                   "other r0 a8 "                              }, /* MOV cr3, rax: not a string, not a store */
  /* strings */
    { INSN_64, "f3 48 ab",                   "rep stos es:[r7+0].8, r0.8 a8 w"           },
    { INSN_64, "65 aa",                      "stos es:[r7+0].1, r0.1 a8 w"               },
    { INSN_64, "65 ac",                      "lods gs:[r6+0].1, r0.1 a8 r"               },
    { INSN_16, "f3 66 a5",                   "rep movs ds:[r6+0].4, r0.4 a2 rw"          },
    { INSN_32, "67 26 a4",                   "movs es:[r6+0].1, r0.1 a2 rw"              },
    { INSN_32, "f2 ae",                      "repne scas es:[r7+0].1, r0.1 a4 r"         },
    { INSN_32, "f3 a7",                      "rep cmps ds:[r6+0].4, r0.4 a4 r"           },
    { INSN_64, "48 6d",                      "ins es:[r7+0].4, r0.8 a8 w"                },
    { INSN_32, "64 6f",                      "outs fs:[r6+0].4, r0.4 a4 r"               },
};

static void operands_are_told(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(operands) / sizeof(operands[0]); i++) {
        uint8_t bytes[16];
        unsigned n = from_hex(operands[i].bytes, bytes);
        char line[256];
        struct insn in;

        if (decode(bytes, n, operands[i].mode, &in) != INSN_OK || in.len != n) {
            fail_msg("%s does not decode", operands[i].bytes);
        }
        describe(&in, line, sizeof(line));
        if (strcmp(line, operands[i].expect) != 0) {
            fail_msg("mode %d, %s: \"%s\", not \"%s\"", operands[i].mode, operands[i].bytes, line,
                     operands[i].expect);
        }
    }
}

static void opcode_and_registers_are_told_where_the_operation_is_not(void **state)
{
    static const uint8_t mov_cr8[] = { 0x44, 0x0F, 0x22, 0x04 }; /* mod 0 is ignored: rsp */
    static const uint8_t andn[] = { 0xC4, 0x62, 0x78, 0xF2, 0x01 };
    struct insn in;

    (void)state;
    assert_int_equal(decode(mov_cr8, 4, INSN_64, &in), INSN_OK);
    assert_int_equal(in.map, INSN_MAP_0F);
    assert_int_equal(in.opcode, 0x22);
    assert_int_equal(in.reg, 8);
    assert_int_equal(in.rm, RSP);
    assert_false(in.has_mem || in.vex);
    assert_int_equal(decode(andn, 5, INSN_64, &in), INSN_OK);
    assert_true(in.vex);
    assert_int_equal(in.map, INSN_MAP_0F38);
    assert_int_equal(in.reg, R8);
}

static const uint64_t regs[GPR_COUNT] = {
    [RAX] = 0x100000001,     [RCX] = UINT64_C(0xFFFFFFFFFFFFFFFF),
    [RBX] = 0xFFFF,          [RSI] = 0xFFFFF800000000F0,
    [RDI] = 0x1234500010020, [R9] = 0xFFFFFFFFFFFFFFDF
};

static void effective_addresses_wrap_at_the_address_size(void **state)
{
    static const struct {
        enum insn_mode mode;
        const char *bytes;
        uint64_t at;
    } row[] = {
        {INSN_64,  "8b 44 cf 10",          0x1234500010028   }, /* [rdi+rcx*8+16] */
        { INSN_64, "67 8b 44 cf 10",       0x10028           }, /* [edi+ecx*8+16] */
        { INSN_64, "8b 05 f0 ff ff ff",    0xFFFFFFFF81000FF0}, /* [rip-16] */
        { INSN_64, "67 8b 05 f0 ff ff ff", 0x81000FF0        }, /* [eip-16] */
        { INSN_64, "8b 04 25 00 00 e0 fe", 0xFFFFFFFFFEE00000}, /* [disp32] */
        { INSN_32, "8b 05 00 00 e0 fe",    0xFEE00000        },
        { INSN_32, "a1 00 00 e0 fe",       0xFEE00000        },
        { INSN_16, "8b 40 20",             0x10F             }, /* [bx+si+32] */
        { INSN_64, "0f a3 07",             0x1234500010020   }, /* bt [rdi], eax: bit 1 */
        { INSN_64, "48 0f ab 07",          0x1234520010020   }, /* bts [rdi], rax: bit 2^32 + 1 */
        { INSN_64, "4c 0f ab 0f",          0x1234500010018   }, /* bts [rdi], r9: bit -33 */
        { INSN_64, "44 0f b3 0f",          0x1234500010018   }, /* btr [rdi], r9d */
        { INSN_64, "66 0f bb 0f",          0x123450001001E   }, /* btc [rdi], cx: bit -1 */
        { INSN_64, "66 0f bb 1f",          0x123450001001E   }, /* btc [rdi], bx: bit -1 */
        { INSN_64, "0f a3 1f",             0x123450001201C   }, /* bt [rdi], ebx: bit 65535 */
        { INSN_64, "0f ba 27 ff",          0x1234500010020   }, /* bt [rdi], 255 stays inside */
        { INSN_64, "a5",                   0xFFFFF800000000F0}, /* movs: the source */
        { INSN_64, "67 aa",                0x10020           }, /* stos */
        { INSN_16, "ac",                   0xF0              }, /* lods */
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        uint8_t bytes[16];
        unsigned n = from_hex(row[i].bytes, bytes);
        struct insn in;
        uint64_t at;

        assert_int_equal(decode(bytes, n, row[i].mode, &in), INSN_OK);
        at = insn_effective_address(&in, regs, 0xFFFFFFFF81001000);
        if (at != row[i].at) {
            fail_msg("%s: %llx, not %llx", row[i].bytes, (unsigned long long)at,
                     (unsigned long long)row[i].at);
        }
    }
}

static void movs_has_a_second_operand(void **state)
{
    static const uint8_t movs[] = { 0x67, 0xA4 };
    struct insn in;

    (void)state;
    assert_int_equal(decode(movs + 1, 1, INSN_64, &in), INSN_OK);
    assert_int_equal(insn_string_dest(&in, regs), 0x1234500010020);
    assert_int_equal(decode(movs, 2, INSN_32, &in), INSN_OK);
    assert_int_equal(insn_string_dest(&in, regs), 0x20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_opcode_has_its_length),
        cmocka_unit_test(a_part_of_an_instruction_is_truncated),
        cmocka_unit_test(what_is_no_instruction_is_invalid),
        cmocka_unit_test(random_bytes_are_safe),
        cmocka_unit_test(operands_are_told),
        cmocka_unit_test(opcode_and_registers_are_told_where_the_operation_is_not),
        cmocka_unit_test(effective_addresses_wrap_at_the_address_size),
        cmocka_unit_test(movs_has_a_second_operand),
    };
    return cmocka_run_group_tests_name("insn", tests, NULL, NULL);
}
