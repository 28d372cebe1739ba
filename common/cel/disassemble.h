/* Purpose: a program's nodes as text, for `casemill cel --disassemble`: it shows what was folded.
 * The text is for people: its form may change. */
#ifndef CASEMILL_CEL_DISASSEMBLE_H
#define CASEMILL_CEL_DISASSEMBLE_H

#include "base/buf.h"
#include "cel/cel.h"

/* cel_disassemble writes one line per node, operands indented under it. */
void cel_disassemble(const struct cel_program *program, struct buf *out);

#endif
