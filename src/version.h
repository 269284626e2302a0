/* The version that pxHV shows. A constant: no lock. */
#pragma once
#define PXHV_VERSION "0.1.0"
