/* POST /automation/results: a pipeline reports the results of its tests. */
#ifndef SERVER_RESOURCES_RESULTS_H
#define SERVER_RESOURCES_RESULTS_H

#include "server/request/step.h"

request_function results_report;

#endif
