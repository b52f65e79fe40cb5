// SARDONYX_API marks what libsardonyx.so offers to programs; everything else stays hidden.
#pragma once

#if defined(_WIN32)
#define SARDONYX_API
#else
#define SARDONYX_API __attribute__((visibility("default")))
#endif
