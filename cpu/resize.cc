// One axis of a line after the other: where lines become longer and more, each input line is
// resized once and output lines are blended from those; else the lines under an output line are
// blended first, and the result is resized.
#include "cpu/resize.h"

#include <algorithm>
#include <cstring>

#include "cpu/tasks.h"

namespace sardonyx {
namespace {

constexpr int64_t kKeptBytes = 512 << 10;  // of resized lines: they stay in the second cache

// The lines that one output line is made of lie within so many.
int64_t widest_reach(const ResizeAxis& axis) {
  int64_t reach = 1;
  for (int64_t i = 0; i < axis.out; ++i) {
    const int32_t* index = axis.index + i * axis.taps;
    const auto [low, high] = std::minmax_element(index, index + axis.taps);
    reach = std::max<int64_t>(reach, *high - *low + 1);
  }
  return reach;
}

// How the work is done, and what it keeps in the workspace: the tables of a gray axis, which all
// tasks read, and for each task some lines, their sources and pointers to them.
struct Plan {
  int64_t lanes = 1;
  bool gray = false;
  int64_t vectors = 0;  // of a gray output line
  bool x_first = false;
  int64_t lines = 0, tasks = 0;
  int64_t kept_lines = 1, line_floats = 0;

  int64_t table_entries(const ResizeArgs& args) const {
    return gray ? vectors * args.x.taps * lanes : 0;
  }
};

Plan make_plan(Tier tier, const ResizeArgs& args, int threads) {
  const ResizeAxis &x = args.x, &y = args.y;
  Plan plan;
  plan.lanes = resize_kernels(tier).lanes;
  plan.gray = args.channels == 1;
  plan.vectors = (x.out + plan.lanes - 1) / plan.lanes;
  // To pick the taps of a pixel takes about twice as long as to blend one.
  const int64_t resized = std::min(y.in, y.out * y.taps) * x.out * x.taps;
  const int64_t x_first_work = 2 * resized + y.out * y.taps * x.out;
  const int64_t y_first_work = 2 * y.out * x.out * x.taps + y.out * y.taps * x.in;
  const int64_t reach = y.weight == nullptr ? 0 : widest_reach(y);
  const int64_t kept_bytes = reach * x.out * args.channels * static_cast<int64_t>(sizeof(float));
  plan.x_first = x_first_work < y_first_work && kept_bytes <= kKeptBytes;
  plan.kept_lines = plan.x_first ? reach : 1;
  const int64_t line = (plan.x_first ? x.out : x.in) * args.channels;
  plan.line_floats = (line + plan.lanes - 1) / plan.lanes * plan.lanes;
  plan.lines = args.batch * y.out;
  const int64_t work = (plan.x_first ? x_first_work : y_first_work) * args.channels / y.out;
  plan.tasks = choose_tasks(plan.lines, static_cast<double>(work) / 40, threads);
  return plan;
}

// Parts of a workspace one after the other, each aligned for vectors. Without memory it counts.
class Parts {
 public:
  explicit Parts(void* memory) : memory_(static_cast<char*>(memory)) {}

  template <class T>
  T* take(int64_t count) {
    void* part = memory_ == nullptr ? nullptr : memory_ + bytes_;
    bytes_ += (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
    return static_cast<T*>(part);
  }
  size_t bytes() const { return bytes_; }

 private:
  char* memory_;
  size_t bytes_ = 0;
};

struct GrayTables {
  GrayAxis::Group* groups;
  int32_t* offset;
  float* weight;

  GrayTables(const Plan& plan, const ResizeArgs& args, Parts& parts)
      : groups(parts.take<GrayAxis::Group>(plan.gray ? plan.vectors : 0)),
        offset(parts.take<int32_t>(plan.table_entries(args))),
        weight(parts.take<float>(args.x.weight == nullptr ? 0 : plan.table_entries(args))) {}
};

struct TaskMemory {
  const float** rows;
  int64_t* sources;
  float* lines;

  TaskMemory(const Plan& plan, const ResizeArgs& args, Parts& parts)
      : rows(parts.take<const float*>(args.y.taps)),
        sources(parts.take<int64_t>(plan.kept_lines)),
        lines(parts.take<float>(plan.kept_lines * plan.line_floats)) {}
};

GrayAxis fill_gray_axis(const ResizeAxis& axis, int64_t lanes, const GrayTables& tables) {
  for (int64_t x = 0; x < axis.out; x += lanes) {
    const int64_t end = std::min(x + lanes, axis.out);
    const auto [low, high] =
        std::minmax_element(axis.index + x * axis.taps, axis.index + end * axis.taps);
    GrayAxis::Group& group = tables.groups[x / lanes];
    const auto begin =
        static_cast<int32_t>(std::min<int64_t>(*low, std::max<int64_t>(axis.in - lanes, 0)));
    group = {begin, *high - begin < lanes};
    int64_t at = x * axis.taps;
    for (int64_t t = 0; t < axis.taps; ++t) {
      for (int64_t lane = 0; lane < lanes; ++lane, ++at) {
        const int64_t from = std::min(x + lane, axis.out - 1) * axis.taps + t;
        tables.offset[at] = axis.index[from] - group.begin;
        if (axis.weight != nullptr) tables.weight[at] = axis.weight[from];
      }
    }
  }
  return {axis.in,       axis.out,      axis.taps,
          tables.groups, tables.offset, axis.weight == nullptr ? nullptr : tables.weight};
}

// Some output lines.
class LineResizer {
 public:
  LineResizer(const ResizeKernels& kernels, const ResizeArgs& args, const Plan& plan,
              const GrayAxis& gray, const TaskMemory& memory)
      : kernels_(kernels), args_(args), plan_(plan), gray_(gray), memory_(memory) {
    std::fill_n(memory.sources, plan.kept_lines, -1);
  }

  void run(int64_t line, int64_t end) {
    for (; line < end; ++line) {
      const int64_t y = line % args_.y.out;
      const int64_t image = line / args_.y.out * args_.y.in;
      const int32_t* index = args_.y.index + y * args_.y.taps;
      float* dst = args_.dst + line * out_line();
      if (args_.y.weight == nullptr) {
        nearest(image + index[0], dst);
        continue;
      }
      for (int64_t t = 0; t < args_.y.taps; ++t) {
        const int64_t from = image + index[t];
        memory_.rows[t] = plan_.x_first ? resized(from) : source(from);
      }
      float* blended = plan_.x_first ? dst : memory_.lines;
      kernels_.blend(memory_.rows, args_.y.weight + y * args_.y.taps, args_.y.taps, blended,
                     plan_.x_first ? out_line() : in_line());
      if (!plan_.x_first) resize_line(blended, dst);
    }
  }

 private:
  int64_t in_line() const { return args_.x.in * args_.channels; }
  int64_t out_line() const { return args_.x.out * args_.channels; }
  const float* source(int64_t line) const { return args_.src + line * in_line(); }

  void resize_line(const float* src, float* dst) const {
    if (plan_.gray) {
      kernels_.gray_line(gray_, src, dst);
    } else {
      kernels_.line(args_.x, src, args_.channels, dst);
    }
  }

  // One input line: often the one of the output line before.
  void nearest(int64_t from, float* dst) {
    if (from == last_) {
      std::memcpy(dst, dst - out_line(), static_cast<size_t>(out_line()) * sizeof(float));
    } else {
      resize_line(source(from), dst);
    }
    last_ = from;
  }

  // An input line with its new length. Those of one output line have places of their own.
  const float* resized(int64_t from) const {
    const int64_t place = from % plan_.kept_lines;
    float* line = memory_.lines + place * plan_.line_floats;
    if (memory_.sources[place] != from) resize_line(source(from), line);
    memory_.sources[place] = from;
    return line;
  }

  const ResizeKernels& kernels_;
  const ResizeArgs& args_;
  const Plan& plan_;
  const GrayAxis& gray_;
  const TaskMemory& memory_;
  int64_t last_ = -1;
};

}  // namespace

size_t resize_workspace_bytes(Tier tier, const ResizeArgs& args, int threads) {
  const Plan plan = make_plan(tier, args, threads);
  Parts parts(nullptr);
  GrayTables(plan, args, parts);
  for (int64_t task = 0; task < plan.tasks; ++task) TaskMemory(plan, args, parts);
  return parts.bytes();
}

void resize(Tier tier, const ResizeArgs& args, void* workspace, ThreadPool& pool) {
  const ResizeKernels& kernels = resize_kernels(tier);
  const Plan plan = make_plan(tier, args, pool.threads());
  Parts parts(workspace);
  const GrayTables tables(plan, args, parts);
  const GrayAxis gray = plan.gray ? fill_gray_axis(args.x, plan.lanes, tables) : GrayAxis();
  Parts one_task(nullptr);
  TaskMemory(plan, args, one_task);
  char* tasks = static_cast<char*>(workspace) + parts.bytes();
  pool.parallel_for(plan.tasks, [&](int64_t task) {
    Parts own(tasks + static_cast<size_t>(task) * one_task.bytes());
    const TaskMemory memory(plan, args, own);
    LineResizer(kernels, args, plan, gray, memory)
        .run(plan.lines * task / plan.tasks, plan.lines * (task + 1) / plan.tasks);
  });
}

}  // namespace sardonyx
