// Messages to the program's logger.
#pragma once

#include <string>

#include "capi/handles.h"

namespace sardonyx::capi {

// A program's own logging function, or standard error where it gave none.
void log_message(const OrtLogger& logger, OrtLoggingLevel severity, const char* location,
                 const std::string& message);

}  // namespace sardonyx::capi
