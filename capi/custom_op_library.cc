// See capi/custom_op_library.h.
#include "capi/custom_op_library.h"

#include "base/thread_pool.h"
#include "capi/custom_ops.h"
#include "capi/door.h"
#include "capi/tables.h"

namespace sardonyx::capi {

Result<std::vector<std::shared_ptr<const CustomOp>>> load_custom_ops(const std::string& path) {
  OrtSessionOptions options;
  TRY(take_status(table().RegisterCustomOpsLibrary_V2(&options, path.c_str())));
  // They may be given to any session: their parallel loops run in the process-wide pool.
  return custom_ops_of(options, shared_thread_pool(0), OrtLogger());
}

}  // namespace sardonyx::capi
