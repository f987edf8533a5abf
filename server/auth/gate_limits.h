/* The bounds of gate.c. */
#ifndef SERVER_AUTH_GATE_LIMITS_H
#define SERVER_AUTH_GATE_LIMITS_H

#include "server/database/id_array.h"

/* Tokens whose states one query reads. */
#define GATE_BATCH_MAX ID_ARRAY_MAX

/* Questions that make a second round worth its cost beside the one under way; fewer wait for the next. */
#define GATE_SECOND_ROUND_MIN 16

#endif
