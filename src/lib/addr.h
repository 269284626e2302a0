/* Host-physical and guest-physical addresses are types of their own, so that they cannot be mixed
 * up. Host-virtual addresses are plain pointers, guest-virtual ones plain numbers. Values only: no
 * lock. */
#pragma once
#include <stdint.h>

/* Host-physical: what EPT and NPT entries hold. */
typedef struct {
    uint64_t v;
} hpa_t;

/* Guest-physical: what the guest takes for RAM. */
typedef struct {
    uint64_t v;
} gpa_t;

#define HPA(x) ((hpa_t){ (x) })
#define GPA(x) ((gpa_t){ (x) })

#define PAGE_SHIFT 12
#define PAGE_SIZE  UINT64_C(4096)
#define KIB        UINT64_C(1024)
#define MIB        (UINT64_C(1024) * KIB)
#define GIB        (UINT64_C(1024) * MIB)

static inline gpa_t gpa_add(gpa_t a, uint64_t n)
{
    return GPA(a.v + n);
}

static inline hpa_t hpa_add(hpa_t a, uint64_t n)
{
    return HPA(a.v + n);
}
