// Every output line: the input lines under it are blended into one, whose pixels are blended.
#include "cpu/resize.h"

#include <algorithm>

#include "cpu/tasks.h"

namespace sardonyx {
namespace {

int64_t align16(int64_t count) { return (count + 15) / 16 * 16; }

struct ResizeTasks {
  int64_t lines = 0, tasks = 0;
  int64_t line_floats = 0;  // blended line
  int64_t pointers = 0;
  size_t bytes() const {
    return static_cast<size_t>(line_floats) * sizeof(float) +
           static_cast<size_t>(pointers) * sizeof(const float*);
  }
};

ResizeTasks tasks_of(const ResizeArgs& args, int threads) {
  ResizeTasks tasks;
  tasks.lines = args.batch * args.y.out;
  const int64_t taps = args.y.taps * args.x.in + args.x.taps * args.x.out;
  tasks.tasks = choose_tasks(tasks.lines, static_cast<double>(taps * args.channels) / 20, threads);
  tasks.line_floats = align16(args.x.in * args.channels);
  tasks.pointers = (args.y.taps + 7) / 8 * 8;
  return tasks;
}

}  // namespace

size_t resize_workspace_bytes(const ResizeArgs& args, int threads) {
  const ResizeTasks tasks = tasks_of(args, threads);
  return static_cast<size_t>(tasks.tasks) * tasks.bytes();
}

void resize(Tier tier, const ResizeArgs& args, void* workspace, ThreadPool& pool) {
  const ResizeKernels& kernels = resize_kernels(tier);
  const ResizeTasks tasks = tasks_of(args, pool.threads());
  const int64_t in_line = args.x.in * args.channels;
  pool.parallel_for(tasks.tasks, [&](int64_t task) {
    char* space = static_cast<char*>(workspace) + static_cast<size_t>(task) * tasks.bytes();
    const float** rows = static_cast<const float**>(static_cast<void*>(space));
    float* blended = static_cast<float*>(static_cast<void*>(rows + tasks.pointers));
    const int64_t end = tasks.lines * (task + 1) / tasks.tasks;
    for (int64_t i = tasks.lines * task / tasks.tasks; i < end; ++i) {
      const int64_t y = i % args.y.out;
      const float* image = args.src + i / args.y.out * args.y.in * in_line;
      const int32_t* index = args.y.index + y * args.y.taps;
      const float* line = image + index[0] * in_line;
      if (args.y.weight != nullptr) {
        for (int64_t t = 0; t < args.y.taps; ++t) rows[t] = image + index[t] * in_line;
        kernels.blend(rows, args.y.weight + y * args.y.taps, args.y.taps, blended, in_line);
        line = blended;
      }
      kernels.line(args.x, line, args.channels, args.dst + i * args.x.out * args.channels);
    }
  });
}

}  // namespace sardonyx
