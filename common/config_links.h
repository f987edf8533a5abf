/* Variables that Kubernetes and container links set for other services. For a service named testkase or
 * testkase-… their names begin like those of our settings. */
#ifndef COMMON_CONFIG_LINKS_H
#define COMMON_CONFIG_LINKS_H

#include <stdbool.h>

/* Whether the variable is one of them: TESTKASE_SERVICE_HOST and _SERVICE_PORT, TESTKASE_PORT with a URL,
 * TESTKASE_PORT_80_TCP and its parts, and the _NAME and _ENV_ of links. */
bool config_links_made(const char *name, const char *value);

#endif
