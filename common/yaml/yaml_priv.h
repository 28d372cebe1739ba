/* Purpose: the document, for the files of this folder. */
#ifndef CASEMILL_YAML_YAML_PRIV_H
#define CASEMILL_YAML_YAML_PRIV_H

#include "base/arena.h"
#include "yaml/yaml_doc.h"

struct yaml_doc {
    struct arena arena; /* nodes, scalars, source, name */
    const char *name;
    struct span source;
    struct yaml_node *root;
};

#endif
