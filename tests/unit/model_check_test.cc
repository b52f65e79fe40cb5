// What check_model refuses, and what it must let pass.
#include "model/check.h"

#include <gtest/gtest.h>

#include "model/text.h"
#include "tests/support/whole_model.h"

namespace sardonyx {
namespace {

std::string verdict(std::string_view text) {
  const auto model = parse_text(text);
  if (!model) return "does not parse: " + model.error().text();
  const auto checked = check_model(*model);
  return checked ? "fine" : checked.error().text();
}

const std::string kHead = "<ir_version: 8, opset_import: [\"\": 17]> ";

TEST(CheckModel, LetsSoundModelsPass) {
  const char* graphs[] = {
      "g (float x) => (float y) {y = Relu (x)}",
      "g (float x) => (float y) <float[1] w = {1}> {y = Add (x, w)}",
      // Initializers may be inputs, nodes in any order, outputs of nothing unnamed.
      R"(g (float x, float[1] w) => (float y) <float[1] w = {1}> {
        y = Add (z, w)
        z, "" = F (x, "")
      })",
      // Inner graphs capture and may reuse names.
      "g (float x) => (float y) {y = If <b = t () => (z) {z = Add (x, h)}> (x) h = Relu (x)}",
      "g (float x) => (float y) {y = Loop <b = t (x) => (y) {y = Neg (x)}> (x)}",
      "g (float x) => (float x) {}",
  };
  for (const char* graph : graphs) EXPECT_EQ(verdict(kHead + graph), "fine") << graph;
  EXPECT_EQ(verdict("<ir_version: 2> g (float x) => (float y) {y = Relu (x)}"), "fine");
}

TEST(CheckModel, NamesWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"g (float x) => (float y) {[n] y = Relu (z)}",
       "Relu 'n': input 0 'z' is neither a graph input"},
      {"g (float x) => (float y) {}", "graph 'g': nothing computes its output 'y'"},
      {"g (float x) => (float y) {y = A (x) y = B (x)}",
       "B (node 1): its output 'y' is already defined by A (node 0)"},
      {"g (float x) => (float x) {x = A (x)}",
       "A (node 0): its output 'x' is already defined as an input or initializer"},
      {"g (float x, float x) => (float x) {}", "graph 'g': input 'x' is listed twice"},
      {"g () => () <float w = {1}, float w = {2}> {}", "graph 'g': initializer 'w' is given twice"},
      {"g () => () <float \"\" = {1}> {}", "an initializer has no name"},
      {"g (float \"\") => () {}", "a graph input has no name"},
      {"g () => () {= \"\" ()}", "a node has no operator"},
      {"g (float x) => (float y) {y = A (x, c) b = B (y) c = C (b)}",
       "the nodes form a cycle: A (node 0) needs C (node 2) needs B (node 1) needs A (node 0)"},
      {"g () => (float y) {[self] y = A (y)}", "the nodes form a cycle: A 'self' needs A 'self'"},
      {"g (float x) => (float y) {y = If <b = t () => (z) {z = Neg (y)}> (x)}",
       "the nodes form a cycle: If (node 0) needs If (node 0)"},
      {"g (float x) => (float y) {y = If <b = t () => (z) {z = Neg (q)}> (x)}",
       "If (node 0), attribute 'b', Neg (node 0): input 0 'q'"},
      {"g (float x) => (float y) {y = com.acme.A (x)}", "no opset of domain 'com.acme'"},
      {"g (float x) => (float y) {y = A <a = 1, a = 2> (x)}", "attribute 'a' is given twice"},
      {"g (float x) => (float y) {y = A <a: int = @b> (x)}",
       "refers to 'b', but is in no function"},
  };
  for (const auto& [graph, message] : cases) {
    const std::string text = verdict(kHead + graph);
    EXPECT_NE(text.find(message), std::string::npos) << graph << ": " << text;
  }
}

TEST(CheckModel, OpsetImports) {
  EXPECT_NE(verdict("<ir_version: 8> g (float x) => (float y) {y = Relu (x)}")
                .find("no opset of domain 'ai.onnx' is imported"),
            std::string::npos);
  EXPECT_NE(verdict("<ir_version: 8, opset_import: [\"\": 0]> g () => () {}").find("not positive"),
            std::string::npos);
  EXPECT_NE(verdict("<ir_version: 8, opset_import: [\"\": 7, \"\": 8]> g () => () {}")
                .find("is imported as 7 and as 8"),
            std::string::npos);
}

TEST(CheckModel, Functions) {
  const std::string call = kHead + "g (float x) => (float y) {y = d.F (x)}\n";
  const std::string head = "<domain: \"d\", opset_import: [\"\": 17]> ";
  EXPECT_EQ(verdict(call + head + "F (a) => (b) {b = Relu (a)}"), "fine");
  EXPECT_EQ(verdict(call + head + "F (a) => (b) {b = d.G (a)}" + head + "G (a) => (a) {}"), "fine");
  const std::pair<std::string, const char*> cases[] = {
      {head + "F (a) => (b) {b = Relu (x)}", "function 'd.F', Relu (node 0): input 0 'x'"},
      {head + "F (a) => (b) {}", "function 'd.F': nothing computes its output 'b'"},
      {head + "F (a, a) => (a) {}", "input 'a' is listed twice"},
      {head + "F (a) => (a) {}" + head + "F (a) => (a) {}", "function 'd.F' is defined twice"},
      {head + "F (a) => (b) {b = d.F (a)}", "functions call themselves: function 'd.F' calls"},
      {head + "F (a) => (b) {b = d.G (a)}" + head + "G (a) => (b) {b = d.F (a)}",
       "function 'd.F' calls function 'd.G' calls function 'd.F'"},
      {"<domain: \"d\"> F (a) => (b) {b = Relu (a)}",
       "no opset of domain 'ai.onnx' is imported, which Relu of function 'd.F' needs"},
  };
  for (const auto& [functions, message] : cases) {
    const std::string text = verdict(call + functions);
    EXPECT_NE(text.find(message), std::string::npos) << functions << ": " << text;
  }
}

TEST(CheckModel, LongChainsNeedNoStack) {
  std::string text = kHead + "g (float v0) => (float v200000) {";
  for (int i = 0; i < 200000; ++i) text += fmt::format("v{} = Neg (v{})\n", i + 1, i);
  EXPECT_EQ(verdict(text + "}"), "fine");
}

}  // namespace
}  // namespace sardonyx
