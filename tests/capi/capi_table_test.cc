// The table as a whole: every entry is there, and takes NULL and 0 for all of its arguments.
#include "tests/capi/client.h"

namespace sardonyx::capi_tests {
namespace {

struct Entry {
  const char* name;
  size_t offset;
  bool is_there;
};

TEST(CApiTable, HasAnEntryOfEveryName) {
  const Entry entries[] = {
#define TABLE_ENTRY(name) {#name, offsetof(OrtApi, name), api().name != nullptr},
#include "onnxruntime/table_entries.inc"
#undef TABLE_ENTRY
  };
  EXPECT_EQ(std::size(entries), 428);
  EXPECT_EQ(sizeof(OrtApi), std::size(entries) * sizeof(void*));
  for (size_t i = 0; i < std::size(entries); ++i) {
    EXPECT_TRUE(entries[i].is_there) << entries[i].name;
    EXPECT_EQ(entries[i].offset, i * sizeof(void*)) << entries[i].name;
  }
}

template <class Returned, class... Args>
Returned call_with_zeros(Returned (*entry)(Args...) noexcept) {
  return entry(Args{}...);
}

// Not a template, and not for each entry: there are hundreds.
void check_status(const char* name, OrtStatus* status) {
  const Failure failed = failure(status);
  if (failed.code == ORT_NOT_IMPLEMENTED) {
    EXPECT_THAT(failed.message, ::testing::HasSubstr(name));
  }
}

template <class Fn>
void check_with_zeros(const char* name, Fn entry) {
  if constexpr (std::is_same_v<decltype(call_with_zeros(entry)), OrtStatus*>) {
    check_status(name, call_with_zeros(entry));
  } else {
    call_with_zeros(entry);
  }
}

TEST(CApiTable, TakesNoArguments) {
#define TABLE_ENTRY(name) check_with_zeros(#name, api().name);
#include "onnxruntime/table_entries.inc"
#undef TABLE_ENTRY
}

TEST(CApiTable, NamesTheArgumentThatIsNull) {
  EXPECT_FAILS(api().CreateEnv(ORT_LOGGING_LEVEL_WARNING, "id", nullptr), ORT_INVALID_ARGUMENT,
               "CreateEnv: 'out' is NULL");
}

TEST(CApiTable, StatusesSayWhatTheyWereMadeWith) {
  OrtStatus* status = api().CreateStatus(ORT_EP_FAIL, "as said");
  EXPECT_EQ(api().GetErrorCode(status), ORT_EP_FAIL);
  EXPECT_STREQ(api().GetErrorMessage(status), "as said");
  api().ReleaseStatus(status);
}

TEST(CApiTable, OtherTablesAreThere) {
  EXPECT_EQ(api().GetTrainingApi(ORT_API_VERSION), nullptr);
  const OrtCompileApi* compile = api().GetCompileApi();
  ASSERT_NE(compile, nullptr);
  const auto* entries = reinterpret_cast<void* const*>(compile);
  for (size_t i = 0; i < sizeof(*compile) / sizeof(void*); ++i) EXPECT_NE(entries[i], nullptr) << i;
  ASSERT_NE(api().GetModelEditorApi(), nullptr);
  ASSERT_NE(api().GetEpApi(), nullptr);
  EXPECT_FAILS(call_with_zeros(api().GetEpApi()->CreateKernelRegistry), ORT_NOT_IMPLEMENTED,
               "CreateKernelRegistry");
}

}  // namespace
}  // namespace sardonyx::capi_tests
