// What comes of a call that may end the process: outcome() makes it in a process of its own.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "tests/capi/client.h"

namespace sardonyx::capi_tests {

// Writes "ok", or the status's code and message in one line, and releases it.
inline void print_status(int file, OrtStatus* status) {
  std::string text = "ok";
  if (status != nullptr) {
    text = std::to_string(api().GetErrorCode(status)) + " " + api().GetErrorMessage(status);
    for (char& letter : text) {
      if (letter == '\n' || letter == '\t') letter = ' ';
    }
    api().ReleaseStatus(status);
  }
  if (write(file, text.data(), text.size()) < 0) _exit(3);
}

// What `call` writes to the pipe, from a process of its own, or how that ended.
template <class Call>
std::string outcome(const Call& call) {
  int ends[2];
  if (pipe(ends) != 0) std::exit(3);
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    alarm(10);
    const int null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    for (const int number : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE}) signal(number, SIG_DFL);
    call(ends[1]);
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char part[4096];
  for (ssize_t got; (got = read(ends[0], part, sizeof(part))) > 0;) {
    text.append(part, static_cast<size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return "crash " + std::to_string(WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) return "crash exit " + std::to_string(WEXITSTATUS(status));
  return text;
}

}  // namespace sardonyx::capi_tests
