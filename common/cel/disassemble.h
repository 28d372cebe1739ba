/* Purpose: a program's nodes as text, for `casemill cel --disassemble` and for a reader's doubts
 * about what was folded away.  The text is for people: its form may change. */
#ifndef CASEMILL_CEL_DISASSEMBLE_H
#define CASEMILL_CEL_DISASSEMBLE_H

#include "base/buf.h"
#include "cel/cel.h"

/* cel_disassemble writes one line a node, operands indented under it. */
void cel_disassemble(const struct cel_program *program, struct buf *out);

#endif
