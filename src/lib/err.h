/* The one error type: every function that can fail returns it. Values only: no lock. */
#pragma once

#define MUST_CHECK __attribute__((warn_unused_result))

enum err {
    ERR_NONE = 0,
    ERR_NOMEM,   /* out of frames or table slots */
    ERR_INVAL,   /* the arguments or the data make no sense */
    ERR_RANGE,   /* an address range is empty, wraps, or is outside guest RAM */
    ERR_OVERLAP, /* the range is claimed already */
    ERR_NOTSUP,  /* the CPU lacks a needed feature */
    ERR_HW,      /* VMXON, VMLAUNCH, VMRUN, ... refused */
};

/* A short English phrase for the error, for example "out of memory"; never NULL. */
const char *err_name(enum err e);
