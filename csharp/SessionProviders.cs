using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    // Providers other than the CPU's. Each is asked for by name; where the library has none of the
    // name, its error is thrown.
    public partial class SessionOptions
    {
        [DllImport("onnxruntime", EntryPoint = "OrtSessionOptionsAppendExecutionProvider_CPU")]
        private static extern IntPtr AppendCpu(IntPtr options, int useArena);

        [DllImport("libonnxruntime.so.1",
            EntryPoint = "OrtSessionOptionsAppendExecutionProvider_CPU")]
        private static extern IntPtr AppendCpuOfSoname(IntPtr options, int useArena);

        public void AppendExecutionProvider_CPU(int useArena = 1)
        {
            using (Lease options = this.Hold())
            {
                IntPtr status;
                try
                {
                    status = AppendCpu(options.Pointer, useArena);
                }
                catch (DllNotFoundException)
                {
                    status = AppendCpuOfSoname(options.Pointer, useArena);
                }
                Status.Check(status);
            }
        }

        public void AppendExecutionProvider(string providerName,
            Dictionary<string, string> providerOptions = null)
        {
            string[] keys = providerOptions?.Keys.ToArray() ?? new string[0];
            using (var names = new Texts(keys))
            using (var values = new Texts(keys.Select(key => providerOptions[key])))
            using (Lease options = this.Hold())
            {
                Status.Check(Table.SessionOptionsAppendExecutionProvider(options.Pointer,
                    Text.Bytes(providerName), names.Pointers, values.Pointers,
                    Shapes.Count(keys.Length)));
            }
        }

        private void Append(string provider, string key, object value)
        {
            AppendExecutionProvider(provider, new Dictionary<string, string>
            {
                { key, Convert.ToString(value, CultureInfo.InvariantCulture) },
            });
        }

        public void AppendExecutionProvider_Dnnl(int useArena = 1)
        {
            Append("Dnnl", "use_arena", useArena);
        }

        public void AppendExecutionProvider_CUDA(int deviceId = 0)
        {
            using (var cuda = new OrtCUDAProviderOptions())
            {
                cuda.UpdateOptions(new Dictionary<string, string>
                {
                    { "device_id", deviceId.ToString(CultureInfo.InvariantCulture) },
                });
                AppendExecutionProvider_CUDA(cuda);
            }
        }

        public void AppendExecutionProvider_CUDA(OrtCUDAProviderOptions cudaProviderOptions)
        {
            using (Lease options = this.Hold())
            using (Lease cuda = new Lease(cudaProviderOptions))
            {
                Status.Check(Table.SessionOptionsAppendExecutionProvider_CUDA_V2(
                    options.Pointer, cuda.Pointer));
            }
        }

        public void AppendExecutionProvider_Tensorrt(int deviceId = 0)
        {
            using (var tensorRt = new OrtTensorRTProviderOptions())
            {
                tensorRt.UpdateOptions(new Dictionary<string, string>
                {
                    { "device_id", deviceId.ToString(CultureInfo.InvariantCulture) },
                });
                AppendExecutionProvider_Tensorrt(tensorRt);
            }
        }

        public void AppendExecutionProvider_Tensorrt(OrtTensorRTProviderOptions trtProviderOptions)
        {
            using (Lease options = this.Hold())
            using (Lease tensorRt = new Lease(trtProviderOptions))
            {
                Status.Check(Table.SessionOptionsAppendExecutionProvider_TensorRT_V2(
                    options.Pointer, tensorRt.Pointer));
            }
        }

        public void AppendExecutionProvider_ROCm(int deviceId = 0)
        {
            Append("ROCM", "device_id", deviceId);
        }

        public void AppendExecutionProvider_ROCm(OrtROCMProviderOptions rocmProviderOptions)
        {
            using (Lease options = this.Hold())
            using (Lease rocm = new Lease(rocmProviderOptions))
            {
                Status.Check(Table.SessionOptionsAppendExecutionProvider_ROCM(
                    options.Pointer, rocm.Pointer));
            }
        }

        public void AppendExecutionProvider_MIGraphX(int deviceId = 0)
        {
            Append("MIGraphX", "device_id", deviceId);
        }

        public void AppendExecutionProvider_DML(int deviceId = 0)
        {
            Append("DML", "device_id", deviceId);
        }

        public void AppendExecutionProvider_OpenVINO(string deviceId = "")
        {
            Append("OpenVINO", "device_type", deviceId);
        }

        public void AppendExecutionProvider_Nnapi(
            NnapiFlags nnapiFlags = NnapiFlags.NNAPI_FLAG_USE_NONE)
        {
            Append("NNAPI", "flags", (uint)nnapiFlags);
        }

        public void AppendExecutionProvider_CoreML(
            CoreMLFlags coremlFlags = CoreMLFlags.COREML_FLAG_USE_NONE)
        {
            Append("CoreML", "flags", (uint)coremlFlags);
        }

        public static SessionOptions MakeSessionOptionWithCudaProvider(int deviceId = 0)
        {
            return Make(options => options.AppendExecutionProvider_CUDA(deviceId));
        }

        public static SessionOptions MakeSessionOptionWithCudaProvider(
            OrtCUDAProviderOptions cudaProviderOptions)
        {
            return Make(options => options.AppendExecutionProvider_CUDA(cudaProviderOptions));
        }

        public static SessionOptions MakeSessionOptionWithTensorrtProvider(int deviceId = 0)
        {
            return Make(options => options.AppendExecutionProvider_Tensorrt(deviceId));
        }

        public static SessionOptions MakeSessionOptionWithTensorrtProvider(
            OrtTensorRTProviderOptions trtProviderOptions)
        {
            return Make(options => options.AppendExecutionProvider_Tensorrt(trtProviderOptions));
        }

        public static SessionOptions MakeSessionOptionWithRocmProvider(int deviceId = 0)
        {
            return Make(options => options.AppendExecutionProvider_ROCm(deviceId));
        }

        public static SessionOptions MakeSessionOptionWithRocmProvider(
            OrtROCMProviderOptions rocmProviderOptions)
        {
            return Make(options => options.AppendExecutionProvider_ROCm(rocmProviderOptions));
        }

        private static SessionOptions Make(Action<SessionOptions> append)
        {
            var options = new SessionOptions();
            try
            {
                append(options);
                return options;
            }
            catch
            {
                options.Dispose();
                throw;
            }
        }
    }
}
