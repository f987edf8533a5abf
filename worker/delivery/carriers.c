#include "worker/delivery/carriers.h"
#include "worker/delivery/mail.h"

const struct carrier *const carriers[CARRIERS_COUNT] = { &mail_carrier };
