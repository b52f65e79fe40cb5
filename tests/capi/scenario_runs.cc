// Scenarios of runs: their arguments, wrong and right, by all doors; see scenarios.cc.
#include <future>

#include "tests/capi/scenario.h"

namespace sardonyx::capi_tests {
namespace {

struct Feed {
  const char* name;
  const OrtValue* value;
};

OrtStatus* running(const char* text, const std::vector<Feed>& feeds,
                   std::vector<const char*> outputs, OrtValue* given = nullptr,
                   const OrtRunOptions* options = nullptr) {
  static Session session;
  session = world().session(text);
  std::vector<const char*> names;
  std::vector<const OrtValue*> values;
  for (const Feed& feed : feeds) {
    names.push_back(feed.name);
    values.push_back(feed.value);
  }
  std::vector<OrtValue*> results(outputs.size() + 1, nullptr);
  results[0] = given;
  return api().Run(session.get(), options, names.data(), values.data(), names.size(),
                   outputs.data(), outputs.size(), results.data());
}

// The status of the call, or the one that its callback gets.
OrtStatus* running_async(const char* input_name, const OrtValue* input, const char* output_name,
                         OrtValue* given = nullptr) {
  EXPECT_OK(api().SetIntraOpNumThreads(world().options.get(), 2));
  static Session session = world().session(kAdd);
  static OrtValue* output = given;
  static std::promise<OrtStatus*> done;
  OrtStatus* status = api().RunAsync(
      session.get(), nullptr, &input_name, &input, 1, &output_name, 1, &output,
      [](void*, OrtValue**, size_t, OrtStatus* result) { done.set_value(result); }, nullptr);
  return status != nullptr ? status : done.get_future().get();
}

}  // namespace

std::vector<Scenario> runs() {  // NOLINT(readability-function-size): a table
  return {
      {"run: an input is missing",
       [] {
         return running(kTwo, {{"a", floats({2})}}, {"y"});
       }},
      {"run: an input of no such name begins=",
       [] {
         return running(kAdd, {{"bad", floats({1, 2})}}, {"y"});
       }},
      {"run: an output of no such name begins=",
       [] {
         return running(kAdd, {{"x", floats({1, 2})}}, {"bad"});
       }},
      {"run: no outputs=",
       [] {
         return running(kAdd, {{"x", floats({1, 2})}}, {});
       }},
      {"run: an output without a name=",
       [] {
         return running(kAdd, {{"x", floats({1, 2})}}, {""});
       }},
      {"run: an input without a name=",
       [] {
         return running(kAdd, {{"", floats({1, 2})}}, {"y"});
       }},
      {"run: an input that is NULL=",
       [] {
         return running(kAdd, {{"x", nullptr}}, {"y"});
       }},
      {"run: of another element type=",
       [] {
         return running(kAdd, {{"x", doubles({1, 2})}}, {"y"});
       }},
      {"run: strings for floats=",
       [] {
         return running(kAdd, {{"x", strings(2)}}, {"y"});
       }},
      {"run: of another rank begins=",
       [] {
         return running(kAdd, {{"x", floats({2})}}, {"y"});
       }},
      {"run: of other dims=",
       [] {
         return running(kAdd, {{"x", floats({1, 4})}}, {"y"});
       }},
      {"run: a sequence for a tensor",
       [] {
         return running(kAdd, {{"x", sequence({floats({2})})}}, {"y"});
       }},
      {"run: a tensor for a sequence",
       [] {
         return running(kSequence, {{"x", floats({2})}, {"i", ints({})}}, {"y"});
       }},
      {"run: a sequence of another type=",
       [] {
         return running(kSequence, {{"x", sequence({doubles({2})})}, {"i", ints({})}}, {"y"});
       }},
      {"run: an index beyond a sequence",
       [] {
         return running(kSequence, {{"x", sequence({floats({2})})}, {"i", ints({})}}, {"y"});
       }},
      {"run: a shape that does not fit",
       [] {
         return running(kReshape, {{"x", floats({3})}, {"s", ints({1})}}, {"y"});
       }},
      {"run: an output too small",
       [] {
         return running(kAdd, {{"x", floats({2, 2})}}, {"y"}, floats({1, 2}));
       }},
      {"run: an output of another rank begins=",
       [] {
         return running(kAdd, {{"x", floats({2, 2})}}, {"y"}, floats({4}));
       }},
      {"run: an output of other dims=",
       [] {
         return running(kAdd, {{"x", floats({1, 2})}}, {"y"}, floats({1, 4}));
       }},
      {"run: an output that is a sequence",
       [] {
         return running(kAdd, {{"x", floats({1, 2})}}, {"y"}, sequence({floats({2})}));
       }},
      {"run: an output of strings=",
       [] {
         return running(kAdd, {{"x", floats({1, 2})}}, {"y"}, strings(2));
       }},
      {"run: a wrong input and a wrong output=",
       [] {
         return running(kAdd, {{"x", doubles({1, 2})}}, {"bad"}, doubles({2}));
       }},
      {"run: an output of another type=",
       [] {
         return running(kAdd, {{"x", floats({2, 2})}}, {"y"}, doubles({2, 2}));
       }},
      {"run: an output that fits",
       [] {
         return running(kAdd, {{"x", floats({2, 2})}}, {"y"}, floats({2, 2}));
       }},
      {"run: one input twice",
       [] {
         return running(kAdd, {{"x", floats({1, 2})}, {"x", floats({1, 2})}}, {"y"});
       }},
      {"run: one output twice",
       [] {
         return running(kAdd, {{"x", floats({1, 2})}}, {"y", "y"});
       }},
      {"run: terminated=",
       [] {
         OrtRunOptions* options = nullptr;
         EXPECT_OK(api().CreateRunOptions(&options));
         EXPECT_OK(api().RunOptionsSetTerminate(options));
         return running(kAdd, {{"x", floats({1, 2})}}, {"y"}, nullptr, options);
       }},
      {"run: an empty batch",
       [] {
         return running(kAdd, {{"x", floats({0, 2})}}, {"y"});
       }},
      {"run: async, all right",
       [] {
         return running_async("x", floats({1, 2}), "y");
       }},
      {"run: async, an input of no such name begins=",
       [] {
         return running_async("bad", floats({1, 2}), "y");
       }},
      {"run: async, an input without a name=",
       [] {
         return running_async("", floats({1, 2}), "y");
       }},
      {"run: async, an output of no such name begins=",
       [] {
         return running_async("x", floats({1, 2}), "bad");
       }},
      {"run: async, an output without a name=",
       [] {
         return running_async("x", floats({1, 2}), "");
       }},
      {"run: async, of another element type=",
       [] {
         return running_async("x", doubles({1, 2}), "y");
       }},
      {"run: async, of other dims=",
       [] {
         return running_async("x", floats({1, 4}), "y");
       }},
      {"run: async, an output of another type=",
       [] {
         return running_async("x", floats({1, 2}), "y", doubles({1, 2}));
       }},
      {"run: async, an output of other dims=",
       [] {
         return running_async("x", floats({1, 2}), "y", floats({1, 4}));
       }},
      {"run: async with one thread=",
       [] {
         static Session session;
         session = world().session(kAdd);
         static const char* const x = "x";
         static const char* const y = "y";
         static const OrtValue* input = floats({1, 2});
         static OrtValue* output = nullptr;
         return api().RunAsync(
             session.get(), nullptr, &x, &input, 1, &y, 1, &output,
             [](void*, OrtValue**, size_t, OrtStatus*) {}, nullptr);
       }},
  };
}

std::vector<Scenario> bindings() {
  const auto binding = [] {
    static Session session;
    session = world().session(kAdd);
    return made<IoBinding>(api().CreateIoBinding, session.get()).release();
  };
  const auto run_bound = [](OrtIoBinding* bound) {
    static Session session;
    session = world().session(kAdd);
    return api().RunWithBinding(session.get(), nullptr, bound);
  };
  const auto run_both = [=](OrtValue* input, OrtValue* output) {
    OrtIoBinding* bound = binding();
    EXPECT_OK(api().BindInput(bound, "x", input));
    EXPECT_OK(api().BindOutput(bound, "y", output));
    return run_bound(bound);
  };
  return {
      {"binding: an input of no such name",
       [=] {
         return api().BindInput(binding(), "bad", floats({1, 2}));
       }},
      {"binding: an output of no such name begins=",
       [=]() -> OrtStatus* {
         OrtIoBinding* bound = binding();
         if (OrtStatus* status = api().BindInput(bound, "x", floats({1, 2}))) return status;
         if (OrtStatus* status = api().BindOutput(bound, "bad", floats({1, 2}))) return status;
         return run_bound(bound);
       }},
      {"binding: an input of another type=",
       [=] {
         return run_both(doubles({1, 2}), floats({1, 2}));
       }},
      {"binding: an input of other dims=",
       [=] {
         return run_both(floats({1, 4}), floats({1, 2}));
       }},
      {"binding: an output of another type=",
       [=] {
         return run_both(floats({1, 2}), doubles({1, 2}));
       }},
      {"binding: an output of another rank begins=",
       [=] {
         return run_both(floats({1, 2}), floats({2}));
       }},
      {"binding: an output of other dims=",
       [=] {
         return run_both(floats({1, 2}), floats({1, 4}));
       }},
      {"binding: an output too small",
       [=] {
         return run_both(floats({2, 2}), floats({1, 2}));
       }},
      {"binding: nothing=", [=] { return run_bound(binding()); }},
      {"binding: no input",
       [=]() -> OrtStatus* {
         OrtIoBinding* bound = binding();
         if (OrtStatus* status = api().BindOutput(bound, "y", floats({1, 2}))) return status;
         return run_bound(bound);
       }},
      {"binding: inputs and outputs",
       [=] {
         return run_both(floats({1, 2}), floats({1, 2}));
       }},
  };
}

}  // namespace sardonyx::capi_tests
