// `sardonyx run`: feeds a model once and shows or stores what comes out.
#include <chrono>
#include <cmath>
#include <filesystem>

#include "apps/cli/commands.h"
#include "apps/cli/inputs.h"
#include "apps/cli/npy.h"
#include "apps/cli/terminal.h"

namespace sardonyx::cli {
namespace {

struct RunCommand {
  ModelOptions model;
  InputOptions inputs;
  std::string folder;
  std::vector<std::string> outputs;
  double timeout = 0;
};

// Figures of a tensor of numbers, in double precision.
struct Summary {
  double min = INFINITY;
  double max = -INFINITY;
  double sum = 0;
  int64_t nan_count = 0;
  int64_t argmax = 0;
  std::vector<std::string> first;  // elements as text
};

template <class T>
void add_element(Summary& summary, int64_t index, T element, size_t keep) {
  const double value = static_cast<double>(element);
  if (summary.first.size() < keep) {
    summary.first.push_back(std::is_integral_v<T> ? fmt::format("{}", element)
                                                  : fmt::format("{:.6g}", value));
  }
  if (std::isnan(value)) {
    ++summary.nan_count;
    return;
  }
  if (value > summary.max) summary.argmax = index;
  summary.min = std::min(summary.min, value);
  summary.max = std::max(summary.max, value);
  summary.sum += value;
}

template <class T>
Summary summarize(const Tensor& tensor, size_t keep) {
  Summary summary;
  const std::span<T> elements = tensor.elements<T>();
  for (size_t i = 0; i < elements.size(); ++i) {
    add_element(summary, static_cast<int64_t>(i), elements[i], keep);
  }
  return summary;
}

// Empty for dtypes that C++ has no numbers for.
std::optional<Summary> summary_of(const Tensor& tensor, size_t keep) {
  switch (tensor.dtype()) {
    case DType::kFloat32:
      return summarize<float>(tensor, keep);
    case DType::kFloat64:
      return summarize<double>(tensor, keep);
    case DType::kInt8:
      return summarize<int8_t>(tensor, keep);
    case DType::kUint8:
      return summarize<uint8_t>(tensor, keep);
    case DType::kInt16:
      return summarize<int16_t>(tensor, keep);
    case DType::kUint16:
      return summarize<uint16_t>(tensor, keep);
    case DType::kInt32:
      return summarize<int32_t>(tensor, keep);
    case DType::kUint32:
      return summarize<uint32_t>(tensor, keep);
    case DType::kInt64:
      return summarize<int64_t>(tensor, keep);
    case DType::kUint64:
      return summarize<uint64_t>(tensor, keep);
    case DType::kBool:
      return summarize<bool>(tensor, keep);
    default:
      return std::nullopt;
  }
}

std::string join(const std::vector<std::string>& texts, bool more) {
  std::string line;
  for (const std::string& text : texts) line += (line.empty() ? "" : " ") + text;
  return more ? line + " ..." : line;
}

std::vector<std::string> first_strings(const Tensor& tensor, size_t keep) {
  std::vector<std::string> texts;
  for (const std::string& text : tensor.elements<std::string>()) {
    if (texts.size() == keep) break;
    texts.push_back("'" + text + "'");
  }
  return texts;
}

std::string kind_text(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kSequence:
      return fmt::format("sequence of {}", value.items().size());
    case Value::Kind::kMap:
      return fmt::format("map of {}", value.map().keys.count());
    case Value::Kind::kSparse:
      return "sparse tensor";
    case Value::Kind::kOptional:
      return value.has_value() ? "optional" : "nothing";
    default:
      return "";
  }
}

std::vector<std::string> table_row(const NamedValue& output) {
  if (!output.value.is_tensor()) return {output.name, kind_text(output.value)};
  const Tensor& tensor = output.value.tensor();
  std::vector<std::string> row{output.name, std::string(dtype_name(tensor.dtype())),
                               tensor.shape().to_string()};
  constexpr size_t kShown = 5;
  const bool more = tensor.count() > static_cast<int64_t>(kShown);
  if (tensor.dtype() == DType::kString) {
    row.insert(row.end(), {"", "", "", join(first_strings(tensor, kShown), more)});
    return row;
  }
  const std::optional<Summary> summary = summary_of(tensor, kShown);
  if (!summary || tensor.count() == 0) return row;
  const double mean =
      summary->sum / static_cast<double>(std::max<int64_t>(1, tensor.count() - summary->nan_count));
  row.insert(row.end(), {fmt::format("{:.5g}", summary->min), fmt::format("{:.5g}", summary->max),
                         fmt::format("{:.5g}", mean), join(summary->first, more)});
  return row;
}

Json json_number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json json_row(const NamedValue& output) {
  Json row{{"name", output.name}};
  if (!output.value.is_tensor()) {
    row["kind"] = kind_text(output.value);
    return row;
  }
  const Tensor& tensor = output.value.tensor();
  row["dtype"] = dtype_name(tensor.dtype());
  row["shape"] = std::vector<int64_t>(tensor.shape().begin(), tensor.shape().end());
  constexpr size_t kShown = 16;
  if (tensor.dtype() == DType::kString) {
    row["first"] = first_strings(tensor, kShown);
    return row;
  }
  if (const auto summary = summary_of(tensor, kShown); summary && tensor.count() > 0) {
    row["min"] = json_number(summary->min);
    row["max"] = json_number(summary->max);
    row["mean"] = json_number(summary->sum / static_cast<double>(tensor.count()));
    row["argmax"] = summary->argmax;
    row["nan_count"] = summary->nan_count;
    row["first"] = summary->first;
  }
  return row;
}

// A name of an output as a file name.
std::string file_name(const std::string& name) {
  std::string safe = name.empty() ? "output" : name;
  for (char& letter : safe) {
    if (letter == '/' || letter == '\\' || letter == ':' || letter == '\0') letter = '_';
  }
  return (safe[0] == '.' ? "_" + safe : safe) + ".npy";
}

void store(const std::vector<NamedValue>& outputs, const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) stop(Exit::kRunFailed, "{}: cannot be made: {}", folder, error.message());
  for (const NamedValue& output : outputs) {
    if (!output.value.is_tensor()) {
      note(fmt::format("output '{}' is not stored: it is a {}", output.name,
                       kind_text(output.value)));
      continue;
    }
    const auto path = std::filesystem::path(folder) / file_name(output.name);
    require(write_npy(path, output.value.tensor()), Exit::kRunFailed);
  }
}

void run(const RunCommand& command) {
  const Session session = load_session(command.model);
  const std::vector<NamedValue> inputs = make_inputs(session, command.inputs);
  std::vector<std::string> names = command.outputs;
  if (names.empty()) {
    for (const ArgInfo& output : session.outputs()) names.push_back(output.name);
  }
  RunOptions options;
  const auto start = std::chrono::steady_clock::now();
  if (command.timeout > 0) {
    options.deadline =
        start + std::chrono::nanoseconds(static_cast<int64_t>(command.timeout * 1e9));
  }
  std::vector<Value> values;
  {
    const Progress progress("running " + command.model.path);
    values = require_run(session.run(inputs, names, options));
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::vector<NamedValue> outputs;
  for (size_t i = 0; i < names.size(); ++i) outputs.push_back({names[i], std::move(values[i])});
  if (!command.folder.empty()) store(outputs, command.folder);

  if (command.model.json) {
    Json rows = Json::array();
    for (const NamedValue& output : outputs) rows.push_back(json_row(output));
    print_json({{"outputs", rows}, {"seconds", seconds}, {"threads", session.threads()}});
    return;
  }
  Table table({"output", "type", "shape", "min", "max", "mean", "first elements"});
  table.limit(0, 40);
  table.limit(6, 60);
  for (const NamedValue& output : outputs) table.add(table_row(output));
  fmt::print("{}{} with {} thread{}, first run\n", table.text(), duration(seconds),
             session.threads(), session.threads() == 1 ? "" : "s");
  if (!command.folder.empty()) fmt::print("outputs are in {}\n", command.folder);
}

}  // namespace

void add_run(CLI::App& app) {
  auto command = std::make_shared<RunCommand>();
  CLI::App* verb =
      add_verb(app, "run", "Run a model once on given or random inputs",
               "  sardonyx run model.onnx\n"
               "  sardonyx run model.onnx --input image=photo.jpg --resize --output results\n"
               "  sardonyx run model.onnx --input ids=ids.npy --input mask=mask.npy --json\n"
               "  sardonyx run model.onnx --shape image=1x3x224x224 --input image=zeros");
  add_model_options(*verb, command->model);
  add_input_options(*verb, command->inputs);
  verb->add_option("-o,--output", command->folder, "Folder for the outputs, as .npy files")
      ->type_name("FOLDER");
  verb->add_option("--fetch", command->outputs, "Name of an output to compute (default: all)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  verb->add_option("--timeout", command->timeout, "Give up after so many seconds")
      ->type_name("SECONDS");
  verb->callback([command] { run(*command); });
}

}  // namespace sardonyx::cli
