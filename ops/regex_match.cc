// RegexFullMatch: true where a regular expression in RE2's syntax matches a whole string.
#include "ops/regex.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

// A pattern that is none is an error of the model; a library that is missing is one of the run.
Result<void> check_pattern(const AttrMap& attrs) {
  auto compiled = Regex::compile(attrs.get_string("pattern"), true);
  if (compiled || compiled.error().code == Code::kNotImplemented) return {};
  return tl::unexpected(std::move(compiled.error()));
}

Result<void> infer_regex(InferContext& context) {
  if (context.at_load()) TRY(check_pattern(context.attrs()));
  if (context.has_rank(0)) {
    context.set_output(0, DType::kBool, context.dims(0));
  } else {
    context.set_output(0, DType::kBool);
  }
  return {};
}

Result<std::unique_ptr<Kernel>> make_regex(const KernelRequest& request) {
  const Regex regex = TRY(Regex::compile(request.node.attrs.get_string("pattern"), true));
  return make_kernel([regex](RunArgs& args) {
    const TensorView& x = args.inputs[0];
    const TensorView dst = args.allocate(0, DType::kBool, x.shape);
    if (args.failed()) return;
    for (int64_t i = 0; i < x.count(); ++i) {
      const auto match = regex.find(x.as<std::string>()[i], 0, true);
      if (!match) {
        return args.report(Code::kFail,
                           fmt::format("the pattern on string {}: {}", i, match.error().message));
      }
      dst.as<bool>()[i] = match->has_value();
    }
  });
}

}  // namespace

OpDef op_RegexFullMatch() {
  OpDef op;
  op.versions = {20};
  op.inputs = {{"X", "T1", dtype_set(DType::kString)}};
  op.outputs = {{"Y", "T2", dtype_set(DType::kBool)}};
  op.attrs = {required_attr("pattern", FormalAttr::Kind::kString)};
  op.infer = infer_regex;
  op.kernels = {{"automaton", make_regex}};
  return op;
}

}  // namespace sardonyx
