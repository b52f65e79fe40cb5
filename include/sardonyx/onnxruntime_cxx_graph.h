// The C++ wrapper's models that a program builds or looks at: ValueInfo, OpAttr, Node, Graph,
// Model. Part of onnxruntime_cxx_api.h.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "onnxruntime_cxx_env.h"

namespace Ort {

namespace detail {

// One of T's elements, by ReadOpAttr.
template <class R>
struct OpAttrKind;
template <>
struct OpAttrKind<int64_t> {
  static constexpr OrtOpAttrType one = ORT_OP_ATTR_INT, many = ORT_OP_ATTR_INTS;
};
template <>
struct OpAttrKind<float> {
  static constexpr OrtOpAttrType one = ORT_OP_ATTR_FLOAT, many = ORT_OP_ATTR_FLOATS;
};
template <>
struct OpAttrKind<std::string> {
  static constexpr OrtOpAttrType one = ORT_OP_ATTR_STRING, many = ORT_OP_ATTR_STRINGS;
};

// The bytes of an attribute; asked for twice, as the first answer is how many there are.
inline Status read_attr_bytes(const OrtOpAttr* attr, OrtOpAttrType type, std::string& bytes) {
  size_t size = 0;
  // The first call fails for want of room, and tells the size.
  static_cast<void>(Status(GetApi().ReadOpAttr(attr, type, nullptr, 0, &size)));
  bytes.resize(size);
  return Status(GetApi().ReadOpAttr(attr, type, bytes.data(), bytes.size(), &size));
}

template <class T>
struct ConstOpAttrImpl : Base<T> {
  using Base<T>::Base;

  std::string GetName() const {
    const char* name = nullptr;
    ThrowOnError(GetApi().OpAttr_GetName(this->p_, &name));
    return name;
  }
  OrtOpAttrType GetType() const {
    OrtOpAttrType type;
    ThrowOnError(GetApi().OpAttr_GetType(this->p_, &type));
    return type;
  }
  template <class R>
  Status GetValue(R& value) const {
    if constexpr (std::is_same_v<R, std::string>) {
      return read_attr_bytes(this->p_, ORT_OP_ATTR_STRING, value);
    } else {
      size_t size = 0;
      return Status(GetApi().ReadOpAttr(this->p_, OpAttrKind<R>::one, &value, sizeof value, &size));
    }
  }
  template <class R>
  Status GetValueArray(std::vector<R>& values) const {
    std::string bytes;
    Status status = read_attr_bytes(this->p_, OpAttrKind<R>::many, bytes);
    if (!status.IsOK()) return status;
    if constexpr (std::is_same_v<R, std::string>) {
      // Strings end in zeros, one after the other.
      values.clear();
      for (size_t begin = 0; begin < bytes.size(); begin += values.back().size() + 1) {
        values.emplace_back(bytes.c_str() + begin);
      }
    } else {
      values.resize(bytes.size() / sizeof(R));
      if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(R));
    }
    return status;
  }
  Status GetTensorAttributeAsOrtValue(Value& value) const {
    OrtValue* made = nullptr;
    Status status(GetApi().OpAttr_GetTensorAttributeAsOrtValue(this->p_, &made));
    if (status.IsOK()) value = Value(made);
    return status;
  }
};

}  // namespace detail

using ConstOpAttr = detail::ConstOpAttrImpl<detail::Unowned<const OrtOpAttr>>;

// An attribute: `data` is an int64_t, a float, chars, an array of these or of C strings; `count`
// says how many.
struct OpAttr : detail::ConstOpAttrImpl<OrtOpAttr> {
  OpAttr() = default;
  explicit OpAttr(std::nullptr_t) {}
  explicit OpAttr(OrtOpAttr* attr) : ConstOpAttrImpl(attr) {}
  OpAttr(const char* name, const void* data, int count, OrtOpAttrType type) {
    ThrowOnError(GetApi().CreateOpAttr(name, data, count, type, &p_));
  }
  ConstOpAttr GetConst() const { return ConstOpAttr(p_); }
};

namespace detail {

template <class T>
struct ConstValueInfoImpl : Base<T> {
  using Base<T>::Base;

  std::string GetName() const {
    const char* name = nullptr;
    ThrowOnError(GetApi().GetValueInfoName(this->p_, &name));
    return name;
  }
  ConstTypeInfo TypeInfo() const {
    const OrtTypeInfo* info = nullptr;
    ThrowOnError(GetApi().GetValueInfoTypeInfo(this->p_, &info));
    return ConstTypeInfo(info);
  }
};

}  // namespace detail

using ConstValueInfo = detail::ConstValueInfoImpl<detail::Unowned<const OrtValueInfo>>;

struct ValueInfo : detail::ConstValueInfoImpl<OrtValueInfo> {
  ValueInfo() = default;
  explicit ValueInfo(std::nullptr_t) {}
  explicit ValueInfo(OrtValueInfo* info) : ConstValueInfoImpl(info) {}
  explicit ValueInfo(const std::string& name, const ConstTypeInfo& type) {
    ThrowOnError(GetModelEditorApi().CreateValueInfo(name.c_str(), type, &p_));
  }
  ConstValueInfo GetConst() const { return ConstValueInfo(p_); }
};

struct Node : detail::Base<OrtNode> {
  using Base = detail::Base<OrtNode>;

  Node() = default;
  explicit Node(std::nullptr_t) {}
  explicit Node(OrtNode* node) : Base(node) {}
  Node(const std::string& op_type, const std::string& domain, const std::string& name,
       const std::vector<std::string>& inputs, const std::vector<std::string>& outputs) {
    std::vector<OpAttr> none;
    create(op_type, domain, name, inputs, outputs, none);
  }
  // Takes the attributes over.
  Node(const std::string& op_type, const std::string& domain, const std::string& name,
       const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
       std::vector<OpAttr>& attributes) {
    create(op_type, domain, name, inputs, outputs, attributes);
  }

 private:
  void create(const std::string& op_type, const std::string& domain, const std::string& name,
              const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
              std::vector<OpAttr>& attributes) {
    const auto texts = [](const std::vector<std::string>& names) {
      std::vector<const char*> pointers;
      pointers.reserve(names.size());
      for (const std::string& each : names) pointers.push_back(each.c_str());
      return pointers;
    };
    std::vector<OrtOpAttr*> handles(attributes.begin(), attributes.end());
    ThrowOnError(GetModelEditorApi().CreateNode(
        op_type.c_str(), domain.c_str(), name.c_str(), texts(inputs).data(), inputs.size(),
        texts(outputs).data(), outputs.size(), handles.data(), handles.size(), &p_));
    for (OpAttr& attribute : attributes) attribute.release();
  }
};

// What is given to a graph is the graph's from then on.
struct Graph : detail::Base<OrtGraph> {
  using Base = detail::Base<OrtGraph>;

  explicit Graph(std::nullptr_t) {}
  explicit Graph(OrtGraph* graph) : Base(graph) {}
  Graph() { ThrowOnError(GetModelEditorApi().CreateGraph(&p_)); }

  void SetInputs(std::vector<ValueInfo>& inputs) {
    give(inputs, GetModelEditorApi().SetGraphInputs);
  }
  void SetOutputs(std::vector<ValueInfo>& outputs) {
    give(outputs, GetModelEditorApi().SetGraphOutputs);
  }
  // `data_is_external`: the value's memory is the program's, and outlives the session.
  void AddInitializer(const std::string& name, Value& value, bool data_is_external) {
    ThrowOnError(
        GetModelEditorApi().AddInitializerToGraph(p_, name.c_str(), value, data_is_external));
    value.release();
  }
  void AddNode(Node& node) {
    ThrowOnError(GetModelEditorApi().AddNodeToGraph(p_, node));
    node.release();
  }

 private:
  template <class Entry>
  void give(std::vector<ValueInfo>& infos, Entry entry) {
    std::vector<OrtValueInfo*> handles(infos.begin(), infos.end());
    ThrowOnError(entry(p_, handles.data(), handles.size()));
    for (ValueInfo& info : infos) info.release();
  }
};

struct Model : detail::Base<OrtModel> {
  using Base = detail::Base<OrtModel>;
  using DomainOpsetPair = std::pair<std::string, int>;

  explicit Model(std::nullptr_t) {}
  explicit Model(OrtModel* model) : Base(model) {}
  explicit Model(const std::vector<DomainOpsetPair>& opsets) {
    std::vector<const char*> domains;
    std::vector<int> versions;
    for (const auto& [domain, version] : opsets) {
      domains.push_back(domain.c_str());
      versions.push_back(version);
    }
    ThrowOnError(
        GetModelEditorApi().CreateModel(domains.data(), versions.data(), domains.size(), &p_));
  }
  // Takes the graph over.
  void AddGraph(Graph& graph) {
    ThrowOnError(GetModelEditorApi().AddGraphToModel(p_, graph));
    graph.release();
  }
};

}  // namespace Ort
