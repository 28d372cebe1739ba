/* Purpose: what the fuzz targets share.  A target is one file fuzz_LIBRARY[_more].c with the entry
 * point below; a wrong result is a failed CHECK. */
#ifndef CASEMILL_TESTS_FUZZ_FUZZ_H
#define CASEMILL_TESTS_FUZZ_FUZZ_H

#include "base/check.h"
#include "base/span.h"

#include <stddef.h>
#include <stdint.h>

/* The entry point that libFuzzer calls; replay.c calls it with kept inputs. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#endif
