#include "worker/delivery/carriers.h"
#include "worker/delivery/mail.h"
#include "worker/delivery/webhook.h"

const struct carrier *const carriers[CARRIERS_COUNT] = { &mail_carrier, &webhook_carrier };
